/**
 * The stream of a connection with TLS on Node's own handle, without `TLSSocket`: half of what `TLSSocket` costs is for what we don't use.
 * Runs in the gateway.
 *
 * The handles and `process.binding` are not documented. Where something of them is missing, `secureOnHandle` returns null, and
 * `TLSSocket` does the same work (`tls-socket.ts`).
 *
 * The handle takes one write at a time, and tells a turn later that it is done. What is written meanwhile waits, and is joined.
 *
 * Invariants: `close` comes once, and nothing after it. `TlsHandle.writeBuffer` is never called while a write is on its way: Node would abort.
 * Not here: what is read and written (`tls.ts`).
 */
import { Server, type Socket } from 'node:net'
import { TLSSocket, type TLSSocketOptions } from 'node:tls'
import { getSystemErrorName } from 'node:util'
import { type ClientStream, received } from './stream.ts'
import type { PlainHandle, Secured } from './tls-socket.ts'

/** Of libuv: the client has sent its end. */
const EOF = -4095
/** `write` returns false when so many bytes wait, as a stream of Node's does. */
const HIGH_WATER = 64 * 1024

interface TcpHandle extends Partial<PlainHandle> {
  close(callback: () => void): void
  /** Another number than 0: it was not possible. A Unix socket has none. */
  reset?(callback: () => void): number
  /** Nobody else would keep it. */
  secure?: TlsHandle
}

interface TlsHandle {
  readonly bytesWritten: number
  stream: HandleStream
  onread: (this: TlsHandle) => void
  onerror: (this: TlsHandle, error: Error) => void
  onhandshakedone: (this: TlsHandle) => void
  oncertcb: (this: TlsHandle, info: { readonly OCSPRequest: boolean }) => void
  useUserBuffer(buffer: Buffer): void
  setALPNProtocols(protocols: unknown): void
  setVerifyMode(requests: boolean, refuses: boolean): void
  enableCertCb(): void
  setOCSPResponse(response: Buffer): void
  certCbDone(): void
  getALPNNegotiatedProtocol(): string | false
  receive(data: Buffer): void
  readStart(): number
  readStop(): number
  writeBuffer(request: Request, data: Buffer): number
  writev(request: Request, parts: readonly Buffer[], areBuffers: true): number
  shutdown(request: Request): number
  destroySSL(): void
}

/** Of Node's: tells when it is done. */
interface Request {
  stream: HandleStream
  oncomplete: (this: Request, status: number) => void
}

interface Bindings {
  readonly wrap: (handle: TcpHandle, context: unknown, isServer: boolean, hasWrites: boolean) => TlsHandle
  readonly WriteWrap: new () => Request
  readonly ShutdownWrap: new () => Request
  readonly streamBaseState: Int32Array
  readonly kReadBytesOrError: number
}

interface ServerInternals {
  _connections: number
  _emitCloseIfDrained(): void
}

/** Null: this Node has them no more. */
function findBindings(): Bindings | null {
  try {
    const { binding } = process as unknown as { binding: (name: string) => object }
    const found = { ...binding('stream_wrap'), ...binding('tls_wrap') } as Bindings
    const isWhole =
      [found.wrap, found.WriteWrap, found.ShutdownWrap].every(one => typeof one === 'function') &&
      found.streamBaseState instanceof Int32Array &&
      typeof found.kReadBytesOrError === 'number' &&
      typeof (Server.prototype as unknown as ServerInternals)._emitCloseIfDrained === 'function'
    return isWhole ? found : null
  } catch {
    return null
  }
}

const bindings = findBindings()
const { WriteWrap, ShutdownWrap, streamBaseState, kReadBytesOrError, wrap } = bindings ?? ({} as Bindings)

/** Asks OpenSSL the questions of a `TLSSocket`, which are methods on `_handle`. */
class Session {
  _handle: TlsHandle | null
  alpnProtocol: string | false | null = null

  constructor(handle: TlsHandle) {
    this._handle = handle
  }
}
Object.setPrototypeOf(Session.prototype, TLSSocket.prototype)

interface Listeners {
  end(): void
  drain(): void
  close(): void
  error(error: Error): void
}

type Taken = () => void

const NONE: readonly Taken[] = []

