/**
 * Client connections without TLS, on sockets of node:net. Runs in the gateway.
 *
 * An accepted socket is wrapped anew with `onread` and one shared read buffer, which `net.createServer` does not offer. That saves an
 * allocation and a stream event for each read: about a sixth of the cost of a small request. The handle that is moved (`_handle`) is not
 * documented. Where it is missing, 'data' events do the same work; `plain.test.ts` runs both. The handle's `writeQueueSize` tells how much
 * of a long write is done, where a stream knows only whether it is over.
 *
 * What the kernel does not take of a write stays here, and the memory budget counts it.
 *
 * Invariant: `handler.onClose` is called exactly once, and nothing after it. Not here: anything of HTTP.
 */
import { createServer, type OnReadOpts, type Server, Socket } from 'node:net'
import type { Account, MemoryBudget } from '../../base/memory-budget.ts'
import type { Transport, TransportHandler } from '../../http/transport.ts'
import { Views } from './views.ts'

/** One buffer for all reads of the process: a callback copies what it wants to keep. The largest read of libuv is 64 KiB. */
const shared = new Views(Buffer.allocUnsafeSlow(64 * 1024))

/**
 * A small write is put together here. The kernel mostly takes it at once, and then the next one needs no new buffer. A write that it
 * does not take keeps the buffer, so a slow client costs at least this size.
 */
const SEND_BUFFER = 16 * 1024
let sending = new Views(Buffer.allocUnsafeSlow(SEND_BUFFER))
/** How many connections may wait in the kernel to be accepted. The kernel caps it at net.core.somaxconn (4096 on Linux). */
const BACKLOG = 4096

interface SocketInternals {
  _handle: unknown
  server?: Server
  _server?: Server
}

interface HandleInternals {
  fd?: number
  bytesWritten?: number
  writeQueueSize?: number
}

type SocketOptions = ConstructorParameters<typeof Socket>[0]

/** Sets whether a close of the descriptor without a FIN before it is a reset. */
export type SetReset = (fd: number, isReset: boolean) => void

const NOTHING = Buffer.alloc(0)

const noHandler: TransportHandler = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} }

export class SocketTransport implements Transport {
  readonly #socket: Socket
  readonly scheme = 'http'
  readonly tls = null
  readonly #isUnix: boolean
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  handler: TransportHandler = noHandler
  readonly #memory: MemoryBudget
  /** Counts what pends. Made when something does. */
  #account: Account | null = null
  /** An empty write stands behind what pends, to tell when that is taken: the stream tells it only after it has said that it is full. */
  #isMarked = false
  /** We have said that it is full, though the stream has not. */
  #owesDrain = false

  /** What `resetIfCut` needs; null: a cut connection ends as the system ends it. */
  readonly #setReset: SetReset | null
  #isResetIfCut = false

  /** `accepted`: a socket, or the number of a descriptor, which belongs to the transport from now on. Throws if it is not a socket. */
  constructor(
    accepted: Socket | number,
    unixPath: string | null,
    moveHandle: boolean,
    memory: MemoryBudget,
    setReset: SetReset | null = null,
  ) {
    this.#memory = memory
    this.#setReset = setReset
    this.#isUnix = unixPath !== null
    if (typeof accepted === 'number') this.#socket = this.#onDescriptor(accepted)
    else this.#socket = moveHandle ? this.#rewrap(accepted) : accepted
    const socket = this.#socket
    this.remoteAddress = unmapped(socket.remoteAddress ?? '')
    this.remotePort = socket.remotePort ?? 0
    this.localAddress = unixPath ?? unmapped(socket.localAddress ?? '')
    this.localPort = socket.localPort ?? 0
    if (!moveHandle) socket.on('data', (chunk: Buffer) => this.handler.onData(chunk))
    socket.on('end', () => this.handler.onEnd())
    socket.on('drain', () => {
      this.#owesDrain = false
      this.handler.onDrain()
    })
    // ECONNRESET, EPIPE, ETIMEDOUT: 'close' follows, and a protocol needs to know no more.
    socket.on('error', () => {})
    socket.on('close', () => {
      const handler = this.handler
      this.handler = noHandler
      this.#account?.close()
      handler.onClose()
    })
  }

