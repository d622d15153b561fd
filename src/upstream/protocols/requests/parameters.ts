/**
 * What the parameters of a request mean that a web server in front of us sends by FastCGI, SCGI or uwsgi: a checked head, and whose the request is.
 * Runs in the gateway, for each of their requests; pure but for a bounded cache of names.
 *
 * The server is trusted (`gateway/connections/front-servers.ts`): REMOTE_ADDR, HTTPS, REMOTE_USER, SSL_CLIENT_… are its own word. What it passes on
 * of its client (HTTP_…, REQUEST_URI) is checked as a request of HTTP is.
 *
 * Invariants: only the parameters that are named here act. `UWSGI_…`, `wsgi.…`, SCRIPT_FILENAME and all others are not looked at: they could load
 * code or choose files. HTTP_PROXY and the fields of a connection become nothing. A parameter that acts has one value.
 * Not here: bytes (`fastcgi.ts`, `scgi.ts`, `uwsgi.ts`).
 */
import { isAuthority } from '../../../http/authority.ts'
import { FrontServerError, LimitError } from '../../../http/errors.ts'
import type { LocalEnd, RequestHead } from '../../../http/exchange.ts'
import { parseNode } from '../../../http/forwarded-fields.ts'
import { type HeaderLines, NOT_IN_VALUE } from '../../../http/headers.ts'
import { encodePathBytes } from '../../../http/path.ts'
import {
  checkContentLength,
  checkFieldName,
  checkFieldValue,
  checkHost,
  checkIsImplemented,
  checkMethod,
} from '../../../http/request-rules.ts'
import { parseTarget, withoutRawBytes } from '../../../http/target.ts'
import type { Scheme } from '../../../http/transport.ts'
import type { ArrivedHead, Origin, ParserLimits } from '../../../http1/wire.ts'
import { certificateOf } from './client-certificate.ts'

/** The parameters that act, besides HTTP_… and SSL_CLIENT_…. */
const ACTING: ReadonlySet<string> = new Set([
  'CONTENT_LENGTH',
  'CONTENT_TYPE',
  'HTTPS',
  'PATH_INFO',
  'QUERY_STRING',
  'REMOTE_ADDR',
  'REMOTE_PORT',
  'REMOTE_USER',
  'REQUEST_METHOD',
  'REQUEST_SCHEME',
  'REQUEST_URI',
  'SCRIPT_NAME',
  'SERVER_NAME',
  'SERVER_PORT',
  'SERVER_PROTOCOL',
  'SSL_CIPHER',
  'SSL_PROTOCOL',
])
const FIELD = 'HTTP_'
const CERTIFICATE = 'SSL_CLIENT_'

/**
 * Fields that become nothing. Those of the connection to the server in front (RFC9110§7.6.1) mean nothing here: no 101 and no trailers can be sent
 * through it. Type and length of the content have parameters of their own. HTTP_PROXY would name the proxy of the application's own requests (httpoxy).
 */
const NOT_TAKEN: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'content-type',
  'expect',
  'keep-alive',
  'proxy',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Beside the fields: nginx sends 20, Apache 40 with those of a certificate. */
const OTHER_PARAMETERS = 256
/** Bytes beside the fields and the copies of the target: a certificate takes some thousand. */
const OTHER_BYTES = 32 * 1024
/** REQUEST_URI, DOCUMENT_URI, SCRIPT_NAME, SCRIPT_FILENAME, PATH_INFO and QUERY_STRING may each repeat it. */
const COPIES_OF_TARGET = 6

/** Names of fields that were checked before. Bounded: clients invent names. */
const MAX_KNOWN_NAMES = 1024
const MAX_KNOWN_LENGTH = 64
/** `HTTP_ACCEPT` → `accept`. */
const knownNames = new Map<string, string>()

