/** Where a test's client connects to: a port of this machine or the path of a Unix socket, plain or over TLS. */
import { connect, type OnReadOpts, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'

export type Target = number | string | TlsTarget

export interface TlsTarget {
  readonly to: number | string
  /** Of the client: `ca`, `servername`, `cert` and `key`, `minVersion`, `session` … */
  readonly tls: ConnectionOptions
}

/** Over TLS, what is written at once waits for the handshake. */
export function connectTo(
  target: Target,
  options: { readonly allowHalfOpen?: boolean; readonly onread?: OnReadOpts } = {},
): Socket {
  const isPlain = typeof target !== 'object'
  const to = isPlain ? target : target.to
  const where = typeof to === 'string' ? { path: to } : { port: to, host: '127.0.0.1' }
  const socket = isPlain ? connect({ ...where, ...options }) : connectTls({ ...where, ...options, ...target.tls })
  return socket.setNoDelay()
}
