/** Addresses to listen on, from text and back. */
import { resolve } from 'node:path'
import type { BindAddress } from './types.ts'

/** A Unix socket's path must fit the kernel's field, which is 104 bytes on macOS (108 on Linux), with its end and a temporary suffix. */
const MAX_UNIX_PATH = 90

export function parseBind(text: string): { readonly address: BindAddress } | { readonly problem: string } {
  if (text.startsWith('unix:')) return parseUnix(text.slice('unix:'.length))
  const match = /^(?:(\[[^\]]*\]|[^:[\]]*):)?(\d+)$/.exec(text)
  if (match === null) return { problem: 'must be HOST:PORT, :PORT, PORT, [IPv6]:PORT or unix:PATH' }
  const [, host, digits] = match
  const port = Number(digits)
  if (port > 65535) return { problem: 'must have a port from 0 to 65535' }
  // A bare port is for this machine; `:PORT` is for everyone, as with gunicorn.
  if (host === undefined) return { address: { kind: 'tcp', host: '127.0.0.1', port } }
  if (host === '') return { address: { kind: 'tcp', host: '0.0.0.0', port } }
  return { address: { kind: 'tcp', host: host.replace(/^\[(.*)\]$/, '$1'), port } }
}

function parseUnix(path: string): { readonly address: BindAddress } | { readonly problem: string } {
  if (path === '') return { problem: 'must have a path after unix:' }
  const absolute = resolve(path)
  if (Buffer.byteLength(absolute) > MAX_UNIX_PATH)
    return { problem: `must have a path of at most ${MAX_UNIX_PATH} bytes after unix:` }
  return { address: { kind: 'unix', path: absolute } }
}

export function formatBind(address: BindAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}
