/**
 * One connection to a server behind us. The only file of the proxy that touches a socket. Runs in the gateway.
 *
 *     connecting ──▶ idle ◀──▶ busy: one request and its response ──▶ closed
 *
 * Invariants: it serves one request at a time. Its user hears `onClosed` once at most, and nothing after it, nor after `destroy`. A server
 * that says anything while no response is expected, or ends while idle, loses the connection. It goes back to its pool only when the
 * response has ended, the request was sent whole, and no byte has come behind them.
 * Not here: who gets it (`pool.ts`), time-outs and retries (`call.ts`).
 */
import { isIP, Socket } from 'node:net'
import { Deadline } from '../base/deadlines.ts'
import type { HeaderLines } from '../http/headers.ts'
import type { ServerAddress, ServiceName, UpstreamServer } from '../sites/upstream-model.ts'
import type { Dialect, ResponseReader } from './protocols/dialect.ts'
import type { UpstreamHead } from './response-head.ts'
import type { Expected } from './response-parser.ts'

/** Who has the connection for one request. */
export interface ConnectionUser {
  onConnected(): void
  onInterim(head: UpstreamHead): void
  onHead(head: UpstreamHead): void
  /** `chunk` is a view, valid during the call. */
  onBody(chunk: Buffer): void
  /** The connection may be another request's when this returns. */
  onEnd(trailers: HeaderLines): void
  onSwitch(head: UpstreamHead): void
  /** As `onBody`. */
  onTunnel(chunk: Buffer): void
  /** A line for the log, beside the response. */
  onNote(line: string): void
  /** In place of a response (`ResponseSink`). It has to be given back by `destroy`. */
  onRefused(status: number, retryAfter: number, why: string): void
  /** The server has taken what was written, after a `write` that returned false. */
  onDrain(): void
  /** `reason`: a phrase for the log. `isViolation`: it has broken the protocol. */
  onClosed(reason: string, isViolation: boolean): void
  /** A tunnel's server has sent FIN. */
  onTunnelEnd(): void
}

/** Where a connection goes. */
export interface ServerEnd {
  /** A name in it is resolved for each new connection: `keepalive-timeout` bounds how long an old address is used. */
  readonly address: ServerAddress
  /** By which the server is known: its name where `address` has only what that resolves to. */
  readonly host: string
}

/** Each read goes into `buffer`, and then to `callback`. False: nothing more for now. */
export interface ReadInto {
  readonly buffer: Buffer
  readonly callback: (length: number, buffer: Uint8Array) => boolean
}

/** How sockets to servers are made: plain, or with TLS (`tls.ts`). */
export interface SocketMaker {
  /** Begins to connect. */
  connect(address: ServerAddress, host: string, into: ReadInto): Socket
  /** The event after which requests may be written. */
  readonly connected: 'connect' | 'secureConnect'
  /** For the log. */
  whyNot(error: NodeJS.ErrnoException): string
}

type NamedAddress = Extract<ServerAddress, { kind: 'tcp' }> | ServiceName

/** It has to be resolved. */
export function isNamed(address: UpstreamServer['address']): address is NamedAddress {
  return address.kind === 'srv' || (address.kind === 'tcp' && isIP(address.host) === 0)
}

/** The name by which a server is known: in its certificate, in the Host of a health check. */
export function hostOf({ address }: UpstreamServer): string {
  if (address.kind === 'tcp') return address.host
  // Not that of a server of the service: whoever answers for DNS could name his own (RFC6125§6.2.1).
  return address.kind === 'srv' ? address.name.replace(/^(?:_[^.]*\.)*/, '') : 'localhost'
}

export const PLAIN: SocketMaker = {
  connect(address, _host, into) {
    const socket = new Socket({ allowHalfOpen: true, onread: into })
    return address.kind === 'unix'
      ? socket.connect(address.path)
      : socket.connect({ host: address.host, port: address.port })
  },
  connected: 'connect',
  whyNot: ({ code, message }) => code ?? message,
}

/** Reasons why no socket was made or connected: another server would have none either, and this one is not to blame. */
export const OWN_SHORTAGE: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL'])

/** Who made the connection. */
export interface ConnectionOwner {
  /** It can take the next request. */
  freed(connection: UpstreamConnection): void
  /** It takes no request any more: once, in whatever way it has ended. */
  gone(connection: UpstreamConnection): void
  /** Its descriptor is closed: once, after `gone`. */
  closed(): void
}

/** One buffer for all reads of all connections of a thread: what must outlive a read is copied. */
const sharedReadBuffer = Buffer.allocUnsafeSlow(64 * 1024)
/** Silence on an idle connection after which the system asks whether the server is there. */
const ASK_AFTER_MS = 30_000

export class UpstreamConnection {
  readonly socket: Socket
  readonly #parser: ResponseReader
  readonly #owner: ConnectionOwner
  #user: ConnectionUser | null = null
  #isHeld = false
  #isClosed = false
  #isTunnel = false
  /** The request was written to its end. */
  #isSent = false
  #keepsAlive = false
  /** Requests that it has carried. */
  served = 0
  isConnected = false
  /** Of the pool, while it waits. */
  readonly idleClock = new Deadline(() => this.destroy())

