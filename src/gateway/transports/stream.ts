/**
 * What a client connection on a stream of Node does the same way with and without TLS: what pends is counted in the memory budget, events
 * of the stream become calls of the handler. Runs in the gateway.
 *
 * What the kernel does not take of a write stays here, and the memory budget counts it.
 *
 * Invariant: `handler.onClose` is called exactly once, and nothing after it. Not here: how bytes are read and written (`plain.ts`, `tls.ts`),
 * anything of HTTP.
 */
import type { Socket } from 'node:net'
import type { Account, MemoryBudget } from '../../base/memory-budget.ts'
import type { TlsFacts } from '../../http/tls-facts.ts'
import type { Scheme, Transport, TransportHandler } from '../../http/transport.ts'
import { Views } from './views.ts'

/** One buffer for all reads of the process: a callback copies what it wants to keep. The largest read of libuv is 64 KiB. */
export const received = new Views(Buffer.allocUnsafeSlow(64 * 1024))

/**
 * A small write is put together here. The kernel mostly takes it at once, and then the next one needs no new buffer. A write that it
 * does not take keeps the buffer, so a slow client costs at least this size.
 */
const SEND_BUFFER = 16 * 1024
let sending = new Views(Buffer.allocUnsafeSlow(SEND_BUFFER))

/** Up to this, what cannot be gathered is copied to save a write. Beyond it the copy costs more. */
const MAX_JOINED = 64 * 1024
const NOTHING = Buffer.alloc(0)

export const noHandler: TransportHandler = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} }

/** Both ends of a connection, as the system tells them. */
export interface Ends {
  readonly remoteAddress: string
  readonly remotePort: number
  /** Of a Unix socket: its path. */
  readonly localAddress: string
  readonly localPort: number
}

/** What a stream of Node does for its transport. */
export interface ClientStream {
  readonly bytesWritten: number
  readonly writableLength: number
  readonly writableEnded: boolean
  readonly destroyed: boolean
  /** `onTaken`: the kernel has it, or the stream is destroyed. False: wait for `drain`. */
  write(data: Buffer, onTaken?: () => void): boolean
  pause(): void
  resume(): void
  end(): void
  destroy(): void
  /** As `net.Socket` has it. */
  setKeepAlive(isOn: boolean, afterMs: number): unknown
  on(event: 'end' | 'drain' | 'close', listener: () => void): void
  on(event: 'error', listener: (error: Error) => void): void
}

export abstract class StreamTransport implements Transport {
  protected readonly socket: ClientStream
  abstract readonly scheme: Scheme
  abstract readonly tls: TlsFacts | null
  remoteAddress: string
  remotePort: number
  readonly localAddress: string
  readonly localPort: number
  handler: TransportHandler = noHandler
  protected readonly memory: MemoryBudget
  /** Counts what pends. Made when something does. */
  #account: Account | null = null
  /** An empty write stands behind what pends, to tell when that is taken: the stream tells it only after it has said that it is full. */
  protected isMarked = false
  /** We have said that it is full, though the stream has not. */
  #owesDrain = false

  constructor(socket: ClientStream, ends: Ends, memory: MemoryBudget) {
    this.socket = socket
    this.memory = memory
    this.remoteAddress = ends.remoteAddress
    this.remotePort = ends.remotePort
    this.localAddress = ends.localAddress
    this.localPort = ends.localPort
    socket.on('end', () => this.ended())
    socket.on('drain', () => this.drained())
    // ECONNRESET, EPIPE, ETIMEDOUT: 'close' follows, and a protocol needs to know no more.
    socket.on('error', () => {})
    socket.on('close', () => {
      const handler = this.handler
      this.handler = noHandler
      this.#account?.close()
      handler.onClose()
    })
  }

  /** The kernel has taken all that the stream had. */
  protected drained(): void {
    this.#owesDrain = false
    this.handler.onDrain()
  }

