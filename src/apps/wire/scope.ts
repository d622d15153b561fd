/**
 * From an exchange to the scope of an ASGI application (`multiplex.ts`, "Scope"), as one marshalled dict, in one pass. Runs in
 * the gateway, once per request, sans-IO. What is the same for all requests (`asgi`, `state`, `extensions`) the worker adds.
 *
 * Invariants: header names are lower-case, order and duplicates are kept; Host is the authority, which rules over it
 * (RFC9112§3.2.2). The cache of header names is bounded: strangers choose names.
 */
import type { Exchange, LocalEnd, Peer, RequestHead } from '../../http/exchange.ts'
import { headerValues } from '../../http/headers.ts'
import { MarshalWriter, marshalString } from './marshal.ts'

/** Names that are remembered: browsers and proxies together send about a hundred different ones. */
const MAX_CACHED_NAMES = 1024
/** Longer names are rare and would make the cache's bound in bytes a large one. */
const MAX_CACHED_NAME_LENGTH = 64

const KEY = {
  method: marshalString('method'),
  path: marshalString('path'),
  rawPath: marshalString('raw_path'),
  query: marshalString('query_string'),
  headers: marshalString('headers'),
  client: marshalString('client'),
  server: marshalString('server'),
  subprotocols: marshalString('subprotocols'),
} as const

/** The tuple of a header up to its value: by name. */
const names = new Map<string, Buffer>()

type Versions = Readonly<Record<RequestHead['version'], Buffer>>

export class ScopeWriter {
  readonly #rootPath: string
  readonly #http: Readonly<Record<RequestHead['scheme'], Versions>>
  readonly #webSocket: Readonly<Record<RequestHead['scheme'], Versions>>
  /** Connections share these objects: all requests of one come after each other. */
  #local: LocalEnd | null = null
  #server: Buffer = Buffer.alloc(0)

  /** `rootPath`: empty or `/shop`. */
  constructor(rootPath: string) {
    this.#rootPath = rootPath
    this.#http = { http: versions('http', 'http', rootPath), https: versions('http', 'https', rootPath) }
    this.#webSocket = { http: versions('websocket', 'ws', rootPath), https: versions('websocket', 'wss', rootPath) }
  }

  write(writer: MarshalWriter, exchange: Exchange): void {
    const { request, local } = exchange
    const isWebSocket = exchange.isWebSocket
    writer.startDict()
    writer.raw((isWebSocket ? this.#webSocket : this.#http)[request.scheme][request.version])
    if (isWebSocket) writeSubprotocols(writer, request)
    else {
      writer.raw(KEY.method)
      writer.string(request.method)
    }
    writer.raw(KEY.path)
    writer.string(this.#path(request.path))
    writer.raw(KEY.rawPath)
    writer.bytesOf(request.path)
    writer.raw(KEY.query)
    writer.bytesOf(request.query)
    writeHeaders(writer, exchange)
    writeClient(writer, exchange.peer)
    if (local !== this.#local) {
      this.#local = local
      this.#server = encodeServer(local)
    }
    writer.raw(this.#server)
    writer.endDict()
  }

  /** With the root path in front when the proxy took it away. */
  #path(raw: string): string {
    const path = decodePath(raw)
    const root = this.#rootPath
    if (root === '' || path === root || path.startsWith(`${root}/`)) return path
    return root + path
  }
}

function versions(type: string, scheme: string, rootPath: string): Versions {
  const encode = (version: string) =>
    Buffer.concat(
      ['type', type, 'http_version', version, 'scheme', scheme, 'root_path', rootPath].map(text => marshalString(text)),
    )
  return { '1.0': encode('1.0'), '1.1': encode('1.1'), '2': encode('2') }
}

const NOT_PLAIN = /[%\x80-\xff]/

/** Percent-decoded and read as UTF-8, U+FFFD for what is none. What is no valid escape stays as it is. */
export function decodePath(path: string): string {
  if (!NOT_PLAIN.test(path)) return path
  const bytes = path.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

/** The first is the exchange's id, whoever made it: the worker names the request in its log by it. */
function writeHeaders(writer: MarshalWriter, { request, id }: Exchange): void {
  const { headers, authority } = request
  let count = 1
  writer.raw(KEY.headers)
  writer.list(0)
  const countAt = writer.position - 4
  writer.raw(REQUEST_ID)
  writer.bytesOf(id)
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (name === 'x-request-id') continue
    count++
    writer.raw(names.get(name) ?? encodeName(name))
    writer.bytesOf(name === 'host' && authority !== '' ? authority : headers[i + 1]!)
  }
  writer.patchU32(countAt, count)
}

function encodeName(name: string): Buffer {
  const writer = new MarshalWriter(256)
  writer.tuple(2)
  writer.bytesOf(name)
  const encoded = Buffer.from(writer.bytes())
  if (name.length <= MAX_CACHED_NAME_LENGTH) {
    if (names.size >= MAX_CACHED_NAMES) names.clear()
    // A copy: a slice would keep the whole head that it was cut from.
    names.set(Buffer.from(name, 'latin1').toString('latin1'), encoded)
  }
  return encoded
}

const REQUEST_ID = encodeName('x-request-id')

function writeClient(writer: MarshalWriter, peer: Peer): void {
  writer.raw(KEY.client)
  if (peer.address === '') {
    writer.none()
    return
  }
  writer.tuple(2)
  writer.string(peer.address)
  writer.int(peer.port)
}

function encodeServer(local: LocalEnd): Buffer {
  const writer = new MarshalWriter(256)
  writer.raw(KEY.server)
  writer.tuple(2)
  writer.string(local.address)
  if (local.port === 0) writer.none()
  else writer.int(local.port)
  return Buffer.from(writer.bytes())
}

/** Those that the client offers, in its order (RFC6455§4.2.2). */
export function offeredSubprotocols(request: RequestHead): string[] {
  return headerValues(request.headers, 'sec-websocket-protocol')
    .flatMap(value => value.split(','))
    .map(name => name.trim())
    .filter(name => name !== '')
}

function writeSubprotocols(writer: MarshalWriter, request: RequestHead): void {
  const offered = offeredSubprotocols(request)
  writer.raw(KEY.subprotocols)
  writer.list(offered.length)
  for (const name of offered) writer.string(name)
}