  #rewrap(accepted: Socket): Socket {
    const old = accepted as unknown as SocketInternals
    const handle = old._handle
    old._handle = null
    const socket = new Socket({ handle, allowHalfOpen: true, onread: this.#reading() } as SocketOptions)
    // The server counts its connections through this property. Without it server.close() would wait for ever.
    if (old.server) (socket as unknown as SocketInternals)._server = old.server
    return socket
  }

  #onDescriptor(fd: number): Socket {
    return new Socket({ fd, allowHalfOpen: true, onread: this.#reading() })
  }

  #reading(): OnReadOpts {
    return {
      buffer: shared.buffer,
      callback: length => {
        this.handler.onData(shared.to(length))
        return true
      },
    }
  }

  /** Begins to read; the handler must be set. */
  start(): void {
    this.#socket.resume()
  }

  /** Of the client, so far. */
  get receivedBytes(): number {
    return this.#socket.bytesRead
  }

  get pendingBytes(): number {
    return this.#socket.writableLength
  }

  get takenBytes(): number {
    const handle = (this.#socket as unknown as SocketInternals)._handle as HandleInternals | null
    if (handle?.bytesWritten === undefined || handle.writeQueueSize === undefined)
      return this.#socket.bytesWritten - this.#socket.writableLength
    return handle.bytesWritten - handle.writeQueueSize
  }

  write(data: Buffer): boolean {
    const taken = this.#socket.write(data)
    return this.#socket.writableLength === 0 ? taken : this.#pends(taken)
  }

  writeJoined(text: string, data: Buffer): boolean {
    const length = text.length + data.length
    const isShared = length <= SEND_BUFFER
    const joined = isShared ? sending.buffer : Buffer.allocUnsafeSlow(length)
    joined.write(text, 0, 'latin1')
    joined.set(data, text.length)
    const taken = this.#socket.write(isShared ? sending.to(length) : joined)
    if (this.#socket.writableLength === 0) return taken
    if (isShared) sending = new Views(Buffer.allocUnsafeSlow(SEND_BUFFER))
    return this.#pends(taken)
  }

  /** The kernel has not taken all. False: too much pends to write more. */
  #pends(taken: boolean): boolean {
    this.#account ??= this.#memory.open('a connection was cut', () => this.destroy())
    this.#account.set(this.#socket.writableLength)
    // After `end` nothing may be written; the close follows soon.
    if (!this.#isMarked && !this.#socket.writableEnded) {
      this.#isMarked = true
      this.#socket.write(NOTHING, () => this.#passed())
    }
    if (!taken || !this.#memory.isNear) return taken
    this.#owesDrain = true
    return false
  }

  #passed(): void {
    this.#isMarked = false
    const { writableLength } = this.#socket
    if (writableLength > 0 && !this.#socket.destroyed) {
      this.#pends(true)
      return
    }
    this.#account?.set(0)
    if (!this.#owesDrain) return
    this.#owesDrain = false
    if (!this.#socket.destroyed) this.handler.onDrain()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    // Everything is with the kernel, and a FIN behind it: the close that follows is an orderly one.
    if (this.#isResetIfCut) this.#socket.end(() => this.#mayEnd())
    else this.#socket.end()
  }

  resetIfCut(): void {
    if (this.#setReset === null || this.#isUnix) return
    this.#isResetIfCut = true
    this.#setReset(this.fd, true)
  }

  #mayEnd(): void {
    // After an error there is no descriptor.
    if (!this.#socket.destroyed) this.#setReset!(this.fd, false)
  }

  /** The number of its descriptor; -1: there is none any more. */
  get fd(): number {
    return descriptorOf(this.#socket)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  reset(): void {
    if (this.#isUnix) this.#socket.destroy()
    else this.#socket.resetAndDestroy()
  }
}

/** IPv4 clients of a dual-stack socket appear as ::ffff:1.2.3.4. Applications and logs want 1.2.3.4. */
function unmapped(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/**
 * Accepts connections on an inherited descriptor. `onConnection` must set the transport's handler before it returns. `onError` gets
 * the errors of accept (EMFILE) and of listen.
 */
export function listen(
  fd: number,
  unixPath: string | null,
  memory: MemoryBudget,
  onConnection: (transport: SocketTransport) => void,
  onListening: () => void,
  onError: (error: Error) => void,
): Server {
  const onAccepted = (accepted: Socket) => {
    const transport = transportOf(accepted, unixPath, memory)
    onConnection(transport)
    transport.start()
  }
  return acceptOn(fd, onAccepted, onListening, onError)
}

/** Of a socket that a listening socket of this thread has accepted. */
export function transportOf(accepted: Socket, unixPath: string | null, memory: MemoryBudget): SocketTransport {
  const moveHandle = (accepted as unknown as SocketInternals)._handle != null
  return new SocketTransport(accepted, unixPath, moveHandle, memory)
}

/** As `listen`, with the sockets as they are accepted: nothing of them was read. */
export function acceptOn(
  fd: number,
  onAccepted: (accepted: Socket) => void,
  onListening: () => void,
  onError: (error: Error) => void,
): Server {
  const options = { noDelay: true, pauseOnConnect: true, allowHalfOpen: true }
  const server = createServer(options, accepted => {
    // A socket that was reset meanwhile has no handle any more.
    if (!accepted.destroyed) onAccepted(accepted)
  })
  server.on('error', onError)
  server.on('listening', onListening)
  // With `fd`, Node ignores a backlog among the options: it must be the second argument.
  server.listen({ fd }, BACKLOG)
  return server
}

/** Of an accepted socket that was not read yet. */
export function addressOf(accepted: Socket): string {
  return unmapped(accepted.remoteAddress ?? '')
}

/** The number of its descriptor; -1: there is none. */
export function descriptorOf(socket: Socket): number {
  return ((socket as unknown as SocketInternals)._handle as HandleInternals | null)?.fd ?? -1
}
