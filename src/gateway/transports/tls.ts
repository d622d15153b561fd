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
 * For each write OpenSSL's output gets a buffer of its size, which lives as long as the connection, and which nothing counts. So no write is
 * larger than MAX_WRITE; the rest of a larger one waits in the stream, and is counted there.
 *
 * A `TLSSocket` calls each write taken one turn of the event loop later. So what pends is what the handle of the plain socket still has.
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

/** Bytes. Twice as many may stay with an idle connection. Each write more costs a turn of the event loop, some 10 µs. */
export const MAX_WRITE = 128 * 1024

type Written = (error?: Error | null) => void
type Chunks = readonly { readonly chunk: Buffer; readonly encoding: BufferEncoding }[]

/** Its stream gives it one write after the other; it gives them on in pieces. */
class BoundedSocket extends TLSSocket {
  override _write(data: Buffer, encoding: BufferEncoding, done: Written): void {
    if (data.length <= MAX_WRITE) super._write(data, encoding, done)
    else
      super._write(data.subarray(0, MAX_WRITE), encoding, error =>
        error ? done(error) : this._write(data.subarray(MAX_WRITE), encoding, done),
      )
  }

  override _writev(chunks: Chunks, done: Written): void {
    let size = 0
    let count = 0
    while (count < chunks.length && size <= MAX_WRITE) size += chunks[count++]!.chunk.length
    if (size <= MAX_WRITE) super._writev!([...chunks], done)
    else if (count === 1)
      this._write(chunks[0]!.chunk, chunks[0]!.encoding, error => this.#next(chunks, 1, error, done))
    else super._writev!(chunks.slice(0, count - 1), error => this.#next(chunks, count - 1, error, done))
  }

  /** After the first `count` chunks. */
  #next(chunks: Chunks, count: number, error: Error | null | undefined, done: Written): void {
    if (error || count === chunks.length) done(error)
    else this._writev(chunks.slice(count), done)
  }
}

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
    const socket = new BoundedSocket(plain, options)
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
