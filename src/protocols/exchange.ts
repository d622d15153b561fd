/** One exchange, of whatever version of HTTP: implements the seam's `Exchange`. Made and ended by the protocol. Runs in the gateway. */
import type { Exchange, LocalEnd, Peer, RequestHead, ResponseWriter, ServedBy } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'
import { makeRequestId } from '../http/request-id.ts'
import type { TakeStream, WebSocketAccept, WebSocketChannel, WebSocketEvents } from '../http/websocket.ts'
import type { PulledBody } from './body.ts'

/** What the exchange asks of its connection or stream: the `Exchange`'s methods of the same names. */
export interface ProtocolSwitch {
  isWebSocket(exchange: Exchange): boolean
  checkWebSocket(exchange: Exchange): void
  acceptWebSocket(exchange: Exchange, accept: WebSocketAccept, events: WebSocketEvents): WebSocketChannel
  acceptTunnel(exchange: Exchange, headers: HeaderLines, take: TakeStream): void
}

export class RunningExchange<Writer extends ResponseWriter = ResponseWriter> implements Exchange {
  request: RequestHead
  peer: Peer
  readonly local: LocalEnd
  readonly body: PulledBody
  response: ResponseWriter
  /** The protocol's own writer, without what middleware puts around it. */
  readonly writer: Writer
  /** Set by the connection. */
  isHalfClosed = false
  errorPage: ((error: Error) => boolean) | null = null
  limits: Exchange['limits'] = null
  readonly receivedAt: number = performance.now()
  queueMillis = -1
  runMicros = -1
  servedBy: ServedBy | null = null
  user = ''
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
    body: PulledBody,
    writer: Writer,
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
    this.#isWebSocket ??= this.#switch.isWebSocket(this)
    return this.#isWebSocket
  }

  checkWebSocket(): void {
    this.#switch.checkWebSocket(this)
  }

  acceptWebSocket(accept: WebSocketAccept, events: WebSocketEvents): WebSocketChannel {
    return this.#switch.acceptWebSocket(this, accept, events)
  }

  acceptTunnel(headers: HeaderLines, take: TakeStream): void {
    this.#switch.acceptTunnel(this, headers, take)
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
