/**
 * A stream of HTTP/2 as a stream of bytes, for a WebSocket (RFC8441§5). Runs in the gateway. What comes while it is paused waits here, and the
 * stream's window bounds it. Invariant: `handler.onClose` is called once, never from within a call of the handler's, and nothing after it.
 */
import { ByteQueue } from '../base/byte-queue.ts'
import type { HeaderLines } from '../http/headers.ts'
import type { ByteStream, TransportHandler } from '../http/transport.ts'
import { ErrorCode } from './frames.ts'

/** What the tunnel asks of its stream. */
export interface TunnelStream {
  readonly pendingBytes: number
  sendContent(content: Buffer): boolean
  sendEnd(trailers: HeaderLines): void
  /** Bytes that nobody has taken, for the memory budget. */
  waiting: number
  watchPeer(afterMs: number): void
  reset(code: ErrorCode, why: Error | null): void
}

/** The client's window for it. */
export interface TunnelFlow {
  setFlowing(isFlowing: boolean): void
}

const noHandler: TransportHandler = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} }

export class StreamTunnel implements ByteStream {
  handler: TransportHandler = noHandler
  readonly #stream: TunnelStream
  readonly #flow: TunnelFlow
  readonly #waiting = new ByteQueue()
  #isPaused = false
  /** The client's end came. */
  #isEnded = false
  #isEndTold = false
  #isClosed = false

  constructor(stream: TunnelStream, flow: TunnelFlow) {
    this.#stream = stream
    this.#flow = flow
  }

  get pendingBytes(): number {
    return this.#stream.pendingBytes
  }

  write(data: Buffer): boolean {
    return this.#stream.sendContent(data)
  }

  pause(): void {
    this.#isPaused = true
    this.#flow.setFlowing(false)
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    queueMicrotask(() => this.#deliver())
  }

  end(): void {
    this.#stream.sendEnd([])
  }

  destroy(): void {
    this.#stream.reset(ErrorCode.CANCEL, null)
  }

  watchPeer(afterMs: number): void {
    this.#stream.watchPeer(afterMs)
  }

  #deliver(): void {
    while (!this.#isPaused && !this.#isClosed && this.#waiting.bytes > 0) this.handler.onData(this.#waiting.shift()!)
    this.#stream.waiting = this.#waiting.bytes
    if (this.#isPaused || this.#isClosed) return
    this.#flow.setFlowing(true)
    this.#tellEnd()
  }

  #tellEnd(): void {
    if (!this.#isEnded || this.#isEndTold) return
    this.#isEndTold = true
    this.handler.onEnd()
  }

  // -- from the stream

  /** A view that is valid during the call only. */
  receive(piece: Buffer): void {
    if (!this.#isPaused && this.#waiting.bytes === 0) {
      this.handler.onData(piece)
      return
    }
    this.#waiting.push(Buffer.from(piece))
    this.#stream.waiting = this.#waiting.bytes
  }

  receiveEnd(): void {
    this.#isEnded = true
    if (!this.#isPaused && this.#waiting.bytes === 0) this.#tellEnd()
  }

  closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    queueMicrotask(() => {
      const { handler } = this
      this.handler = noHandler
      handler.onClose()
    })
  }
}
