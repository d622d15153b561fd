/**
 * From an exchange to the strings of its WSGI environ (PEP 3333), as one marshalled dict. Runs in the gateway, once per
 * request, sans-IO. What is not a string (`wsgi.input`, `wsgi.errors`, the flags) the worker adds.
 *
 * Invariants: each key at most once; values are latin-1 strings ("native strings" of PEP 3333); no header of a client
 * can make a key that is not its own `HTTP_…`. The cache of header names is bounded: strangers choose names.
 */
import type { Exchange, LocalEnd } from '../../http/exchange.ts'
import { type MarshalWriter, marshalString } from './marshal.ts'

/** What becomes of a header that many requests send. */
interface NameEntry {
  /** The environ key, `HTTP_ACCEPT`; empty when the header is not passed on as it is. */
  readonly key: string
  readonly encodedKey: Buffer
  /** The last request that carried it: a repeated header is noticed without a second map. */
  seenIn: number
}

/** Names that are remembered: browsers and proxies together send about a hundred different ones. */
const MAX_CACHED_NAMES = 1024
/** Longer names are rare and would make the cache's bound in bytes a large one. */
const MAX_CACHED_NAME_LENGTH = 64

/**
 * Never `HTTP_…` as they came: the true length and type have keys of their own, transfer coding is undone, Host is
 * written from the authority, which rules over it (RFC9112§3.2.2), and `Proxy` would become HTTP_PROXY, which libraries
 * of the application take for the proxy of their own requests ("httpoxy").
 */
const NOT_PASSED = new Set(['content-length', 'transfer-encoding', 'host', 'proxy'])

const names = new Map<string, NameEntry>()
let requestNumber = 0

const KEY = {
  method: marshalString('REQUEST_METHOD'),
  path: marshalString('PATH_INFO'),
  query: marshalString('QUERY_STRING'),
  rawUri: marshalString('RAW_URI'),
  requestUri: marshalString('REQUEST_URI'),
  remoteAddress: marshalString('REMOTE_ADDR'),
  remotePort: marshalString('REMOTE_PORT'),
  serverName: marshalString('SERVER_NAME'),
  serverPort: marshalString('SERVER_PORT'),
  contentLength: marshalString('CONTENT_LENGTH'),
  host: marshalString('HTTP_HOST'),
} as const

/** `bodyLength`: true length of the content, passed on when the request has content, chunked or not; -1: not known yet. */
export function writeEnviron(writer: MarshalWriter, exchange: Exchange, bodyLength: number): void {
  const { request, peer } = exchange
  writer.startDict()
  writer.raw(CONSTANTS[request.scheme][request.version])
  pair(writer, KEY.method, request.method)
  pair(writer, KEY.path, decodePath(request.path))
  pair(writer, KEY.query, request.query)
  pair(writer, KEY.rawUri, request.target)
  pair(writer, KEY.requestUri, request.target)
  pair(writer, KEY.remoteAddress, peer.address)
  pair(writer, KEY.remotePort, String(peer.port))
  writeServer(writer, exchange)
  if (request.authority !== '') pair(writer, KEY.host, request.authority)
  if (bodyLength >= 0 && (exchange.body.length !== 0 || hasContentLength(request.headers))) {
    pair(writer, KEY.contentLength, String(bodyLength))
  }
  writeHeaders(writer, request.headers)
  writer.endDict()
}

function pair(writer: MarshalWriter, encodedKey: Buffer, value: string): void {
  writer.raw(encodedKey)
  writer.string(value)
}

/** What only depends on scheme and version. */
const CONSTANTS = {
  http: { '1.0': constants('http', '1.0'), '1.1': constants('http', '1.1'), '2': constants('http', '2.0') },
  https: { '1.0': constants('https', '1.0'), '1.1': constants('https', '1.1'), '2': constants('https', '2.0') },
} as const

function constants(scheme: string, version: string): Buffer {
  const strings = ['SCRIPT_NAME', '', 'wsgi.url_scheme', scheme, 'SERVER_PROTOCOL', `HTTP/${version}`]
  return Buffer.concat(strings.map(marshalString))
}

/**
 * SERVER_NAME and SERVER_PORT: where the request came in; when a trusted proxy speaks for the client, or for a Unix
 * socket, which has neither, what the client named.
 */
function writeServer(writer: MarshalWriter, exchange: Exchange): void {
  const { local, peer, request } = exchange
  if (local.port !== 0 && peer.address === peer.socketAddress) {
    pair(writer, KEY.serverName, local.address)
    pair(writer, KEY.serverPort, String(local.port))
    return
  }
  const named = splitAuthority(request.authority, local)
  pair(writer, KEY.serverName, named.host)
  pair(writer, KEY.serverPort, named.port === '' ? (request.scheme === 'https' ? '443' : '80') : named.port)
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

function writeHeaders(writer: MarshalWriter, headers: readonly string[]): void {
  if (names.size >= MAX_CACHED_NAMES) names.clear()
  const number = ++requestNumber
  const start = writer.position
  for (let i = 0; i < headers.length; i += 2) {
    const entry = nameEntry(headers[i]!)
    if (entry === undefined || (entry.seenIn === number && entry.key !== '')) {
      writer.position = start
      writeMergedHeaders(writer, headers)
      return
    }
    if (entry.key === '') continue
    entry.seenIn = number
    writer.raw(entry.encodedKey)
    writer.string(headers[i + 1]!)
  }
}

function nameEntry(name: string): NameEntry | undefined {
  const known = names.get(name)
  if (known !== undefined) return known
  if (name.length > MAX_CACHED_NAME_LENGTH) return undefined
  const key = environKey(name)
  const entry = { key, encodedKey: marshalString(key), seenIn: 0 }
  // A copy: a slice would keep the whole head that it was cut from.
  names.set(Buffer.from(name, 'latin1').toString('latin1'), entry)
  return entry
}

/** Empty for a header that is not passed on. */
function environKey(name: string): string {
  if (NOT_PASSED.has(name)) return ''
  if (name === 'content-type') return 'CONTENT_TYPE'
  return `HTTP_${name.toUpperCase().replaceAll('-', '_')}`
}

/** The slow way, for repeated headers: one value, joined by commas (RFC9110§5.3), cookies by `; ` (RFC6265§5.4). */
function writeMergedHeaders(writer: MarshalWriter, headers: readonly string[]): void {
  const merged = new Map<string, string>()
  for (let i = 0; i < headers.length; i += 2) {
    const key = environKey(headers[i]!)
    if (key === '') continue
    const value = headers[i + 1]!
    const before = merged.get(key)
    const separator = key === 'HTTP_COOKIE' ? '; ' : ','
    merged.set(key, before === undefined ? value : before + separator + value)
  }
  for (const [key, value] of merged) {
    writer.string(key)
    writer.string(value)
  }
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
