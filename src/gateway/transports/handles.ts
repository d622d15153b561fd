/**
 * Node's own handles of connections, and what makes and reads them. None of it is documented: `bindings` is null in a Node that has
 * something of it no more. Runs in the gateway.
 */
import { Server, type Socket } from 'node:net'

/** Of a TCP connection or a Unix socket. */
export interface PlainHandle {
  readonly bytesRead?: number
  /** With what the kernel has not taken yet. */
  readonly bytesWritten?: number
  readonly writeQueueSize?: number
  close(callback: () => void): void
  /** Another number than 0: it was not possible. A Unix socket has none. */
  reset?(callback: () => void): number
  /** The same. */
  setKeepAlive?(isOn: boolean, seconds: number): number
}

/** Bytes in both directions. What returns a number returns 0, or libuv's number of an error. */
export interface StreamHandle {
  readonly bytesRead: number
  readonly bytesWritten: number
  /** The bytes are in the buffer of `useUserBuffer`; how many says `streamBaseState`. */
  onread: () => void
  useUserBuffer(buffer: Buffer): void
  readStart(): number
  readStop(): number
  writeBuffer(request: Request, data: Buffer): number
  shutdown(request: Request): number
}

export interface TlsHandle extends StreamHandle {
  onerror: (error: Error) => void
  onhandshakedone: () => void
  oncertcb: (info: { readonly OCSPRequest: boolean }) => void
  setALPNProtocols(protocols: unknown): void
  setVerifyMode(requests: boolean, refuses: boolean): void
  enableCertCb(): void
  setOCSPResponse(response: Buffer): void
  certCbDone(): void
  getALPNNegotiatedProtocol(): string | false
  /** Encrypted bytes, as if they came from the client. */
  receive(data: Buffer): void
  destroySSL(): void
}

/** What tells that a call of a handle is over. */
export interface Request {
  oncomplete: (status: number) => void
}

export interface Bindings {
  readonly wrap: (handle: PlainHandle, context: unknown, isServer: boolean, hasWrites: boolean) => TlsHandle
  readonly WriteWrap: new () => Request
  readonly ShutdownWrap: new () => Request
  readonly streamBaseState: Int32Array
  /** Where in it. */
  readonly kReadBytesOrError: number
}

export const bindings: Bindings | null = findBindings()

function findBindings(): Bindings | null {
  try {
    const { binding } = process as unknown as { binding: (name: string) => object }
    const found = { ...binding('stream_wrap'), ...binding('tls_wrap') } as Bindings
    const isWhole =
      [found.wrap, found.WriteWrap, found.ShutdownWrap].every(one => typeof one === 'function') &&
      found.streamBaseState instanceof Int32Array &&
      typeof found.kReadBytesOrError === 'number' &&
      typeof (Server.prototype as Partial<Counting>)._emitCloseIfDrained === 'function'
    return isWhole ? found : null
  } catch {
    return null
  }
}

/** A server counts its connections in these, and closes when the last one has closed. */
interface Counting {
  _connections: number
  _emitCloseIfDrained(): void
}

interface SocketInternals {
  _handle: PlainHandle | null
  _server?: Counting | null
  server?: Counting | null
}

/** Of a socket that has one no more afterwards, and tells nothing any more. Null: it has none. */
export function takeHandle(socket: Socket): PlainHandle | null {
  const internals = socket as unknown as SocketInternals
  const handle = internals._handle
  internals._handle = null
  if (handle !== null) forget(handle, socket)
  return handle
}

/** It would keep the socket in memory as long as the connection. */
function forget(handle: object, socket: Socket): void {
  const all = handle as Record<symbol, unknown>
  for (const one of Object.getOwnPropertySymbols(handle)) if (all[one] === socket) all[one] = undefined
}

/** What tells the server of `socket` that it has closed, which `socket` does not do any more. Another thread may have accepted it: no server. */
export function takeLeaving(socket: Socket): () => void {
  const internals = socket as unknown as SocketInternals
  const server = internals._server ?? internals.server
  if (!server) return () => {}
  internals._server = null
  return () => {
    server._connections--
    server._emitCloseIfDrained()
  }
}