class HandleStream implements ClientStream {
  readonly #plain: TcpHandle
  readonly #handle: TlsHandle
  /** What the connection counts for. Null: it was accepted elsewhere. */
  readonly #server: ServerInternals | null
  readonly #onBytes: (length: number) => void
  readonly #listeners: Listeners = { end() {}, drain() {}, close() {}, error() {} }
  readonly session: Session
  #onSecure: () => void = () => {}
  /** Bytes of the write that is on its way; 0: there is none. */
  #given = 0
  /** Who wants to know when that is taken, and what waits behind it. */
  #givenTaken = NONE
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #waitingTaken: Taken[] = []
  #owesDrain = false
  #isReading = false
  #isReadOver = false
  #isShutDown = false
  #isWriteOver = false
  #isReset = false
  writableEnded = false
  destroyed = false

  constructor(
    plain: TcpHandle,
    server: ServerInternals | null,
    options: TLSSocketOptions,
    onBytes: (length: number) => void,
  ) {
    const handle = wrap(plain, options.secureContext!.context, true, false)
    this.#plain = plain
    this.#handle = handle
    this.#server = server
    this.#onBytes = onBytes
    this.session = new Session(handle)
    plain.secure = handle
    handle.stream = this
    handle.onread = onRead
    handle.onerror = onError
    handle.onhandshakedone = onHandshakeDone
    handle.useUserBuffer(received.buffer)
    if (options.ALPNProtocols !== undefined) handle.setALPNProtocols(options.ALPNProtocols)
    // We judge the certificate.
    if (options.requestCert) handle.setVerifyMode(true, false)
    if (options.server !== undefined) staple(handle, options.server)
  }

  begin(hello: Buffer, onSecure: () => void, onFailed: (error: Error) => void): void {
    this.#onSecure = onSecure
    this.#listeners.error = onFailed
    this.#handle.receive(hello)
    this.resume()
  }

  on<E extends keyof Listeners>(event: E, listener: Listeners[E]): void {
    this.#listeners[event] = listener
  }

  get bytesWritten(): number {
    return this.#handle.bytesWritten
  }

  get writableLength(): number {
    return this.#given + this.#waitingBytes
  }

  write(data: Buffer, onTaken?: Taken): boolean {
    if (this.destroyed || this.writableEnded) return false
    if (this.#given > 0) this.#wait(data, onTaken)
    else if (data.length > 0) this.#give(data, onTaken === undefined ? NONE : [onTaken])
    else if (onTaken !== undefined) process.nextTick(onTaken)
    if (this.writableLength < HIGH_WATER) return true
    this.#owesDrain = true
    return false
  }

  #wait(data: Buffer, onTaken: Taken | undefined): void {
    if (data.length > 0) this.#waiting.push(data)
    this.#waitingBytes += data.length
    if (onTaken !== undefined) this.#waitingTaken.push(onTaken)
  }

