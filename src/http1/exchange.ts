/** One exchange on an HTTP/1.1 connection: implements the seam's `Exchange`. Made and ended by `connection.ts`. Runs in the gateway. */
import type { Exchange, LocalEnd, Peer, RequestHead, ResponseWriter, ServedBy } from '../http/exchange.ts'
import { makeRequestId } from '../http/request-id.ts'
import type { WebSocketAccept, WebSocketChannel, WebSocketEvents } from '../http/websocket.ts'
import type { Http1Body } from './body-reader.ts'
import type { Http1Response } from './response-writer.ts'
import { asksForWebSocket } from './upgrade.ts'

/** What the exchange asks of its connection. */
export interface ProtocolSwitch {
  checkWebSocket(exchange: Http1Exchange): void
  acceptWebSocket(exchange: Http1Exchange, accept: WebSocketAccept, events: WebSocketEvents): WebSocketChannel
}

export class Http1Exchange implements Exchange {
  request: RequestHead
  peer: Peer
  readonly local: LocalEnd
  readonly body: Http1Body
  response: ResponseWriter
  /** The protocol's own writer, without what middleware puts around it. */
  readonly writer: Http1Response
  /** Set by the connection. */
  isHalfClosed = false
  readonly receivedAt: number = performance.now()
  queueMillis = -1
  runMicros = -1
  servedBy: ServedBy | null = null
  app = ''
  #id = ''
  readonly #switch: ProtocolSwitch
  #onAborted: (() => void) | null = null
  #onClosed: (() => void) | null = null
  #isWebSocket: boolean | null = null
  #aborted = false
  #closed = false

  constructor(
    request: RequestHead,
    peer: Peer,
    local: LocalEnd,
    body: Http1Body,
    writer: Http1Response,
    protocolSwitch: ProtocolSwitch,
  ) {
    this.request = request
    this.peer = peer
    this.local = local
    this.body = body
    this.writer = writer
    this.response = writer
    this.#switch = protocolSwitch
  }

  get id(): string {
    if (this.#id === '') this.#id = makeRequestId()
    return this.#id
  }

  set id(id: string) {
    this.#id = id
  }

  onAborted(callback: () => void): void {
    if (this.#aborted) callback()
    else this.#onAborted = both(this.#onAborted, callback)
  }

  onClosed(callback: () => void): void {
    if (this.#closed) callback()
    else this.#onClosed = both(this.#onClosed, callback)
  }

  get isWebSocket(): boolean {
    this.#isWebSocket ??= asksForWebSocket(this.request, this.body.length)
    return this.#isWebSocket
  }

  checkWebSocket(): void {
    this.#switch.checkWebSocket(this)
  }

  acceptWebSocket(accept: WebSocketAccept, events: WebSocketEvents): WebSocketChannel {
    return this.#switch.acceptWebSocket(this, accept, events)
  }

  /** The client has gone while the exchange runs. */
  abort(): void {
    if (this.#aborted || this.#closed) return
    this.#aborted = true
    this.#onAborted?.()
  }

  /** The one end of every exchange. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#onClosed?.()
  }
}

/** Nearly all exchanges have one callback, so there is no list. */
function both(first: (() => void) | null, second: () => void): () => void {
  if (first === null) return second
  return () => {
    first()
    second()
  }
}