const TARGET = /^[\x21-\x7e\x80-\xff]+$/
const PARAMETER = /^[\x21-\x7e]+$/
const VERSIONS: ReadonlyMap<string, RequestHead['version']> = new Map([
  ['', '1.1'],
  ['HTTP/1.0', '1.0'],
  ['HTTP/1.1', '1.1'],
  ['HTTP/2.0', '2'],
  ['HTTP/2', '2'],
  // What an application may see of it is the same.
  ['HTTP/3.0', '2'],
  ['HTTP/3', '2'],
])
/** Of a client that has reached the server in front by a Unix socket: nginx writes it so. */
const UNIX = 'unix:'
const UNIX_CLIENT = { address: '', port: 0 }
/** An IPv4 address as a socket of IPv6 shows it. */
const MAPPED = '::ffff:'

/** Bytes that the parameters of one request may have in all. */
export function mostParameterBytes({ requestLine, headerBytes }: ParserLimits): number {
  return COPIES_OF_TARGET * requestLine + headerBytes + OTHER_BYTES
}

export function tooManyBytes(limit: number): LimitError {
  return new LimitError(431, `The parameters are longer than ${limit} bytes`, 'limit-request-header-size')
}

export interface Arrived {
  /** `contentLength`: undefined: there is no CONTENT_LENGTH. */
  readonly head: ArrivedHead
  readonly origin: Origin
}

/** `parameters`: `[name, value, …]`, a character for each byte. `local`: of the connection. Throws ProtocolError. */
export function requestOf(
  parameters: readonly string[],
  limits: ParserLimits,
  local: LocalEnd,
  keepAlive: boolean,
): Arrived {
  const acting = new Map<string, string>()
  const fields: HeaderLines = []
  const certificate: string[] = []
  let fieldBytes = 0
  let others = 0
  for (let i = 0; i < parameters.length; i += 2) {
    const name = parameters[i]!
    const value = parameters[i + 1]!
    if (name.startsWith(FIELD)) {
      fieldBytes += name.length + value.length
      const field = knownNames.get(name) ?? fieldNameOf(name)
      checkFieldValue(value)
      if (fields.length >= 2 * limits.headerCount)
        throw new LimitError(431, `There are more than ${limits.headerCount} headers`, 'limit-request-fields')
      if (!NOT_TAKEN.has(field)) fields.push(field, value)
      continue
    }
    if (++others > OTHER_PARAMETERS)
      throw new LimitError(431, `There are more than ${OTHER_PARAMETERS} parameters beside headers`, 'RFC3875§4.1')
    if (!PARAMETER.test(name)) throw bad('A parameter has an invalid name')
    if (name.startsWith(CERTIFICATE)) certificate.push(name, value)
    else if (ACTING.has(name)) {
      if (acting.has(name)) throw bad(`${name} is given more than once`)
      if (NOT_IN_VALUE.test(value)) throw bad(`${name} has a control character`)
      acting.set(name, value)
    }
  }
  if (fieldBytes > limits.headerBytes)
    throw new LimitError(431, `The headers are longer than ${limits.headerBytes} bytes`, 'limit-request-header-size')
  const of = (name: string): string => acting.get(name) ?? ''
  const scheme = schemeOf(of('HTTPS'), of('REQUEST_SCHEME'))
  const head = headOf(of, fields, limits.requestLine, scheme, keepAlive)
  const tls = scheme === 'https' ? certificateOf(certificate, of('SSL_PROTOCOL'), of('SSL_CIPHER')) : null
  const origin = {
    peer: peerOf(acting.get('REMOTE_ADDR'), of('REMOTE_PORT')),
    local: tls === null ? local : { ...local, tls },
    user: of('REMOTE_USER'),
  }
  return { head, origin }
}

