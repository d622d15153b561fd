/**
 * Client connections with TLS, on `TLSSocket` of node:tls, which is OpenSSL. Runs in the gateway.
 *
 * A plain socket has read the ClientHello already (`SocketTransport.takeSocket`). Its handle is taken over (`tls-socket.ts`), and reads go to
 * one shared buffer. Where that is not possible, the plain socket stays below and 'data' events do the same work; `tls.test.ts` runs both.
 *
 * After an error of OpenSSL a `TLSSocket` that no `tls.Server` of Node made stays open, and keeps in memory all that still comes. So the
 * transport closes it, at an event that is not documented; `tls.test.ts` sees whether it comes.
 *
 * A `TLSSocket` calls each write taken one turn of the event loop later. So what pends is what the handle of the plain socket still has.
 *
 * It encrypts at once all that it is given, and keeps a buffer as large for the life of the connection. So it gets pieces, the next one when
 * the kernel has taken the one before.
 *
 * Invariant: nothing comes to the handler while it is paused: what was decrypted already waits here.
 * Not here: what pends (`stream.ts`), which certificate (`tls/`), how long a handshake may take (`connections/handshakes.ts`).
 */
import type { Socket } from 'node:net'
import type { TLSSocket, TLSSocketOptions } from 'node:tls'
import type { MemoryBudget } from '../../base/memory-budget.ts'
import type { TlsFacts } from '../../http/tls-facts.ts'
import { type Ends, received, StreamTransport } from './stream.ts'
import { type PlainHandle, type Secured, secureOnHandle, secureOnSocket } from './tls-socket.ts'

/** What reads: the socket needs it before there is a transport. */
interface Reader {
  transport: TlsTransport | null
}

/** A connection keeps as much for good, and a half more. Smaller pieces take more turns and system calls. */
export const PIECE = 64 * 1024

export class TlsTransport extends StreamTransport {
  readonly scheme = 'https'
  readonly tls: TlsFacts
  declare protected readonly socket: TLSSocket
  readonly #secured: Secured
  readonly #isUnix: boolean
  readonly #handle: Partial<PlainHandle>
  #isPaused = false
  /** Decrypted while it was paused: one read of the plain socket at most, 64 KiB. */
  #held: Buffer[] = []
  /** The client's end came while it was paused. */
  #isEndHeld = false
  /** Not given to the stream yet. */
  readonly #waiting: Buffer[] = []
  #waitingBytes = 0
  /** Larger writes are on their way, piece by piece; everything else waits behind them. */
  #isCutting = false
  /** `end` was called meanwhile. */
  #isEndWaiting = false

