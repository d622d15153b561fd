/**
 * Writes the head of a REQUEST from an exchange: names and values of the strings of its WSGI environ (PEP 3333). Runs in the
 * gateway, once per request, sans-IO. The worker adds what is the same for all of its requests, and what is no string.
 *
 * Invariants: values are latin-1 ("native strings" of PEP 3333), and only the last may have a NUL. Requests with the same headers have
 * the same names in the same order (`environ-names.ts`): `environ.py` relies on it.
 */
import { type ApplicationRoot, belowRoot, fullRoot } from '../../http/application-root.ts'
import { splitAuthority } from '../../http/authority.ts'
import { mergeRepeated } from '../../http/cgi-names.ts'
import type { Exchange } from '../../http/exchange.ts'
import { decodePathBytes } from '../../http/path.ts'
import { environNames, HAS_HOST, HAS_HTTPS, HAS_LENGTH, HAS_ROOT, HAS_USER, LAST } from './environ-names.ts'
import type { FrameWriter } from './frame-writer.ts'
import { tlsVariables } from './tls-text.ts'

/** What an environ is made of. */
export type EnvironSource = Pick<Exchange, 'request' | 'peer' | 'body' | 'local' | 'id' | 'user'>

const DEFAULT_PORT = { http: '80', https: '443' } as const
const PROTOCOL = { '1.0': '\0HTTP/1.0\0', '1.1': '\0HTTP/1.1\0', '2': '\0HTTP/2.0\0' } as const

/**
 * Writes `u32 headLength · u32 namesLength · names · values`. `bodyLength`: true length of the content; -1: not known yet. It becomes
 * CONTENT_LENGTH when the request has content, chunked or not. HTTPS is `on` where `wsgi.url_scheme` is https, also by a trusted proxy's
 * word; SSL_PROTOCOL, SSL_CIPHER and SSL_CLIENT_… are there where we ask clients for a certificate, by the connection alone.
 * REMOTE_USER is who has proved a password to the gateway. PATH_INFO is what follows the root path, which the worker adds as SCRIPT_NAME.
 */
export function writeEnviron(
  writer: FrameWriter,
  exchange: EnvironSource,
  bodyLength: number,
  root: ApplicationRoot,
): void {
  const { request, peer, body, local, user } = exchange
  const hasHost = request.authority !== ''
  const hasRoot = request.rootPath !== undefined
  const full = fullRoot(root, request.rootPath)
  const hasLength = bodyLength >= 0 && (body.length !== 0 || hasContentLength(request.headers))
  const isHttps = request.scheme === 'https'
  const own =
    (hasHost ? HAS_HOST : 0) |
    (hasLength ? HAS_LENGTH : 0) |
    (hasRoot ? HAS_ROOT : 0) |
    (isHttps ? HAS_HTTPS : 0) |
    (user === '' ? 0 : HAS_USER)
  let { headers } = request
  let names = environNames(headers, own)
  if (names === null) {
    headers = mergeRepeated(headers)
    names = environNames(headers, own)!
  }
  const tls = local.tls === null ? null : tlsVariables(local.tls)
  let values =
    `${request.scheme}${PROTOCOL[request.version]}` +
    `${request.method}\0${request.query}\0${request.target}\0${peer.address}\0${peer.port}\0` +
    `${serverOf(exchange)}\0${exchange.id}\0`
  if (hasHost) values += `${request.authority}\0`
  if (hasLength) values += `${bodyLength}\0`
  if (hasRoot) values += `${full}\0`
  if (isHttps) values += 'on\0'
  if (user !== '') values += `${user}\0`
  for (const at of names.passed) values += `${headers[at]!}\0`
  if (tls !== null) values += tls.values
  values += belowRoot(decodePathBytes(request.path), full, root)
  const namesLength = names.bytes.length + (tls === null ? 0 : tls.names.length)
  writer.u32(namesLength + values.length)
  writer.u32(namesLength)
  if (tls === null) writer.raw(names.bytes)
  else {
    writer.raw(names.bytes.subarray(0, -LAST.length))
    writer.latin1(tls.names + LAST)
  }
  writer.latin1(values)
}

/** For links that carry many requests (`multiplex.ts`). */
export class EnvironWriter {
  readonly #root: ApplicationRoot

  constructor(root: ApplicationRoot) {
    this.#root = root
  }

  write(writer: FrameWriter, exchange: Exchange, bodyLength: number): void {
    writeEnviron(writer, exchange, bodyLength, this.#root)
  }
}

/**
 * SERVER_NAME and SERVER_PORT: the address where the request came in. When a trusted proxy speaks for the client, and on a Unix
 * socket, which has no address, it is what the client named in Host.
 */
function serverOf(exchange: EnvironSource): string {
  const { local, peer, request } = exchange
  if (local.port !== 0 && peer.address === peer.socketAddress) return `${local.address}\0${local.port}`
  if (request.authority === '')
    return `${local.port === 0 ? 'localhost' : local.address}\0${DEFAULT_PORT[request.scheme]}`
  const { host, port } = splitAuthority(request.authority)
  return `${host}\0${port || DEFAULT_PORT[request.scheme]}`
}

function hasContentLength(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === 'content-length') return true
  return false
}
