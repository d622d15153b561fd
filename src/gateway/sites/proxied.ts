/**
 * Passes requests of a site on to its upstreams. Loaded only where a location has `proxy`. Runs in the gateway; one for each configuration.
 *
 * Not here: what becomes of the response's orders (`content.ts`), the connection (`upstream/`).
 */
import { randomBytes } from 'node:crypto'
import { LiveBody } from '../../apps/pool/live-body.ts'
import { DeadlineList } from '../../base/deadlines.ts'
import { loadNow } from '../../base/load-now.ts'
import type { ReportedUpstream } from '../../control/messages.ts'
import { HttpError } from '../../http/errors.ts'
import type { Exchange } from '../../http/exchange.ts'
import { type HeaderLines, headerValue } from '../../http/headers.ts'
import type { CompiledSites } from '../../routing/sites/compile.ts'
import { chooseServer, notAllowed } from '../../routing/sites/destination.ts'
import { proxyTarget } from '../../routing/sites/proxy.ts'
import type {
  CompiledDestination,
  CompiledProxy,
  CompiledScript,
  SiteRequest,
} from '../../routing/sites/site-request.ts'
import type { SitesModel } from '../../sites/model.ts'
import type { Upstream } from '../../sites/upstream-model.ts'
import { GroupMemories } from '../../upstream/balance/group-memories.ts'
import { CallRecord } from '../../upstream/call-record.ts'
import type { OutgoingBody } from '../../upstream/call-request.ts'
import type { Destinations } from '../../upstream/destinations.ts'
import { UpstreamGroup } from '../../upstream/group.ts'
import type { OutgoingHead } from '../../upstream/request-head.ts'
import type { UpstreamHead } from '../../upstream/response-head.ts'
import { ConnectionRoom } from '../../upstream/room.ts'
import { Upstreams } from '../../upstream/upstreams.ts'
import type { SharedParts } from '../shared-parts.ts'
import { type CollectedContent, collectContent } from './collected-content.ts'
import { fieldsBeside, fieldsOfSwitch, headForClient, proxiedFields } from './proxy-head.ts'

/** Most sites have no scripts. */
let scriptRequest: typeof import('./script-request.ts') | null = null
function loadScriptRequest(): typeof import('./script-request.ts') {
  scriptRequest ??= loadNow<typeof import('./script-request.ts')>(import.meta, './script-request')
  return scriptRequest
}

/** In most sites the configuration names all servers. */
let destinations: typeof import('../../upstream/destinations.ts') | null = null
function loadDestinations(): typeof import('../../upstream/destinations.ts') {
  destinations ??= loadNow<typeof import('../../upstream/destinations.ts')>(import.meta, '../../upstream/destinations')
  return destinations
}

const NOT_ASKED = 'The server behind this one could not be asked'
/** For the client of a WebSocket to close behind our FIN. */
const LINGER_MS = 2000
/** What a client does not take at once is kept in memory up to this, then in a temporary file. */
const MEMORY_BUFFER = 1024 ** 2
/** As nginx's `proxy_max_temp_file_size`, in size of what an application's response may have. */
const RESPONSE_BUFFER = 256 * 1024 ** 2
/** Bytes of content of a request, where the location does not say it: as an application's `limit-request-body` by default. */
const BODY_LIMIT = 1024 ** 3

/** Undefined: in chunks. */
type UpstreamContent = OutgoingBody & { readonly length: number | undefined }

export class Proxied {
  readonly #upstreams: Upstreams
  readonly #room: ConnectionRoom
  /** Of locations whose requests choose their server. */
  readonly #destinations = new Map<CompiledDestination, Destinations>()
  readonly #hashKeys: CompiledSites['hashKeys']
  readonly #needsTries: boolean
  readonly #parts: SharedParts
  readonly #refuse: (exchange: Exchange, error: Error) => void

