/**
 * Client connections with TLS, on `TLSSocket` of node:tls, which is OpenSSL. Runs in the gateway.
 *
 * The plain socket below has read the ClientHello already, and gives it back (`SocketTransport.takeSocket`).
 *
 * As on a plain socket, reads go to one shared buffer. For servers Node does not offer that: the two properties that its own `onread` sets
 * are not documented. Where they are missing, 'data' events do the same work; `tls.test.ts` runs both.
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
import { TLSSocket, type TLSSocketOptions } from 'node:tls'
import type { MemoryBudget } from '../../base/memory-budget.ts'
import type { TlsFacts } from '../../http/tls-facts.ts'
import { type Ends, received, StreamTransport } from './stream.ts'

/** Of the plain socket. */
interface PlainHandle {
  readonly bytesWritten: number
  readonly writeQueueSize: number
}

interface SocketInternals {
  readonly _handle: (Partial<PlainHandle> & { useUserBuffer?(buffer: Buffer): void }) | null
}

/** Where Node's sockets keep the buffer of `onread` and its callback; null: not in this Node. */
interface ReadProperties {
  readonly buffer: symbol
  readonly callback: symbol
}

let readProperties: ReadProperties | null | undefined

function findReadProperties(socket: TLSSocket): ReadProperties | null {
  const own = Object.getOwnPropertySymbols(socket)
  const find = (description: string) => own.find(symbol => symbol.description === description)
  const [buffer, callback] = [find('kBuffer'), find('kBufferCb')]
  return buffer === undefined || callback === undefined ? null : { buffer, callback }
}

/** A connection keeps as much for good, and a half more. Smaller pieces take more turns and system calls. */
export const PIECE = 64 * 1024

const CLOSED: PlainHandle = { bytesWritten: 0, writeQueueSize: 0 }

export class TlsTransport extends StreamTransport {
  readonly scheme = 'https'
  readonly tls: TlsFacts
  declare protected readonly socket: TLSSocket
  readonly #plain: Socket
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
   * Begins the handshake. `onSecure` is called when it is over and the client has the certificate; the handler is set before that or then.
   * A handshake that fails closes the transport.
   */
  constructor(
    plain: Socket,
    ends: Ends,
    options: TLSSocketOptions,
    factsOf: (socket: TLSSocket) => TlsFacts,
    memory: MemoryBudget,
    usesSharedBuffer = true,
  ) {
    const socket = new TLSSocket(plain, options)
    super(socket, ends, memory)
    this.tls = factsOf(socket)
    this.#plain = plain
    this.#isUnix = ends.remotePort === 0
    this.#handle = (plain as unknown as SocketInternals)._handle ?? CLOSED
    socket.on('_tlsError', () => this.destroy())
    if (usesSharedBuffer && this.#readIntoSharedBuffer()) return
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
  }

  /** False: this Node cannot. */
  #readIntoSharedBuffer(): boolean {
    const handle = (this.socket as unknown as SocketInternals)._handle
    if (readProperties === undefined) readProperties = findReadProperties(this.socket)
    if (readProperties === null || handle?.useUserBuffer === undefined) return false
    const properties = this.socket as unknown as Record<symbol, unknown>
    properties[readProperties.buffer] = received.buffer
    properties[readProperties.callback] = (length: number) => {
      this.#onData(received.to(length))
      return true
    }
    handle.useUserBuffer(received.buffer)
    return true
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

  /** Calls `onSecure` once, when the handshake is over. `onFailed` gets the reason of a handshake that fails, before the transport closes. */
  onHandshake(onSecure: () => void, onFailed: (error: Error) => void): void {
    this.socket.once('secure', onSecure)
    this.socket.once('error', onFailed)
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
    else this.#plain.resetAndDestroy()
  }
}
