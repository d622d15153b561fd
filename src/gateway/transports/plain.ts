/**
 * Client sockets over node:net: the only file that touches them, so that a faster transport can take its place.
 *
 * Accepted sockets are wrapped anew with `onread` and one shared read buffer, which `net.createServer` does not offer:
 * it spares an allocation and a stream event for each read (about a sixth of the cost of a small request). The handle that is moved
 * (`_handle`) is not documented; where it is missing, 'data' events do the same work. `plain.test.ts` runs both. Its
 * `writeQueueSize` tells how far a long write is, where a stream knows only whether it is over.
 *
 * What the kernel does not take of a write stays here, and is counted by the memory budget.
 *
 * Not here: anything of HTTP. Invariant: `handler.onClose` is called exactly once, and nothing after it.
 */
import { createServer, type Server, Socket } from 'node:net'
import type { Account, MemoryBudget } from '../../base/memory-budget.ts'
import type { Transport, TransportHandler } from '../../http/transport.ts'
import { Views } from './views.ts'

/** One buffer for all reads of the process: what a callback wants to keep, it copies. 64 KiB is the largest read libuv does. */
const shared = new Views(Buffer.allocUnsafeSlow(64 * 1024))

/**
 * Small writes are put together here: the kernel mostly takes them at once, and then the next one needs no new buffer. A write
 * that it does not take keeps the buffer, so its size is what a slow client costs at least.
 */
const SEND_BUFFER = 16 * 1024
let sending = new Views(Buffer.allocUnsafeSlow(SEND_BUFFER))
/** Connections that wait to be accepted, in the kernel. The kernel caps it at net.core.somaxconn (4096 on Linux). */
const BACKLOG = 4096

interface SocketInternals {
  _handle: unknown
  server?: Server
  _server?: Server
}

interface HandleInternals {
  bytesWritten?: number
  writeQueueSize?: number
}

const NOTHING = Buffer.alloc(0)

const noHandler: TransportHandler = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} }

export class SocketTransport implements Transport {
  readonly #socket: Socket
  readonly scheme = 'http'
  readonly #isUnix: boolean
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  handler: TransportHandler = noHandler
  readonly #memory: MemoryBudget
  /** Of what pends; made when something does. */
  #account: Account | null = null
  /** An empty write behind what pends tells when that is through: the stream says so only where it has said that it is full. */
  #isMarked = false
  /** We have said that it is full, and the stream has not. */
  #owesDrain = false

  constructor(accepted: Socket, unixPath: string | null, moveHandle: boolean, memory: MemoryBudget) {
    this.#memory = memory
    this.#isUnix = unixPath !== null
    this.#socket = moveHandle ? this.#rewrap(accepted) : accepted
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
    // ECONNRESET, EPIPE, ETIMEDOUT: 'close' follows, and that is all the protocol needs to know.
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
    const options = {
      handle,
      allowHalfOpen: true,
      onread: {
        buffer: shared.buffer,
        callback: (length: number): boolean => {
          this.handler.onData(shared.to(length))
          return true
        },
      },
    }
    const socket = new Socket(options as ConstructorParameters<typeof Socket>[0])
    // Without it server.close() would wait for ever: the server counts its connections through this property.
    if (old.server) (socket as unknown as SocketInternals)._server = old.server
    return socket
  }

  /** Reading begins; the handler must be set. */
  start(): void {
    this.#socket.resume()
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

  /** The kernel has not taken all. False: it is too much to write more. */
  #pends(taken: boolean): boolean {
    this.#account ??= this.#memory.open('a connection was cut', () => this.destroy())
    this.#account.set(this.#socket.writableLength)
    // Behind the end nothing may be written; its close is not far.
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
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  reset(): void {
    if (this.#isUnix) this.#socket.destroy()
    else this.#socket.resetAndDestroy()
  }
}

/** IPv4 clients of a dual-stack socket appear as ::ffff:1.2.3.4; applications and logs want 1.2.3.4. */
function unmapped(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/**
 * Accepts on an inherited descriptor. `onConnection` sets the transport's handler before it returns. Errors of accept
 * (EMFILE) and of listen go to `onError`.
 */
export function listen(
  fd: number,
  unixPath: string | null,
  memory: MemoryBudget,
  onConnection: (transport: SocketTransport) => void,
  onListening: () => void,
  onError: (error: Error) => void,
): Server {
  const options = { noDelay: true, pauseOnConnect: true, allowHalfOpen: true }
  const server = createServer(options, accepted => {
    // A socket that was reset before we got here has no handle any more.
    if (accepted.destroyed) return
    const moveHandle = (accepted as unknown as SocketInternals)._handle != null
    const transport = new SocketTransport(accepted, unixPath, moveHandle, memory)
    onConnection(transport)
    transport.start()
  })
  server.on('error', onError)
  server.on('listening', onListening)
  // Together with `fd` a backlog among the options is ignored: it must be the second argument.
  server.listen({ fd }, BACKLOG)
  return server
}
