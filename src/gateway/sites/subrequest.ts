/**
 * A request of the gateway's own, made for a client's: another location of the site is asked, and nobody sees more of its answer than the
 * head (`auth_request`). Runs in the gateway.
 *
 * Invariants: it is a GET without content, whatever the client's is, and it never becomes a WebSocket or a tunnel. It ends once: with its
 * response, when that is cut, or when the client goes. It is in no access log.
 */
import { ClientGoneError, HttpError } from '../../http/errors.ts'
import type {
  Exchange,
  LocalEnd,
  Peer,
  RequestHead,
  ResponseHead,
  ResponseState,
  ResponseWriter,
} from '../../http/exchange.ts'
import { fieldsWith } from '../../http/headers.ts'
import { NO_CONTENT } from '../../http/no-content.ts'
import { encodePathBytes } from '../../http/path.ts'

/** What speaks of the client's own request: its content, its connection, what it has of the response already, part of the response. */
const NOT_PASSED =
  /^(?:content-length|transfer-encoding|trailer|te|expect|connection|keep-alive|upgrade|sec-websocket-.*|if-.*|range|x-original-(?:uri|method))$/

export class Subrequest implements Exchange {
  request: RequestHead
  readonly peer: Peer
  readonly local: LocalEnd
  readonly id: string
  readonly receivedAt: number = performance.now()
  queueMillis = -1
  runMicros = -1
  servedBy: Exchange['servedBy'] = null
  user: string
  app = ''
  errorPage: Exchange['errorPage'] = null
  limits: Exchange['limits'] = null
  hasOwnLogs = false
  readonly isWebSocket = false
  readonly body: Exchange['body'] = NO_CONTENT
  response: ResponseWriter
  /** Rejects with a ClientGoneError when the client has gone. */
  readonly ended: Promise<void>
  readonly #of: Exchange
  readonly #aborted: (() => void)[] = []
  readonly #closed: (() => void)[] = []
  #isAborted = false
  #isClosed = false

  /** `uri`: bytes. The application sees it as the path; the client's own is in X-Original-URI and RAW_URI. */
  constructor(of: Exchange, uri: string) {
    const { request } = of
    const kept = fieldsWith(request.headers, name => !NOT_PASSED.test(name))
    const headers = [...kept, 'x-original-uri', request.target, 'x-original-method', request.method]
    this.#of = of
    this.request = { ...request, method: 'GET', path: encodePathBytes(uri), query: '', headers }
    this.peer = of.peer
    this.local = of.local
    this.id = of.id
    this.user = of.user
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.ended = promise
    // After the call in which the response has ended, as with a client's exchange.
    this.response = new HeadOnly(() => queueMicrotask(() => this.#close(resolve)))
    of.onAborted(() => this.#abort(reject))
  }

  get isHalfClosed(): boolean {
    return this.#of.isHalfClosed
  }

  #abort(reject: (error: Error) => void): void {
    const { state } = this.response
    if (state !== 'ended' && state !== 'aborted') for (const callback of this.#aborted.splice(0)) callback()
    this.#isAborted = true
    this.#close(() => reject(new ClientGoneError()))
  }

  #close(tell: () => void): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const callback of this.#closed) callback()
    tell()
  }

  onAborted(callback: () => void): void {
    if (this.#isAborted) callback()
    else this.#aborted.push(callback)
  }

  onClosed(callback: () => void): void {
    if (this.#isClosed) callback()
    else this.#closed.push(callback)
  }

  checkWebSocket(): void {}

  acceptWebSocket(): never {
    throw new HttpError(500, 'A subrequest can become no WebSocket', 'application')
  }

  acceptTunnel(): never {
    throw new HttpError(500, 'A subrequest can become no WebSocket', 'application')
  }
}

/** Keeps the head, and throws the content away. */
class HeadOnly implements ResponseWriter {
  state: ResponseState = 'idle'
  head: ResponseHead | null = null
  status = 0
  bytesWritten = 0
  readonly #onEnd: () => void

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
  }

  inform(): void {}

  start(head: ResponseHead): void {
    this.head = head
    this.status = head.status
    this.state = 'started'
  }

  respond(head: ResponseHead): void {
    this.start(head)
    this.end()
  }

  write(): boolean {
    return true
  }

  writeView(): boolean {
    return true
  }

  onDrain(): void {}

  sendFile(_fd: number, _offset: number, _length: number, done: (error: Error | null) => void): void {
    queueMicrotask(() => done(null))
  }

  end(): void {
    if (this.state !== 'started') return
    this.state = 'ended'
    this.#onEnd()
  }

  abort(): void {
    if (this.state === 'ended' || this.state === 'aborted') return
    // Before a head there is no word of that location; after it the head may be half of one.
    this.status = 0
    this.state = 'aborted'
    this.#onEnd()
  }
}
