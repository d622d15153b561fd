/**
 * Passes requests of a site on to its upstreams. Loaded only where a location has `proxy`. Runs in the gateway; one for each configuration.
 *
 * Not here: what becomes of the response's orders (`content.ts`), the connection (`upstream/`).
 */
import { randomBytes } from 'node:crypto'
import { LiveBody } from '../../apps/pool/live-body.ts'
import { DeadlineList } from '../../base/deadlines.ts'
import type { ReportedUpstream } from '../../control/messages.ts'
import type { Exchange } from '../../http/exchange.ts'
import { headerValue } from '../../http/headers.ts'
import { proxyTarget } from '../../routing/sites/proxy.ts'
import type { Evaluate, SiteRequest } from '../../routing/sites/site-request.ts'
import type { Upstream } from '../../sites/upstream-model.ts'
import { GroupMemories } from '../../upstream/balance/group-memories.ts'
import type { UpstreamHead } from '../../upstream/response-head.ts'
import { Upstreams } from '../../upstream/upstreams.ts'
import type { SharedParts } from '../shared-parts.ts'
import { headForClient, proxiedFields } from './proxy-head.ts'

/** For the client of a WebSocket to close behind our FIN. */
const LINGER_MS = 2000
/** What a client does not take at once is kept in memory up to this, then in a temporary file. */
const MEMORY_BUFFER = 1024 ** 2
/** As nginx's `proxy_max_temp_file_size`, in size of what an application's response may have. */
const RESPONSE_BUFFER = 256 * 1024 ** 2
/** Bytes of content of a request, where the location does not say it: as an application's `limit-request-body` by default. */
const BODY_LIMIT = 1024 ** 3

export class Proxied {
  readonly #upstreams: Upstreams
  readonly #hashKeys: ReadonlyMap<string, Evaluate>
  readonly #parts: SharedParts
  readonly #refuse: (exchange: Exchange, error: Error) => void

  constructor(
    upstreams: readonly Upstream[],
    hashKeys: ReadonlyMap<string, Evaluate>,
    parts: SharedParts,
    refuse: (exchange: Exchange, error: Error) => void,
  ) {
    const { space, memory, config, log, groups } = parts
    groups.current ??= new GroupMemories(1)
    this.#hashKeys = hashKeys
    this.#parts = parts
    this.#refuse = refuse
    this.#upstreams = new Upstreams(upstreams, groups.current, {
      relay: { space, memory: memory.budget, memoryBuffer: MEMORY_BUFFER, responseBuffer: RESPONSE_BUFFER },
      tunnels: {
        memory: memory.budget,
        send: new DeadlineList(config.timeouts.send),
        sendMs: config.timeouts.send,
        passing: () => null,
        linger: new DeadlineList(LINGER_MS),
        watchMs: config.timeouts.websocketPing,
      },
      log,
      refuse,
    })
  }

  /** The exchange's response is already what the site makes of it. */
  handle(request: SiteRequest): void {
    const { exchange, location } = request
    const proxy = location.proxy!
    const settings = location.settings.proxy
    const { body } = exchange
    const hasContent = body.length !== 0 && !body.isPulled && !exchange.isWebSocket
    const tooLarge = !hasContent ? null : body.limitTo(location.settings.bodyLimit ?? BODY_LIMIT)
    if (tooLarge !== null) {
      this.#refuse(exchange, tooLarge)
      return
    }
    let webSocketKey: string | null = null
    if (exchange.isWebSocket) {
      try {
        exchange.checkWebSocket()
      } catch (error) {
        this.#refuse(exchange, error as Error)
        return
      }
      // Over HTTP/2 there is none (RFC8441§5).
      webSocketKey = headerValue(exchange.request.headers, 'sec-websocket-key') ?? randomBytes(16).toString('base64')
    }
    const call = {
      head: {
        method: webSocketKey === null ? exchange.request.method : 'GET',
        target: proxyTarget(proxy, request),
        headers: proxiedFields(proxy, request),
        contentLength: hasContent ? body.length : 0,
        webSocketKey,
      },
      body: !hasContent ? null : new LiveBody(body, this.#parts.memory.budget),
      question: { address: exchange.peer.address, key: this.#hashKeys.get(proxy.upstream)?.(request) ?? '' },
      toClient: (head: UpstreamHead) => headForClient(head, proxy, settings),
    }
    this.#upstreams.handle(exchange, proxy.upstream, call, settings)
  }

  /** Their servers have changed. */
  setUpstreams(upstreams: readonly Upstream[]): void {
    this.#upstreams.setServers(upstreams)
  }

  report(): ReportedUpstream[] {
    return this.#upstreams.report()
  }

  drain(): void {
    this.#upstreams.drain()
  }

  /** Another configuration is in force. Requests that run go on. */
  close(): void {
    this.#upstreams.close()
  }
}