function headOf(
  of: (name: string) => string,
  fields: HeaderLines,
  mostTarget: number,
  scheme: Scheme,
  keepAlive: boolean,
): ArrivedHead {
  const method = of('REQUEST_METHOD')
  if (method === '')
    throw bad(
      'REQUEST_METHOD is missing: the server in front sends its parameters (uwsgi_params, fastcgi_params, scgi_params of nginx)',
    )
  checkMethod(method)
  checkIsImplemented(method)
  const written = of('REQUEST_URI') || targetOf(of('SCRIPT_NAME') + of('PATH_INFO'), of('QUERY_STRING'))
  if (written.length > mostTarget)
    throw new LimitError(414, `The request target is longer than ${mostTarget} bytes`, 'limit-request-line')
  if (!TARGET.test(written)) throw bad('REQUEST_URI has a character that no target has')
  const target = withoutRawBytes(written)
  const { path, query, authority } = parseTarget(method, target)
  const version = VERSIONS.get(of('SERVER_PROTOCOL'))
  if (version === undefined) throw bad('SERVER_PROTOCOL is no version of HTTP')
  const { host, headers } = withoutHost(fields)
  const named = authority ?? (host === '' ? serverOf(of('SERVER_NAME'), of('SERVER_PORT'), scheme) : host)
  if (named !== '') headers.unshift('host', named)
  const type = of('CONTENT_TYPE')
  if (type !== '') headers.push('content-type', type)
  const length = of('CONTENT_LENGTH')
  const contentLength = length === '' ? undefined : checkContentLength([length])
  if (contentLength !== undefined) headers.push('content-length', length)
  return {
    ...{ method, target, path, query, scheme, authority: named, version, headers },
    ...{ contentLength, keepAlive, expectsContinue: false },
  }
}

/** Host of the client, which is checked and stands alone. */
function withoutHost(fields: HeaderLines): { readonly host: string; readonly headers: HeaderLines } {
  const headers: HeaderLines = []
  let host = ''
  let count = 0
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== 'host') headers.push(fields[i]!, fields[i + 1]!)
    else if (fields[i + 1] !== '') {
      host = fields[i + 1]!
      count++
    }
  }
  checkHost(host, count, false)
  return { host, headers }
}

/** Where the client has named no host (HTTP/1.0). */
function serverOf(name: string, port: string, scheme: Scheme): string {
  const usual = scheme === 'https' ? '443' : '80'
  const authority = port === '' || port === usual ? name : `${name}:${port}`
  return isAuthority(authority) ? authority : ''
}

function targetOf(path: string, query: string): string {
  if (path === '') throw bad('REQUEST_URI is missing, and so are SCRIPT_NAME and PATH_INFO')
  // The server has decoded the path, and not the query.
  return encodePathBytes(path) + (query === '' ? '' : `?${query}`)
}

function schemeOf(https: string, scheme: string): Scheme {
  // An operator writes HTTPS by hand where TLS ends before the server in front.
  if (https !== '') return /^(?:on|1|https)$/i.test(https) ? 'https' : 'http'
  return scheme.toLowerCase() === 'https' ? 'https' : 'http'
}

/**
 * The client is who has connected to the server in front, so `trusted-proxies` is asked about it: the client's own X-Forwarded-For comes
 * through that server untouched.
 */
function peerOf(written: string | undefined, port: string): Origin['peer'] {
  if (written === undefined || written === '')
    throw bad('REMOTE_ADDR is missing: the server in front must say whose a request is')
  const client = written === UNIX ? UNIX_CLIENT : parseNode(written)
  // An address with a port is none.
  if (client === null || client.port > 0) throw bad('REMOTE_ADDR is no IP address')
  if (!/^\d{0,5}$/.test(port) || Number(port) > 65_535) throw bad('REMOTE_PORT is no port')
  // As the gateway's own sockets write it.
  const isMapped = client.address.startsWith(MAPPED) && client.address.includes('.')
  const address = isMapped ? client.address.slice(MAPPED.length) : client.address
  return { address, port: Number(port), socketAddress: address }
}

/** `HTTP_X_REAL_IP` → `x-real-ip`. */
function fieldNameOf(parameter: string): string {
  const name = parameter.slice(FIELD.length).toLowerCase().replaceAll('_', '-')
  checkFieldName(name)
  if (knownNames.size < MAX_KNOWN_NAMES && parameter.length <= MAX_KNOWN_LENGTH)
    // A copy: a slice would keep all parameters of a request in memory.
    knownNames.set(Buffer.from(parameter, 'latin1').toString('latin1'), Buffer.from(name, 'latin1').toString('latin1'))
  return name
}

function bad(message: string): FrontServerError {
  return new FrontServerError(message, 'RFC3875§4.1')
}
