/**
 * Addresses to listen on, from text and back. Looks nothing up: the master finds whether an address can be used when it binds it.
 * Runs in the command line and in the master.
 */
import type { Parsed } from '../diagnostics.ts'
import { isIPv4, isPlainIPv6 } from './ip.ts'
import type { Resolve } from './kinds.ts'

/** What is spoken at an address: by clients, or by a web server in front of us (FastCGI, SCGI, uwsgi). */
export type ListenScheme = 'http' | 'https' | FrontScheme
export type FrontScheme = 'fastcgi' | 'scgi' | 'uwsgi'

export type BindAddress = (
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** A listening socket that was inherited: `fd://3`. */
  | { readonly kind: 'fd'; readonly fd: number }
  | { readonly kind: 'unix'; readonly path: string }
) & {
  /** Undefined: `https` if there is a certificate, else `http` (`schemeOf`). */
  readonly scheme?: ListenScheme
  /** Each connection begins with a header of the PROXY protocol. */
  readonly hasProxyHeader?: true
}

/** `hasTls`: there is a certificate. */
export function schemeOf({ scheme }: BindAddress, hasTls: boolean): ListenScheme {
  return scheme ?? (hasTls ? 'https' : 'http')
}

/** A web server in front of us sends requests there, by one of its protocols. */
export function isFront(scheme: ListenScheme | undefined): scheme is FrontScheme {
  return scheme === 'fastcgi' || scheme === 'scgi' || scheme === 'uwsgi'
}

const SCHEME = /^(?:(https?|fastcgi|scgi|uwsgi):\/\/)?(.*)$/s
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/i
const MAX_HOST_NAME = 253

/** Behind an address. */
const PROXY_PROTOCOL = ' proxy-protocol'

/**
 * `HOST:PORT`, `:PORT`, `PORT`, `[IPv6]:PORT`, `unix:PATH`, `fd://N`, with `http://`, `https://`, `fastcgi://`, `scgi://` or `uwsgi://` in
 * front or without, and `proxy-protocol` behind a blank or not. A relative path stays relative (`toAbsoluteBind`).
 */
export function parseBind(text: string): Parsed<BindAddress> {
  const hasProxyHeader = text.endsWith(PROXY_PROTOCOL)
  const address = hasProxyHeader ? text.slice(0, -PROXY_PROTOCOL.length).trimEnd() : text
  const [, scheme, rest] = SCHEME.exec(address) as unknown as [string, ListenScheme | undefined, string]
  if (isFront(scheme) && rest.startsWith('/')) return { problem: `must name a Unix socket as ${scheme}://unix:${rest}` }
  const parsed = parseAddress(rest)
  if ('problem' in parsed) return parsed
  if (hasProxyHeader && isFront(scheme))
    return { problem: `must have no proxy-protocol with ${scheme}://: its parameters say whose a request is` }
  return { value: { ...parsed.value, ...(scheme && { scheme }), ...(hasProxyHeader && { hasProxyHeader }) } }
}

/** The same address, where a web server in front of us speaks `scheme`. */
export function withScheme(scheme: FrontScheme, text: string): string {
  return `${scheme}://${text.replace(/^https?:\/\//, '')}`
}

/** The same address with the PROXY protocol. */
export function withProxyProtocol(text: string): string {
  return text.endsWith(PROXY_PROTOCOL) ? text : `${text}${PROXY_PROTOCOL}`
}