  constructor(
    { upstreams, upstreamTls }: Pick<SitesModel, 'upstreams' | 'upstreamTls'>,
    { hashKeys, needsTries }: Pick<CompiledSites, 'hashKeys' | 'needsTries'>,
    parts: SharedParts,
    refuse: (exchange: Exchange, error: Error) => void,
  ) {
    const { space, memory, config, log, groups, affinityKey } = parts
    this.#room = new ConnectionRoom(space.files)
    groups.current ??= new GroupMemories(1)
    this.#hashKeys = hashKeys
    this.#needsTries = needsTries
    this.#parts = parts
    this.#refuse = refuse
    this.#upstreams = new Upstreams(upstreams, upstreamTls, groups.current, Buffer.from(affinityKey, 'hex'), {
      relay: { space, memory: memory.budget, memoryBuffer: MEMORY_BUFFER, responseBuffer: RESPONSE_BUFFER },
      tunnels: {
        memory: memory.budget,
        send: new DeadlineList(config.timeouts.send),
        sendMs: config.timeouts.send,
        passing: () => null,
        linger: new DeadlineList(LINGER_MS),
        watchMs: config.timeouts.websocketPing,
      },
      room: this.#room,
      log,
      refuse,
    })
  }

  /** The exchange's response is already what the site makes of it. */
  handle(request: SiteRequest): void {
    const { exchange, location } = request
    const { body } = exchange
    // What is not passed on is thrown away when the request has its answer.
    const hasContent =
      location.settings.proxy.passesBody && body.length !== 0 && !body.isPulled && !exchange.isWebSocket
    const tooLarge = !hasContent ? null : body.limitTo(location.settings.bodyLimit ?? BODY_LIMIT)
    if (tooLarge !== null) {
      this.#refuse(exchange, tooLarge)
      return
    }
    const { proxy, script } = location
    if (script !== null) this.#toScript(request, script, hasContent)
    else if (proxy!.destination === null)
      this.#withContent(request, proxy!, this.#upstreams.groupOf(proxy!.upstream), hasContent)
    else this.#choose(request, proxy!, proxy!.destination, hasContent)
  }

  /** The request says itself which server it goes to. */
  #choose(request: SiteRequest, proxy: CompiledProxy, compiled: CompiledDestination, hasContent: boolean): void {
    const { exchange } = request
    const chosen = chooseServer(compiled, request)
    if (chosen instanceof HttpError) {
      this.#refuseWithLine(exchange, chosen)
      return
    }
    if (chosen.kind === 'upstream') {
      this.#withContent(request, proxy, this.#upstreams.groupOf(chosen.name), hasContent)
      return
    }
    this.#destinationsOf(proxy, compiled).find(chosen.destination, found => {
      // Its client has gone meanwhile.
      if (exchange.response.state !== 'idle') return
      if (found instanceof UpstreamGroup) this.#withContent(request, proxy, found, hasContent)
      else
        this.#refuseWithLine(
          exchange,
          found.isRefused
            ? notAllowed(found.reason)
            : new HttpError(502, NOT_ASKED, 'upstream', undefined, [], found.reason),
        )
    })
  }

  #refuseWithLine(exchange: Exchange, error: HttpError): void {
    const { method, target } = exchange.request
    this.#parts.log('warn', `${method} ${target}: ${error.logged}`, exchange.id)
    this.#refuse(exchange, error)
  }

  #destinationsOf({ upstream }: CompiledProxy, compiled: CompiledDestination): Destinations {
    let known = this.#destinations.get(compiled)
    if (known === undefined) {
      const { Destinations } = loadDestinations()
      known = new Destinations(
        this.#upstreams.groupOf(upstream).upstream,
        this.#room,
        compiled.allowed.isAllowedAddress,
      )
      this.#destinations.set(compiled, known)
    }
    return known
  }

  #withContent(request: SiteRequest, proxy: CompiledProxy, group: UpstreamGroup, hasContent: boolean): void {
    const { exchange, location } = request
    if (!hasContent) this.#toServer(request, proxy, group, null)
    else if (!location.settings.proxy.buffersRequest)
      this.#toServer(request, proxy, group, new LiveBody(exchange.body, this.#parts.memory.budget))
    else this.#collect(exchange, content => this.#toServer(request, proxy, group, content))
  }

  #toServer(request: SiteRequest, proxy: CompiledProxy, group: UpstreamGroup, content: UpstreamContent | null): void {
    const { exchange } = request
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
    let headers: HeaderLines
    try {
      headers = proxiedFields(proxy, request)
    } catch (error) {
      content?.close()
      this.#refuse(exchange, error as HttpError)
      return
    }
    const head = {
      method: webSocketKey === null ? exchange.request.method : 'GET',
      target: proxyTarget(proxy, request),
      headers,
      contentLength: content === null ? 0 : content.length,
      webSocketKey,
    }
    this.#call(request, group, head, content)
  }

  #call(request: SiteRequest, group: UpstreamGroup, head: OutgoingHead, body: OutgoingBody | null): void {
    const { exchange, location } = request
    const settings = location.settings.proxy
    const record = this.#needsTries ? new CallRecord() : null
    if (record !== null) request.passedOn = [...request.passedOn, record]
    const call = {
      isTls: location.proxy?.isTls ?? false,
      head,
      body,
      question: { address: exchange.peer.address, key: this.#hashKeys.get(group.upstream.name)?.(request) ?? '' },
      toClient: (answer: UpstreamHead) => {
        request.answer = answer
        return headForClient(answer, location.proxy, request)
      },
      besideToClient: (fields: HeaderLines) => fieldsBeside(fields, location.proxy, request),
      switchToClient: (fields: HeaderLines) => fieldsOfSwitch(fields, location.proxy, request),
      record,
    }
    this.#upstreams.handle(exchange, group, call, settings)
  }

  /** The length of the content is a variable: what comes in chunks is collected first, and what is for a CGI program. */
  #toScript(request: SiteRequest, script: CompiledScript, hasContent: boolean): void {
    const { exchange } = request
    const { length } = exchange.body
    const { memory } = this.#parts
    // A slow client must hold no CGI program: there are few of them at a time.
    const collects = script.protocol === 'cgi' || request.location.settings.proxy.buffersRequest
    if (!hasContent) this.#callScript(request, script, 0, null)
    else if (length !== undefined && !collects)
      this.#callScript(request, script, length, new LiveBody(exchange.body, memory.budget))
    else
      this.#collect(exchange, content =>
        this.#callScript(request, script, content.length, content.length === 0 ? null : content),
      )
  }

  /** Calls `done` when the content is complete, and somebody still waits for an answer. */
  #collect(exchange: Exchange, done: (content: CollectedContent) => void): void {
    const { space, memory } = this.#parts
    collectContent(exchange, { space, memory: memory.budget, refuse: this.#refuse }, content => {
      if (exchange.response.state !== 'idle') content.close()
      else done(content)
    })
  }

  #callScript(request: SiteRequest, script: CompiledScript, contentLength: number, body: OutgoingBody | null): void {
    const { exchange } = request
    let headers: HeaderLines
    try {
      headers = loadScriptRequest().scriptVariables(script, request, contentLength)
    } catch (error) {
      body?.close()
      this.#refuse(exchange, error as Error)
      return
    }
    const head = { method: exchange.request.method, target: '', headers, contentLength, webSocketKey: null }
    this.#call(request, this.#upstreams.groupOf(script.upstream), head, body)
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
    for (const one of this.#destinations.values()) one.close()
    this.#upstreams.close()
  }
}
