/**
 * A `TLSSocket` for a connection whose ClientHello a plain socket has read. Runs in the gateway.
 *
 * Node offers a `TLSSocket` on top of a socket: two sockets, with events and buffers of their own, and no `onread`. So ours takes over the
 * handle, and the plain socket is left without one. That saves a little of each handshake, and of the memory of each connection.
 * `_wrapHandle` and the handles are not documented. Where one of them is missing, the plain socket stays below.
 *
 * Not here: what is read and written (`tls.ts`).
 */
import type { OnReadOpts, Socket } from 'node:net'
import { TLSSocket, type TLSSocketOptions } from 'node:tls'
import { passServer } from './plain.ts'

/** Of the plain connection. */
export interface PlainHandle {
  readonly bytesWritten: number
  readonly writeQueueSize: number
}

export interface Secured {
  readonly socket: TLSSocket
  readonly plainHandle: Partial<PlainHandle>
  /** False: what was decrypted comes with 'data' events. */
  readonly readsIntoBuffer: boolean
  /** OpenSSL gets the ClientHello. */
  begin(): void
  /** Closes the connection with a reset. */
  reset(): void
}

interface TcpHandle extends Partial<PlainHandle> {
  close(callback?: () => void): void
  /** Another number than 0: it was not possible. */
  reset?(callback?: () => void): number
}

interface TlsHandle {
  receive(data: Buffer): void
}

/** `TLSSocket` and `Socket` as they are inside. */
interface Internals {
  _handle: unknown
  _tlsOptions: { readonly plainHandle: TcpHandle }
  connecting: boolean
}

type WrapHandle = (this: object, wrap: null, handle: TcpHandle, hasWrites: boolean) => TlsHandle

const wrapHandle = (TLSSocket.prototype as { _wrapHandle?: WrapHandle })._wrapHandle

/** On a handle of its own. */
class HandleSocket extends TLSSocket {
  _wrapHandle(): TlsHandle {
    return wrapHandle!.call(this, null, (this as unknown as Internals)._tlsOptions.plainHandle, false)
  }
}

/** Null: not in this Node. `plain` has no handle afterwards, and tells nothing any more. */
export function secureOnHandle(
  plain: Socket,
  hello: Buffer,
  options: TLSSocketOptions,
  onread: OnReadOpts,
): Secured | null {
  const old = plain as unknown as Internals
  const plainHandle = old._handle as TcpHandle | null
  if (wrapHandle === undefined || plainHandle === null) return null
  old._handle = null
  const own = { ...options, plainHandle, onread, allowHalfOpen: true }
  const socket = new HandleSocket(undefined as unknown as Socket, own)
  const internals = socket as unknown as Internals
  // Without a socket below, Node expects that it will connect.
  internals.connecting = false
  passServer(plain, socket)
  return {
    socket,
    plainHandle,
    readsIntoBuffer: true,
    begin: () => (internals._handle as TlsHandle | null)?.receive(hello),
    reset() {
      const { close, reset } = plainHandle
      plainHandle.close = callback => {
        if (reset?.call(plainHandle, callback) !== 0) close.call(plainHandle, callback)
      }
      socket.destroy()
    },
  }
}

/** On top of the plain socket. */
export function secureOnSocket(plain: Socket, hello: Buffer, options: TLSSocketOptions): Secured {
  const plainHandle = (plain as unknown as Internals)._handle as TcpHandle | null
  plain.unshift(hello)
  const socket = new TLSSocket(plain, options)
  return {
    socket,
    plainHandle: plainHandle ?? { bytesWritten: 0, writeQueueSize: 0 },
    readsIntoBuffer: false,
    begin() {},
    reset: () => void plain.resetAndDestroy(),
  }
}
