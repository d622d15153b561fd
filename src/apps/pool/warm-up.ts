/**
 * A request of our own (`--warmup`) that a worker answers before it gets requests of clients: an exchange without a client. Only the
 * status of its response counts, the rest is thrown away. Runs in the gateway.
 *
 * Invariant: `over` is called once, in a turn of its own, when the response has ended or can no longer end.
 * Not here: when there is one and what its outcome means (`worker-lifecycle.ts`); middleware, access log and limits, which are for clients.
 */
import { version } from '../../base/version.ts'
import type { WarmupRequest } from '../../config/types.ts'
import type { Exchange, RequestHead, ResponseHead, ResponseState, ServedBy } from '../../http/exchange.ts'
import { NO_CONTENT } from '../../http/no-content.ts'
import { makeRequestId } from '../../http/request-id.ts'
import { reasonPhrase } from '../../http/status.ts'
import type { WebSocketChannel } from '../../http/websocket.ts'

/** `problem`: what went wrong, as in `answered 500 Internal Server Error`; null: nothing. */
export type WarmUpOver = (problem: string | null) => void

/** Lower statuses are answers: a redirect or a 404 has run the application as well. */
const FAILURE = 500

export class WarmUpExchange implements Exchange {
  readonly id: string = makeRequestId()
  readonly request: RequestHead
  readonly body: Exchange['body'] = NO_CONTENT
  readonly peer = { address: '127.0.0.1', port: 0, socketAddress: '127.0.0.1' }
  readonly local = { address: '127.0.0.1', port: 0, tls: null }
  readonly response: WarmUpResponse
  readonly receivedAt: number = performance.now()
  readonly isHalfClosed = false
  errorPage = null
  limits = null
  readonly isWebSocket = false
  queueMillis = 0
  runMicros = -1
  readonly hasOwnLogs = false
  servedBy: ServedBy | null = null
  readonly user = ''
  readonly app = ''

  constructor({ scheme, authority, target }: WarmupRequest, over: WarmUpOver) {
    const [path = '', ...query] = target.split('?')
    this.request = {
      method: 'GET',
      target,
      path,
      query: query.join('?'),
      scheme,
      authority,
      version: '1.1',
      headers: ['host', authority, 'user-agent', `jumak/${version} (warm-up)`, 'accept', '*/*'],
    }
    this.response = new WarmUpResponse(problem => setImmediate(over, problem))
  }

  onAborted(): void {}
  onClosed(): void {}
  checkWebSocket(): void {}
  acceptWebSocket(): WebSocketChannel {
    throw new Error('a warm-up request is no WebSocket')
  }
  acceptTunnel(): void {
    throw new Error('a warm-up request is no WebSocket')
  }
}

class WarmUpResponse {
  state: ResponseState = 'idle'
  head: ResponseHead | null = null
  status = 0
  bytesWritten = 0
  readonly #over: WarmUpOver

  constructor(over: WarmUpOver) {
    this.#over = over
  }

  inform(): void {}

  start(head: ResponseHead): void {
    this.head = head
    this.status = head.status
    this.state = 'started'
  }

  respond(head: ResponseHead, content: Buffer): void {
    this.start(head)
    this.write(content)
    this.end()
  }

  write(chunk: Buffer): boolean {
    this.bytesWritten += chunk.length
    return true
  }

  writeView(chunk: Buffer): boolean {
    return this.write(chunk)
  }

  onDrain(): void {}

  sendFile(_fd: number, _offset: number, length: number, done: (error: Error | null) => void): void {
    this.bytesWritten += length
    setImmediate(done, null)
  }

  end(): void {
    if (this.state !== 'started') return
    this.state = 'ended'
    this.#over(this.status < FAILURE ? null : `answered ${this.status} ${reasonPhrase(this.status)}`.trimEnd())
  }

  abort(cause: Error): void {
    if (this.state === 'ended' || this.state === 'aborted') return
    this.state = 'aborted'
    this.#over(`was not answered: ${cause.message}`)
  }
}