  #give(data: Buffer, onTaken: readonly Taken[]): void {
    this.#given = data.length
    this.#givenTaken = onTaken
    const request = new WriteWrap()
    request.stream = this
    request.oncomplete = onWritten
    const status = this.#handle.writeBuffer(request, data)
    if (status !== 0) this.#fail('write', status)
  }

  #giveWaiting(): void {
    const [first] = this.#waiting
    const data = this.#waiting.length === 1 ? first! : Buffer.concat(this.#waiting, this.#waitingBytes)
    const taken = this.#waitingTaken
    this.#waiting = []
    this.#waitingBytes = 0
    this.#waitingTaken = []
    this.#give(data, taken)
  }

  written(status: number): void {
    if (this.destroyed) return
    if (status < 0) {
      this.#fail('write', status)
      return
    }
    const taken = this.#givenTaken
    this.#given = 0
    this.#givenTaken = NONE
    if (this.#waitingBytes > 0) {
      this.#giveWaiting()
      for (const one of taken) one()
      return
    }
    const last = this.#waitingTaken
    this.#waitingTaken = []
    for (const one of [...taken, ...last]) one()
    if (this.#given > 0 || this.destroyed) return
    if (this.#owesDrain) {
      this.#owesDrain = false
      this.#listeners.drain()
    }
    if (this.writableEnded && this.#given === 0) this.#shutDown()
  }

  end(): void {
    if (this.destroyed || this.writableEnded) return
    this.writableEnded = true
    if (this.#given === 0) this.#shutDown()
  }

  /** Sends the end of TLS, and FIN. */
  #shutDown(): void {
    if (this.destroyed || this.#isShutDown) return
    this.#isShutDown = true
    const request = new ShutdownWrap()
    request.stream = this
    request.oncomplete = onShutDown
    const status = this.#handle.shutdown(request)
    if (status !== 0) this.#fail('shutdown', status)
  }

  shutDown(): void {
    this.#isWriteOver = true
    if (this.#isReadOver) this.destroy()
  }

  read(length: number): void {
    if (length === 0 || this.destroyed) return
    if (length > 0) {
      this.#onBytes(length)
    } else if (length !== EOF) {
      this.#fail('read', length)
    } else if (!this.#isReadOver) {
      this.#isReadOver = true
      this.#listeners.end()
      if (this.#isWriteOver) this.destroy()
    }
  }

  secured(): void {
    // It may come behind `destroy`.
    if (this.destroyed) return
    this.session.alpnProtocol = this.#handle.getALPNNegotiatedProtocol()
    this.#onSecure()
  }

  pause(): void {
    if (!this.#isReading || this.destroyed) return
    this.#isReading = false
    this.#handle.readStop()
  }

  resume(): void {
    if (this.#isReading || this.destroyed) return
    this.#isReading = true
    const status = this.#handle.readStart()
    if (status !== 0) this.#fail('read', status)
  }

  #fail(call: string, status: number): void {
    this.destroy(new Error(`${call} ${getSystemErrorName(status)}`))
  }

  /** Closes the connection with a reset. */
  reset(): void {
    this.#isReset = true
    this.destroy()
  }

  destroy(error?: Error): void {
    if (this.destroyed) return
    this.destroyed = true
    if (error !== undefined) this.#listeners.error(error)
    const onClosed = () => this.#closed()
    const plain = this.#plain
    if (!this.#isReset || plain.reset === undefined || plain.reset(onClosed) !== 0) plain.close(onClosed)
    const server = this.#server
    if (server === null) return
    server._connections--
    server._emitCloseIfDrained()
  }

  #closed(): void {
    this.#handle.destroySSL()
    this.session._handle = null
    this.#given = this.#waitingBytes = 0
    for (const taken of [...this.#givenTaken, ...this.#waitingTaken]) taken()
    this.#listeners.close()
  }
}

function onRead(this: TlsHandle): void {
  this.stream.read(streamBaseState[kReadBytesOrError]!)
}

function onHandshakeDone(this: TlsHandle): void {
  this.stream.secured()
}

/** Of OpenSSL. It has sent its alert already. */
function onError(this: TlsHandle, error: Error): void {
  this.stream.destroy(error)
}

function onWritten(this: Request, status: number): void {
  this.stream.written(status)
}

function onShutDown(this: Request): void {
  this.stream.shutDown()
}

/** OpenSSL asks for the OCSP response, which the options have as a listener of a `tls.Server` that does not listen. */
function staple(handle: TlsHandle, server: Server): void {
  handle.enableCertCb()
  handle.oncertcb = ({ OCSPRequest }) => {
    const onResponse = (_: null, response: Buffer) => handle.setOCSPResponse(response)
    if (OCSPRequest) server.emit('OCSPRequest', null, null, onResponse)
    handle.certCbDone()
  }
}

interface SocketInternals {
  _handle: TcpHandle | null
  _server?: ServerInternals | null
  server?: ServerInternals | null
}

/** Null: not in this Node. `plain` has no handle afterwards, and tells nothing any more. `onBytes`: so many are in `received`. */
export function secureOnHandle(
  plain: Socket,
  options: TLSSocketOptions,
  onBytes: (length: number) => void,
): Secured | null {
  const old = plain as unknown as SocketInternals
  const handle = old._handle
  if (bindings === null || handle === null) return null
  old._handle = null
  const stream = new HandleStream(handle, old._server ?? old.server ?? null, options, onBytes)
  return {
    stream,
    session: stream.session as unknown as TLSSocket,
    plainHandle: handle,
    begin: (hello, onSecure, onFailed) => stream.begin(hello, onSecure, onFailed),
    reset: () => stream.reset(),
  }
}