  /**
   * `plain` has read `hello` and does not read now; it belongs to the transport from now on. `onHandshake` begins the handshake. One that
   * fails closes the transport.
   */
  constructor(
    plain: Socket,
    hello: Buffer,
    ends: Ends,
    options: TLSSocketOptions,
    factsOf: (socket: TLSSocket) => TlsFacts,
    memory: MemoryBudget,
    takesHandle = true,
  ) {
    const reader: Reader = { transport: null }
    const onRead = {
      buffer: received.buffer,
      callback: (length: number) => {
        reader.transport!.#onData(received.to(length))
        return true
      },
    }
    const secured =
      (takesHandle ? secureOnHandle(plain, hello, options, onRead) : null) ?? secureOnSocket(plain, hello, options)
    super(secured.socket, ends, memory)
    reader.transport = this
    this.tls = factsOf(secured.socket)
    this.#secured = secured
    this.#isUnix = ends.remotePort === 0
    this.#handle = secured.plainHandle
    secured.socket.on('_tlsError', () => this.destroy())
    if (!secured.readsIntoBuffer) secured.socket.on('data', (chunk: Buffer) => this.#onData(chunk))
  }

  #onData(chunk: Buffer): void {
    if (this.#isPaused || this.#held.length > 0) this.#held.push(Buffer.from(chunk))
    else this.handler.onData(chunk)
  }

  protected override ended(): void {
    if (this.#isPaused || this.#held.length > 0) this.#isEndHeld = true
    else super.ended()
  }

  /** After the handshake, when the handler is set. */
  start(): void {
    this.socket.resume()
  }

  /**
   * Begins the handshake. `onSecure` is called once, when it is over and the client has the certificate; the handler is set before that or
   * then. `onFailed` gets the reason of a handshake that fails, before the transport closes.
   */
  onHandshake(onSecure: () => void, onFailed: (error: Error) => void): void {
    this.socket.once('secure', onSecure)
    this.socket.once('error', onFailed)
    this.#secured.begin()
  }

  get pendingBytes(): number {
    if (this.#isCutting) return this.unsentBytes
    const queued = this.#handle.writeQueueSize ?? 0
    return this.isMarked || queued > 0 ? Math.max(this.socket.writableLength, queued) : 0
  }

  get takenBytes(): number {
    const { bytesWritten, writeQueueSize } = this.#handle
    if (bytesWritten === undefined || writeQueueSize === undefined)
      return this.socket.bytesWritten - this.socket.writableLength
    return bytesWritten - writeQueueSize
  }

  protected isTaken(isFree: boolean): boolean {
    return isFree && this.#handle.writeQueueSize === 0
  }

  protected override get unsentBytes(): number {
    return this.socket.writableLength + this.#waitingBytes
  }

  override write(data: Buffer): boolean {
    return this.#fits(data.length) ? super.write(data) : this.#writeInPieces(data)
  }

  override writeJoined(text: string, data: Buffer): boolean {
    if (this.#fits(text.length + data.length)) return super.writeJoined(text, data)
    return this.#writeInPieces(Buffer.concat([Buffer.from(text, 'latin1'), data]))
  }

  /** The stream joins what it has: so it never has more than a piece. */
  #fits(length: number): boolean {
    return !this.#isCutting && this.socket.writableLength + length <= PIECE
  }

  #writeInPieces(data: Buffer): false {
    this.#waiting.push(data)
    this.#waitingBytes += data.length
    if (!this.#isCutting) {
      this.#isCutting = true
      this.#giveNext()
    }
    this.count()
    return false
  }

  #giveNext(): void {
    const data = this.#waiting[0]!
    const piece = data.subarray(0, PIECE - this.socket.writableLength)
    if (piece.length === data.length) this.#waiting.shift()
    else this.#waiting[0] = data.subarray(piece.length)
    this.#waitingBytes -= piece.length
    this.socket.write(piece, () => this.#pieceTaken())
  }

  #pieceTaken(): void {
    if (this.socket.destroyed) {
      this.#waiting.length = this.#waitingBytes = 0
      return
    }
    if (this.#waiting.length > 0) {
      this.#giveNext()
      this.count()
      return
    }
    this.#isCutting = false
    this.count()
    if (this.#isEndWaiting) super.end()
    super.drained()
  }

  /** Of the stream, also after each piece. */
  protected override drained(): void {
    if (!this.#isCutting) super.drained()
  }

  override end(): void {
    if (this.#isCutting) this.#isEndWaiting = true
    else super.end()
  }

  override pause(): void {
    this.#isPaused = true
    super.pause()
  }

  override resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    if (this.#held.length === 0 && !this.#isEndHeld) super.resume()
    // As on a plain socket: nothing comes before this call returns.
    else setImmediate(() => this.#giveHeld())
  }

  #giveHeld(): void {
    while (!this.#isPaused) {
      if (this.socket.destroyed) return
      const chunk = this.#held.shift()
      if (chunk !== undefined) this.handler.onData(chunk)
      else break
    }
    if (this.#isPaused) return
    super.resume()
    if (!this.#isEndHeld) return
    this.#isEndHeld = false
    super.ended()
  }

  /** Without TLS's own end (close_notify, RFC8446§6.1) the client can tell that it was cut. */
  resetIfCut(): void {}

  reset(): void {
    if (this.#isUnix) this.socket.destroy()
    else this.#secured.reset()
  }
}