function parseAddress(text: string): Parsed<BindAddress> {
  if (text.startsWith('unix:')) return parseUnix(text.slice('unix:'.length))
  if (text.startsWith('fd:')) return parseDescriptor(text)
  if (/^[^/]+\/$/.test(text)) return { problem: 'must be an address alone, without a slash at its end' }
  if (text.includes('://'))
    return {
      problem: 'must have no other scheme than http://, https://, uwsgi://, fastcgi:// or scgi://, as in https://:8443',
    }
  // A port alone is for this machine only; `:PORT` is for everyone, as with gunicorn.
  if (/^\d+$/.test(text)) return withPort('127.0.0.1', text)
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text)
  if (bracketed !== null) {
    const [, host, port] = bracketed as unknown as [string, string, string | undefined]
    if (!isIpv6(host)) return { problem: 'must have an IPv6 address in the brackets' }
    return withPort(host, port)
  }
  if (isIpv6(text) || isIpv6(text.slice(0, text.lastIndexOf(':'))))
    return { problem: 'must have its IPv6 address in brackets, as in [::1]:8000' }
  const [host = '', port, ...more] = text.split(':')
  if (more.length > 0) return { problem: 'must be HOST:PORT, :PORT, PORT, [IPv6]:PORT, unix:PATH or fd://N' }
  if (host === '*') return { problem: 'must name all addresses by leaving the host out, as in :8000' }
  if (host !== '' && !isHost(host)) return { problem: 'must have a host name or an IP address before the port' }
  return withPort(host === '' ? '0.0.0.0' : host, port)
}

function withPort(host: string, port: string | undefined): Parsed<BindAddress> {
  if (port === undefined) {
    // Only for what is surely an address: gunicorn takes one without a port.
    const example = /^[\d.]{7,}$/.test(host) ? `, as in ${host}:8000` : ''
    return { problem: `must be HOST:PORT, :PORT, PORT, [IPv6]:PORT, unix:PATH or fd://N${example}` }
  }
  if (!/^\d+$/.test(port) || Number(port) > 65535) return { problem: 'must have a port from 0 to 65535' }
  return { value: { kind: 'tcp', host, port: Number(port) } }
}

function parseUnix(path: string): Parsed<BindAddress> {
  if (path === '') return { problem: 'must have a path after unix:' }
  if (path.endsWith('/')) return { problem: 'must name a socket after unix:, and a directory is no socket' }
  return { value: { kind: 'unix', path } }
}

/** 0 to 2 are standard input, output and error. */
function parseDescriptor(text: string): Parsed<BindAddress> {
  const fd = Number(/^fd:\/\/(\d{1,5})$/.exec(text)?.[1] ?? 0)
  return fd >= 3 ? { value: { kind: 'fd', fd } } : { problem: 'must be fd://N with an inherited socket from 3 on' }
}

/** Digits and dots must be a complete address: resolvers make surprising addresses of `127.1` and `8000.`. */
function isHost(host: string): boolean {
  if (/^[\d.]+$/.test(host)) return isIPv4(host)
  const labels = (host.endsWith('.') ? host.slice(0, -1) : host).split('.')
  return host.length <= MAX_HOST_NAME && labels.every(label => LABEL.test(label))
}

/** A link-local address may name its interface: `fe80::1%eth0`. */
function isIpv6(host: string): boolean {
  return isPlainIPv6(host.replace(/%[\w.-]+$/, ''))
}

export function toAbsoluteBind(text: string, from: Resolve): string {
  const [, scheme = '', path] = /^((?:https?|fastcgi|scgi|uwsgi):\/\/)?unix:(.*[^/])$/s.exec(text) ?? []
  return path === undefined ? text : `${scheme}unix:${from(path)}`
}

/** Whether a socket on `wide` takes connections to `narrow` too, so that the kernel refuses a second socket: `[::]` takes IPv4 as well. */
export function includesAddress(wide: BindAddress, narrow: BindAddress): boolean {
  if (wide.kind !== 'tcp' || narrow.kind !== 'tcp' || wide.port === 0 || wide.port !== narrow.port) return false
  if (wide.host === narrow.host) return false
  return wide.host === '::' || (wide.host === '0.0.0.0' && isIPv4(narrow.host))
}

/** As `parseBind` reads it, without scheme and `proxy-protocol`: the socket is the same. */
export function formatBind(address: BindAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  if (address.kind === 'fd') return `fd://${address.fd}`
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}
