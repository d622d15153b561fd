/**
 * Client connections with TLS, by Node's OpenSSL. Runs in the gateway.
 *
 * A plain socket has read the ClientHello already (`SocketTransport.takeSocket`). Its handle is taken over (`tls-handle.ts`), and reads go to
 * one shared buffer. Where that is not possible, a `TLSSocket` on the plain socket does the same work (`tls-socket.ts`); `tls.test.ts` runs
 * both.
 *
 * Both call each write taken one turn of the event loop later. So what pends is what the handle of the plain socket still has.
 *
 * OpenSSL encrypts at once all that it is given, and keeps a buffer as large for the life of the connection. So it gets pieces, the next one when
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
import { secureOnHandle } from './tls-handle.ts'
import { type Secured, secureOnSocket } from './tls-socket.ts'

/** A connection keeps as much for good, and a half more. Smaller pieces take more turns and system calls. */
export const PIECE = 64 * 1024

export class TlsTransport extends StreamTransport {
  readonly scheme = 'https'
  readonly tls: TlsFacts
  readonly #secured: Secured
  readonly #isUnix: boolean
  readonly #handle: Secured['plainHandle']
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
   * `plain` has read the ClientHello and does not read now; it belongs to the transport from now on. A handshake that fails closes the
   * transport.
   */
  constructor(
    plain: Socket,
    ends: Ends,
    options: TLSSocketOptions,
    factsOf: (socket: TLSSocket) => TlsFacts,
    memory: MemoryBudget,
    takesHandle = true,
  ) {
    const secured =
      (takesHandle ? secureOnHandle(plain, options, length => this.#onData(received.to(length))) : null) ??
      secureOnSocket(plain, options, chunk => this.#onData(chunk))
    super(secured.stream, ends, memory)
    this.tls = factsOf(secured.session)
    this.#secured = secured
    this.#isUnix = ends.remotePort === 0
    this.#handle = secured.plainHandle
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
   * Gives OpenSSL `hello`, all that was read. `onSecure` is called once, when the handshake is over and the client has the certificate; the
   * handler is set before that or then. `onFailed` gets the reason of a handshake that fails, before the transport closes.
   */
  shakeHands(hello: Buffer, onSecure: () => void, onFailed: (error: Error) => void): void {
    this.#secured.begin(hello, onSecure, onFailed)
  }

  get encryptedBytes(): number {
    return this.#handle.bytesRead ?? 0
  }

  get contentBytes(): number {
    return this.#secured.contentBytes
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
