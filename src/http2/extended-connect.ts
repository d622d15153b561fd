/**
 * A stream that an extended CONNECT has opened (RFC8441): it becomes a WebSocket, or a stream of bytes for an application that speaks the frames
 * itself. Runs in the gateway. An application that takes no WebSocket answers it as any request.
 *
 * Invariants: nothing comes before the answer, for the client does not know yet what is spoken; the exchange ends when the WebSocket has.
 * Not here: the bytes as a stream (`tunnel.ts`), WebSocket's frames (`websocket/`).
 */
import type { MemoryBudget } from '../base/memory-budget.ts'
import { ClientGoneError, HttpError } from '../http/errors.ts'
import type { Exchange } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'
import type {
  SwitchedConnection,
  TakeStream,
  WebSocketAccept,
  WebSocketChannel,
  WebSocketEngine,
  WebSocketEvents,
} from '../http/websocket.ts'
import type { ProtocolSwitch, RunningExchange } from '../protocols/exchange.ts'
import { ErrorCode } from './frames.ts'
import { ReceiveWindow } from './receive-window.ts'
import type { Receiver } from './receiver.ts'
import { acceptLines } from './response-fields.ts'
import type { Http2Response } from './response-writer.ts'
import { StreamTunnel, type TunnelFlow, type TunnelStream } from './tunnel.ts'

/** What it asks of its stream. */
export interface ConnectStream extends TunnelStream {
  readonly exchange: RunningExchange<Http2Response>
  readonly isClosed: boolean
  readonly isRemoteEnded: boolean
  /** The answer to the client: the stream is a stream of bytes from now on. */
  switchTo(fields: HeaderLines): void
  openReceiveWindow(bytes: number): void
}

/** Of all other streams. */
export const NO_SWITCH: ProtocolSwitch = {
  isWebSocket: () => false,
  checkWebSocket: refuseSwitch,
  acceptWebSocket: refuseSwitch,
  acceptTunnel: refuseSwitch,
}

export class ExtendedConnect implements Receiver, ProtocolSwitch, TunnelFlow {
  readonly #stream: ConnectStream
  readonly #webSockets: WebSocketEngine
  readonly #window: ReceiveWindow
  #isFlowing = false
  /** Null: the application has not accepted. */
  #tunnel: StreamTunnel | null = null
  webSocket: SwitchedConnection | null = null

  constructor(stream: ConnectStream, webSockets: WebSocketEngine, memory: MemoryBudget) {
    this.#stream = stream
    this.#webSockets = webSockets
    this.#window = new ReceiveWindow(memory, true)
  }

  // -- from the frames

  frameCame(bytes: number): boolean {
    return this.#window.receive(bytes)
  }

  content(piece: Buffer): void {
    // It may have ended within the frame.
    if (this.#stream.isClosed) return
    if (this.#tunnel === null)
      this.#stream.reset(ErrorCode.PROTOCOL_ERROR, new ClientGoneError('the client sent frames too early'))
    else this.#tunnel.receive(piece)
  }

  frameEnded(): void {
    if (!this.#isFlowing || this.#stream.isRemoteEnded) return
    const growth = this.#window.growth(undefined)
    if (growth > 0) this.#stream.openReceiveWindow(growth)
  }

  /** The tunnel has copied what it keeps. */
  keep(): void {}

  ended(): void {
    this.#tunnel?.receiveEnd()
  }

  discard(): void {}

  // -- from the exchange

  isWebSocket(): boolean {
    return true
  }

  checkWebSocket({ request }: Exchange): void {
    this.#webSockets.check(request.headers)
  }

  acceptWebSocket(exchange: Exchange, accept: WebSocketAccept, events: WebSocketEvents): WebSocketChannel {
    this.#checkSwitch(exchange)
    const terms = this.#webSockets.negotiate(exchange.request.headers, accept)
    return this.#switch(acceptLines(terms.headers), (stream, first, onEnded) =>
      this.#webSockets.open(stream, first, terms, events, onEnded),
    )
  }

  acceptTunnel(exchange: Exchange, headers: HeaderLines, take: TakeStream): void {
    this.#checkSwitch(exchange)
    this.#switch(acceptLines(headers), take)
  }

  #checkSwitch(exchange: Exchange): void {
    if (this.#stream.exchange.writer.state !== 'idle') refuseSwitch(exchange)
    if (this.#stream.isClosed) throw new HttpError(400, 'The client has gone', 'client')
  }

  #switch<Taken extends SwitchedConnection>(
    lines: HeaderLines,
    take: (...stream: Parameters<TakeStream>) => Taken,
  ): Taken {
    const stream = this.#stream
    stream.exchange.writer.switched()
    stream.switchTo(lines)
    this.#tunnel = new StreamTunnel(stream, this)
    this.#isFlowing = true
    const taken = take(this.#tunnel, null, () => this.#webSocketEnded())
    this.webSocket = taken
    if (stream.isRemoteEnded) queueMicrotask(() => taken.onEnd())
    return taken
  }

  #webSocketEnded(): void {
    const { exchange } = this.#stream
    exchange.writer.switchEnded(this.webSocket!.bytesSent)
    exchange.close()
  }

  // -- from the tunnel

  setFlowing(isFlowing: boolean): void {
    this.#isFlowing = isFlowing
    this.frameEnded()
  }

  // -- from the stream

  /** The application has accepted. */
  get isTunnel(): boolean {
    return this.#tunnel !== null
  }

  /** The client has caught up. */
  drained(): void {
    this.#tunnel!.handler.onDrain()
  }

  /** The stream has closed. */
  closed(): void {
    this.#tunnel!.closed()
  }
}

function refuseSwitch({ id, response }: Exchange): never {
  throw new Error(`request ${id} cannot become a WebSocket: its response is ${response.state}`)
}
