/**
 * From an exchange to the head of a REQUEST: names and values of the strings of its WSGI environ (PEP 3333). Runs in the
 * gateway, once per request, sans-IO. What is the same for every request of a worker, or no string, the worker adds.
 *
 * Invariants: each name at most once; values are latin-1 ("native strings" of PEP 3333), and none but the last has a NUL;
 * no header of a client can make a name that is not its own `HTTP_…`. The cache of header names is bounded: strangers
 * choose names. Requests that are alike have the same names in the same order: `environ.py` counts on it.
 */
import type { Exchange, LocalEnd } from '../../http/exchange.ts'
import type { HeaderLines } from '../../http/headers.ts'
import type { FrameWriter } from './frame-writer.ts'

/** What becomes of a header that many requests send. */
interface NameEntry {
  /** NUL and the environ key: `\0HTTP_ACCEPT`; empty when the header is not passed on as it is. */
  readonly key: string
  /** The last request that carried it: a repeated header is noticed without a second map. Infinity: not remembered, perhaps repeated. */
  seenIn: number
}

/** Names that are remembered: browsers and proxies together send about a hundred different ones. */
const MAX_CACHED_NAMES = 1024
/** Longer names are rare and would make the cache's bound in bytes a large one. */
const MAX_CACHED_NAME_LENGTH = 64

/**
 * Never `HTTP_…` as they came: the true length and type have keys of their own, transfer coding is undone, Host is
 * written from the authority, which rules over it (RFC9112§3.2.2), and `Proxy` would become HTTP_PROXY, which libraries
 * of the application take for the proxy of their own requests ("httpoxy"). X-Request-ID is the exchange's, whoever made it.
 */
const NOT_PASSED = new Set(['content-length', 'transfer-encoding', 'host', 'proxy', 'x-request-id'])

const cachedNames = new Map<string, NameEntry>()
let requestNumber = 0

const ALWAYS =
  'wsgi.url_scheme\0SERVER_PROTOCOL\0REQUEST_METHOD\0QUERY_STRING\0RAW_URI\0' +
  'REMOTE_ADDR\0REMOTE_PORT\0SERVER_NAME\0SERVER_PORT\0HTTP_X_REQUEST_ID'
/** Last, for a path may have a NUL, and then no name is left that it could belong to. */
const LAST = '\0PATH_INFO'
const PROTOCOL = { '1.0': '\0HTTP/1.0\0', '1.1': '\0HTTP/1.1\0', '2': '\0HTTP/2.0\0' } as const

/**
 * Writes `u32 headLength · u32 namesLength · names · values`. `bodyLength`: true length of the content, passed on when the
 * request has content, chunked or not; -1: not known yet. `rootPath`: empty, or as in `/shop`.
 */
export function writeEnviron(writer: FrameWriter, exchange: Exchange, bodyLength: number, rootPath = ''): void {
  write(writer, exchange, bodyLength, rootPath, exchange.request.headers, false)
}

/** `merged`: `headers` has no name twice. */
function write(
  writer: FrameWriter,
  exchange: Exchange,
  bodyLength: number,
  rootPath: string,
  headers: HeaderLines,
  merged: boolean,
): void {
  const { request, peer } = exchange
  let names = ALWAYS
  let values =
    request.scheme +
    PROTOCOL[request.version] +
    `${request.method}\0${request.query}\0${request.target}\0${peer.address}\0${peer.port}\0` +
    `${serverOf(exchange)}\0${exchange.id}`
  if (request.authority !== '') {
    names += '\0HTTP_HOST'
    values += `\0${request.authority}`
  }
  if (bodyLength >= 0 && (exchange.body.length !== 0 || hasContentLength(headers))) {
    names += '\0CONTENT_LENGTH'
    values += `\0${bodyLength}`
  }
  if (cachedNames.size >= MAX_CACHED_NAMES) cachedNames.clear()
  const number = ++requestNumber
  for (let i = 0; i < headers.length; i += 2) {
    const entry = nameEntry(headers[i]!)
    if (entry.key === '') continue
    if (entry.seenIn >= number && !merged) {
      write(writer, exchange, bodyLength, rootPath, mergeRepeated(headers), true)
      return
    }
    entry.seenIn = number
    names += entry.key
    values += `\0${headers[i + 1]!}`
  }
  names += LAST
  const head = `${names}${values}\0${belowRoot(decodePath(request.path), rootPath)}`
  writer.u32(head.length)
  writer.u32(names.length)
  writer.latin1(head)
}

/** PATH_INFO is what follows SCRIPT_NAME, which the worker adds; a proxy that took the root path away has left only that. */
function belowRoot(path: string, rootPath: string): string {
  if (rootPath === '' || !path.startsWith(rootPath)) return path
  return path.length === rootPath.length || path[rootPath.length] === '/' ? path.slice(rootPath.length) : path
}

/**
 * SERVER_NAME and SERVER_PORT: where the request came in; when a trusted proxy speaks for the client, or for a Unix
 * socket, which has neither, what the client named.
 */
function serverOf(exchange: Exchange): string {
  const { local, peer, request } = exchange
  if (local.port !== 0 && peer.address === peer.socketAddress) return `${local.address}\0${local.port}`
  const { host, port } = splitAuthority(request.authority, local)
  return `${host}\0${port === '' ? (request.scheme === 'https' ? '443' : '80') : port}`
}

function splitAuthority(authority: string, local: LocalEnd): { host: string; port: string } {
  if (authority === '') return { host: local.port === 0 ? 'localhost' : local.address, port: '' }
  const colon = authority.lastIndexOf(':')
  // The colons of an IPv6 address are inside its brackets.
  if (colon <= authority.lastIndexOf(']')) return { host: authority, port: '' }
  return { host: authority.slice(0, colon), port: authority.slice(colon + 1) }
}

function hasContentLength(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === 'content-length') return true
  return false
}

function nameEntry(name: string): NameEntry {
  const known = cachedNames.get(name)
  if (known !== undefined) return known
  const key = environKey(name)
  if (name.length > MAX_CACHED_NAME_LENGTH) return { key, seenIn: Number.POSITIVE_INFINITY }
  const entry = { key, seenIn: 0 }
  // A copy as the key: a slice would keep the whole head that it was cut from.
  cachedNames.set(Buffer.from(name, 'latin1').toString('latin1'), entry)
  return entry
}

/** Empty for a header that is not passed on. */
function environKey(name: string): string {
  if (NOT_PASSED.has(name)) return ''
  if (name === 'content-type') return '\0CONTENT_TYPE'
  return `\0HTTP_${name.toUpperCase().replaceAll('-', '_')}`
}

/** One value for each name, joined by commas (RFC9110§5.3), cookies by `; ` (RFC6265§5.4). */
function mergeRepeated(headers: HeaderLines): HeaderLines {
  const merged = new Map<string, string>()
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const before = merged.get(name)
    const separator = name === 'cookie' ? '; ' : ','
    merged.set(name, before === undefined ? headers[i + 1]! : before + separator + headers[i + 1]!)
  }
  return [...merged].flat()
}

/**
 * PATH_INFO: the path's bytes, each as the latin-1 character of its number (PEP 3333). What is no valid escape stays
 * as it is. `*` of OPTIONS names no path: empty, since PATH_INFO must be empty or start with a slash.
 */
export function decodePath(path: string): string {
  if (path === '*') return ''
  if (!path.includes('%')) return path
  return path.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
