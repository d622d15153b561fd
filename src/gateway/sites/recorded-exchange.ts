/**
 * An exchange that nobody sent, for `jumak explain`: it has a request, and keeps the head of the response. Runs in the command line.
 *
 * Invariant: it ends once, with the head of a response, a cut, or at an application or an upstream. Content is not waited for: it may be limited to a
 * few bytes a second.
 */
import type { Exchange, LocalEnd, Peer, RequestHead, ResponseHead, ResponseWriter } from '../../http/exchange.ts'
import type { HeaderLines } from '../../http/headers.ts'
import { NO_CONTENT } from '../../http/no-content.ts'
import type { Destination, UpstreamTls } from '../../sites/upstream-model.ts'

/** What an upstream would get. */
export interface PassedOn {
  readonly upstream: string
  /** The server that the request has chosen; undefined: it has not. */
  readonly chosen?: Destination
  /** Null: without TLS. */
  readonly tls: UpstreamTls | null
  readonly method: string
  readonly target: string
  /** Without those of the connection and the framing. */
  readonly headers: HeaderLines
}

/** How it ended. */
export type Ending =
  | { readonly head: ResponseHead }
  | { readonly cut: Error }
  | { readonly app: string }
  | { readonly passedOn: PassedOn }

export class RecordedExchange implements Exchange {
  id = 'explain'
  request: RequestHead
  peer: Peer
  readonly local: LocalEnd
  readonly receivedAt = performance.now()
  queueMillis = -1
  runMicros = -1
  servedBy = null
  user = ''
  app = ''
  hasOwnLogs = false
  errorPage: ((error: Error) => boolean) | null = null
  limits: Exchange['limits'] = null
  readonly isHalfClosed = false
  readonly isWebSocket = false
  readonly body: Exchange['body'] = NO_CONTENT
  response: ResponseWriter
  readonly ended: Promise<Ending>

  constructor(request: RequestHead, peer: Peer, local: LocalEnd) {
    this.request = request
    this.peer = peer
    this.local = local
    const { promise, resolve } = Promise.withResolvers<Ending>()
    this.ended = promise
    this.response = new RecordedResponse(resolve)
    this.reach = app => resolve({ app })
    this.passOn = passedOn => resolve({ passedOn })
  }

  /** An application has the request. */
  readonly reach: (app: string) => void
  /** An upstream has it. */
  readonly passOn: (passedOn: PassedOn) => void

  onAborted(): void {}
  onClosed(): void {}
  checkWebSocket(): void {}
  acceptWebSocket(): never {
    throw new Error('no application runs here')
  }
  acceptTunnel(): never {
    throw new Error('no application runs here')
  }
}

class RecordedResponse implements ResponseWriter {
  state: ResponseWriter['state'] = 'idle'
  head: ResponseHead | null = null
  status = 0
  bytesWritten = 0
  readonly #onEnd: (ending: Ending) => void

  constructor(onEnd: (ending: Ending) => void) {
    this.#onEnd = onEnd
  }

  inform(): void {}
  start(head: ResponseHead): void {
    this.head = head
    this.status = head.status
    this.state = 'ended'
    this.#onEnd({ head })
  }
  respond(head: ResponseHead): void {
    this.start(head)
  }
  write(): boolean {
    return true
  }
  writeView(): boolean {
    return true
  }
  onDrain(): void {}
  sendFile(_fd: number, _offset: number, _length: number, done: (error: Error | null) => void): void {
    setImmediate(done, null)
  }
  end(): void {}
  abort(cause: Error): void {
    this.state = 'aborted'
    this.#onEnd({ cut: cause })
  }
}