  constructor({ address, host }: ServerEnd, sockets: SocketMaker, dialect: Dialect, owner: ConnectionOwner) {
    this.#owner = owner
    this.#parser = dialect.reader({
      onInterim: head => this.#user?.onInterim(head),
      onHead: head => {
        this.#keepsAlive = head.keepsAlive
        this.#user?.onHead(head)
      },
      onBody: chunk => this.#user?.onBody(chunk),
      onEnd: trailers => this.#ended(trailers),
      onSwitch: head => {
        this.#isTunnel = true
        this.#user?.onSwitch(head)
      },
      onTunnel: chunk => this.#user?.onTunnel(chunk),
      onNote: line => this.#user?.onNote(line),
      onRefused: (status, retryAfter, why) => this.#user?.onRefused(status, retryAfter, why),
    })
    this.socket = sockets.connect(address, host, {
      buffer: sharedReadBuffer,
      callback: (length, buffer) => {
        if (!this.#isClosed) this.#receive((buffer as Buffer).subarray(0, length))
        return !this.#isHeld
      },
    })
    let reason = 'closed the connection'
    this.socket
      .on('error', (error: NodeJS.ErrnoException) => {
        reason = sockets.whyNot(error)
      })
      .on(sockets.connected, () => {
        this.isConnected = true
        this.#user?.onConnected()
      })
      .on('drain', () => this.#user?.onDrain())
      .on('end', () => this.#otherEnded())
      .on('close', () => {
        this.#over(reason, false)
        owner.closed()
      })
    readsBeforeItFails(this.socket, () => this.#isClosed)
    // Clients hold the process, and nothing is waited for without one.
    this.socket.unref()
    this.socket.setNoDelay(true)
    this.socket.setKeepAlive(true, ASK_AFTER_MS)
  }

  /** No byte of the present response has come. */
  get isUnanswered(): boolean {
    return !this.#parser.hasBegun
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  /** Gives it to a request. It must be idle, or new. */
  begin(user: ConnectionUser, expected: Expected): void {
    this.#user = user
    this.#isSent = false
    this.served++
    this.#parser.begin(expected)
  }

  /** False: the server is slow, wait for `onDrain`. Owns `data` from now on; text is latin-1. */
  write(data: string | Buffer): boolean {
    return typeof data === 'string' ? this.socket.write(data, 'latin1') : this.socket.write(data)
  }

  /** All of the request is written. */
  sent(): void {
    this.#isSent = true
  }

  /** Nothing is read until `release`. */
  hold(): void {
    this.#isHeld = true
    this.socket.pause()
  }

  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.socket.resume()
  }

  /** Closes it now. Its user hears nothing more. */
  destroy(): void {
    this.#user = null
    this.#over('', false)
  }

  #receive(chunk: Buffer): void {
    try {
      this.#parser.receive(chunk)
    } catch (error) {
      this.#over((error as Error).message, true)
      return
    }
    this.#free()
  }

  /** FIN of the server. */
  #otherEnded(): void {
    if (this.#isClosed) return
    if (this.#isTunnel) {
      this.#user?.onTunnelEnd()
      return
    }
    this.#keepsAlive = false
    try {
      this.#parser.end()
    } catch (error) {
      this.#over((error as Error).message, false)
      return
    }
    this.#over('', false)
  }

  #ended(trailers: HeaderLines): void {
    const user = this.#user
    if (user === null) return
    this.#user = null
    try {
      user.onEnd(trailers)
    } catch (error) {
      // A bug of ours. Its user has to hear that the connection ends, or its client would wait for ever.
      this.#user = user
      throw error
    }
  }

  /** After the read that has ended a response, when nothing stood behind it. */
  #free(): void {
    if (this.#user !== null || this.#isClosed || this.#isTunnel || !this.#parser.isIdle || this.served === 0) return
    if (!this.#keepsAlive || !this.#isSent) {
      this.#over('', false)
      return
    }
    this.release()
    this.#owner.freed(this)
  }

  #over(reason: string, isViolation: boolean): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const user = this.#user
    this.#user = null
    this.#parser.stop()
    this.socket.destroy()
    this.#owner.gone(this)
    user?.onClosed(reason, isViolation)
  }
}

type Written = (error?: Error | null) => void

/**
 * A server may answer early, as with 413, and close while the request is still sent: then a write fails while its response waits to be read. Node
 * closes a socket at the first write that fails, and the response would be lost. So the failure is told when there is nothing more to read: the
 * read that finds the end closes the socket. `isClosed`: nobody wants to read any more.
 */
function readsBeforeItFails(socket: Socket, isClosed: () => boolean): void {
  let hasFailed = false
  const held = (done: Written): Written => {
    const written: Written = error => {
      if (error === undefined || error === null || isClosed()) {
        done(error)
        return
      }
      hasFailed = true
      socket.once('end', () => done(error))
    }
    return written
  }
  const write = socket._write.bind(socket)
  const writeAll = socket._writev!.bind(socket)
  socket._write = (chunk, encoding, done) => {
    if (!hasFailed) write(chunk, encoding, held(done))
  }
  socket._writev = (chunks, done) => {
    if (!hasFailed) writeAll(chunks, held(done))
  }
}