  /** The client has sent FIN. */
  protected ended(): void {
    this.handler.onEnd()
  }

  /** A balancer has said whose connection it is (PROXY protocol). Before the protocol has it. */
  comesFrom({ address, port }: { readonly address: string; readonly port: number }): void {
    this.remoteAddress = address
    this.remotePort = port
  }

  abstract readonly pendingBytes: number
  abstract readonly takenBytes: number

  /** Bytes that the stream has, or that wait for it. */
  protected get unsentBytes(): number {
    return this.socket.writableLength
  }

  /** No write is on its way: not even the empty one, behind which the next one would wait. */
  private get isFree(): boolean {
    return this.socket.writableLength === 0 && !this.isMarked
  }

  /** Of a stream that gives the kernel several buffers in one call; null: it does not, and would copy them. */
  protected get gathering(): Pick<Socket, 'cork' | 'uncork'> | null {
    return null
  }

  /** Whether the kernel has taken the write that was just made. `isFree`: no other one was on its way then. */
  protected abstract isTaken(isFree: boolean): boolean

  write(data: Buffer): boolean {
    const { isFree } = this
    const taken = this.socket.write(data)
    return this.isTaken(isFree) ? taken : this.#pends(taken)
  }

  writeJoined(text: string, data: Buffer): boolean {
    const length = text.length + data.length
    const isShared = length <= SEND_BUFFER
    const joined = isShared ? sending.buffer : Buffer.allocUnsafeSlow(length)
    joined.write(text, 0, 'latin1')
    joined.set(data, text.length)
    const { isFree } = this
    const taken = this.socket.write(isShared ? sending.to(length) : joined)
    if (this.isTaken(isFree)) return taken
    if (isShared) sending = new Views(Buffer.allocUnsafeSlow(SEND_BUFFER))
    return this.#pends(taken)
  }

  writeBehind(text: string, data: Buffer): boolean {
    const { gathering } = this
    if (gathering === null || text.length > SEND_BUFFER) return this.#writeBoth(text, data)
    sending.buffer.write(text, 0, 'latin1')
    const { isFree } = this
    gathering.cork()
    this.socket.write(sending.to(text.length))
    const taken = this.socket.write(data)
    gathering.uncork()
    if (this.isTaken(isFree)) return taken
    sending = new Views(Buffer.allocUnsafeSlow(SEND_BUFFER))
    return this.#pends(taken)
  }

  #writeBoth(text: string, data: Buffer): boolean {
    if (text.length + data.length <= MAX_JOINED) return this.writeJoined(text, data)
    this.write(Buffer.from(text, 'latin1'))
    return this.write(data)
  }

  /** Tells the memory budget. */
  protected count(): void {
    this.#account ??= this.memory.open('a connection was cut', () => this.destroy())
    this.#account.set(this.unsentBytes)
  }

  /** The kernel has not taken all. False: too much pends to write more. */
  #pends(taken: boolean): boolean {
    this.count()
    // After `end` nothing may be written; the close follows soon.
    if (!this.isMarked && !this.socket.writableEnded) {
      this.isMarked = true
      this.socket.write(NOTHING, () => this.#passed())
    }
    if (!taken || !this.memory.isNear) return taken
    this.#owesDrain = true
    return false
  }

  #passed(): void {
    this.isMarked = false
    if (this.unsentBytes > 0 && !this.socket.destroyed) {
      this.#pends(true)
      return
    }
    this.#account?.set(0)
    if (!this.#owesDrain) return
    this.#owesDrain = false
    if (!this.socket.destroyed) this.handler.onDrain()
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  end(): void {
    this.socket.end()
  }

  watchPeer(afterMs: number): void {
    this.socket.setKeepAlive(afterMs > 0, afterMs)
  }

  abstract resetIfCut(): void

  destroy(): void {
    this.socket.destroy()
  }

  abstract reset(): void
}
