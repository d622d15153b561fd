/**
 * Client connections without TLS, on sockets of node:net. Runs in the gateway.
 *
 * An accepted socket is wrapped anew with `onread` and one shared read buffer, which `net.createServer` does not offer. That saves an
 * allocation and a stream event for each read: about a sixth of the cost of a small request. The handle that is moved (`_handle`) is not
 * documented. Where it is missing, 'data' events do the same work; `plain.test.ts` runs both. The handle's `writeQueueSize` tells how much
 * of a long write is done, where a stream knows only whether it is over.
 *
 * Not here: what pends (`stream.ts`), anything of HTTP.
 */
import { createServer, type OnReadOpts, type Server, Socket } from 'node:net'
import type { MemoryBudget } from '../../base/memory-budget.ts'
import { type Ends, noHandler, received, StreamTransport } from './stream.ts'

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

/** What reads: the socket needs it before there is a transport. */
interface Reader {
  transport: SocketTransport | null
}

export class SocketTransport extends StreamTransport {
  readonly scheme = 'http'
  readonly tls = null
  declare protected readonly socket: Socket
  readonly #isUnix: boolean
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
    const reader: Reader = { transport: null }
    const socket =
      typeof accepted === 'number'
        ? new Socket({ fd: accepted, allowHalfOpen: true, onread: reading(reader) })
        : moveHandle
          ? rewrap(accepted, reader)
          : accepted
    super(socket, endsOf(socket, unixPath), memory)
    reader.transport = this
    this.#setReset = setReset
    this.#isUnix = unixPath !== null
    if (!moveHandle) socket.on('data', (chunk: Buffer) => this.handler.onData(chunk))
  }

  /** Begins to read; the handler must be set. */
  start(): void {
    this.socket.resume()
  }

  /**
   * The client has reset the connection before it was taken. What it sent can still be read, but the system does not know its address any
   * more, and without one it would pass for a client of a Unix socket. So nobody serves it.
   */
  get isGone(): boolean {
    return !this.#isUnix && this.remoteAddress === ''
  }

  /** Of the client, so far. */
  get receivedBytes(): number {
    return this.socket.bytesRead
  }

  get pendingBytes(): number {
    return this.socket.writableLength
  }

  get takenBytes(): number {
    const handle = (this.socket as unknown as SocketInternals)._handle as HandleInternals | null
    if (handle?.bytesWritten === undefined || handle.writeQueueSize === undefined)
      return this.socket.bytesWritten - this.socket.writableLength
    return handle.bytesWritten - handle.writeQueueSize
  }

  protected override get gathering(): Socket {
    return this.socket
  }

  protected isTaken(): boolean {
    return this.socket.writableLength === 0
  }

  override end(): void {
    // Everything is with the kernel, and a FIN behind it: the close that follows is an orderly one.
    if (this.#isResetIfCut) this.socket.end(() => this.#mayEnd())
    else this.socket.end()
  }

  resetIfCut(): void {
    if (this.#setReset === null || this.#isUnix) return
    this.#isResetIfCut = true
    this.#setReset(this.fd, true)
  }

  #mayEnd(): void {
    // After an error there is no descriptor.
    if (!this.socket.destroyed) this.#setReset!(this.fd, false)
  }

  /** The number of its descriptor; -1: there is none any more. */
  get fd(): number {
    return descriptorOf(this.socket)
  }

  get descriptor(): number {
    return this.#isUnix ? -1 : this.fd
  }

  reset(): void {
    if (this.#isUnix) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  /** Gives the socket away, for TLS: it does not read. */
  takeSocket(): Socket {
    this.handler = noHandler
    this.socket.pause()
    return this.socket
  }
}

function rewrap(accepted: Socket, reader: Reader): Socket {
  const old = accepted as unknown as SocketInternals
  const handle = old._handle
  old._handle = null
  const socket = new Socket({ handle, allowHalfOpen: true, onread: reading(reader) } as SocketOptions)
  passServer(accepted, socket)
  return socket
}

/** The server counts its connections through this property. Without it server.close() would wait for ever. */
function passServer(from: Socket, to: Socket): void {
  const { server, _server } = from as unknown as SocketInternals
  const one = _server ?? server
  if (one) (to as unknown as SocketInternals)._server = one
}

function reading(reader: Reader): OnReadOpts {
  return {
    buffer: received.buffer,
    callback: length => {
      reader.transport!.handler.onData(received.to(length))
      return true
    },
  }
}

function endsOf(socket: Socket, unixPath: string | null): Ends {
  return {
    remoteAddress: unmapped(socket.remoteAddress ?? ''),
    remotePort: socket.remotePort ?? 0,
    localAddress: unixPath ?? unmapped(socket.localAddress ?? ''),
    localPort: socket.localPort ?? 0,
  }
}

/** IPv4 clients of a dual-stack socket appear as ::ffff:1.2.3.4. Applications and logs want 1.2.3.4. */
function unmapped(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/**
 * Accepts connections on an inherited descriptor. `onConnection` must set the transport's handler before it returns; it does not hear of
 * clients that have gone (`isGone`). `onError` gets the errors of accept (EMFILE) and of listen. `isForOne`: a connection has one request: to wrap
 * its socket anew would cost more than it saves.
 */
export function listen(
  fd: number,
  unixPath: string | null,
  memory: MemoryBudget,
  onConnection: (transport: SocketTransport) => void,
  onListening: () => void,
  onError: (error: Error) => void,
  isForOne = false,
): Server {
  const onAccepted = (accepted: Socket) => {
    const transport = isForOne
      ? new SocketTransport(accepted, unixPath, false, memory)
      : transportOf(accepted, unixPath, memory)
    if (transport.isGone) {
      transport.destroy()
      return
    }
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
