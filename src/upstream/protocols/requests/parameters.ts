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

/** The parameters that act, besides HTTP_… and SSL_CLIENT_…: each has its place in the values of a request. */
const At = {
  CONTENT_LENGTH: 0,
  CONTENT_TYPE: 1,
  HTTPS: 2,
  PATH_INFO: 3,
  QUERY_STRING: 4,
  REMOTE_ADDR: 5,
  REMOTE_PORT: 6,
  REMOTE_USER: 7,
  REQUEST_METHOD: 8,
  REQUEST_SCHEME: 9,
  REQUEST_URI: 10,
  SCRIPT_NAME: 11,
  SERVER_NAME: 12,
  SERVER_PORT: 13,
  SERVER_PROTOCOL: 14,
  SSL_CIPHER: 15,
  SSL_PROTOCOL: 16,
} as const
const ACTING = Object.entries(At)
const NO_VALUES: readonly string[] = ACTING.map(() => '')

/** What a name means; `field`: of HTTP_…. */
interface Meaning {
  readonly kind: 'field' | 'dropped field' | 'certificate' | 'acting' | 'ignored'
  readonly field: string
  /** Of `At`. */
  readonly at: number
}

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

/** Names that were looked at before: those of a server in front are the same in each request. Bounded: clients invent fields. */
const MAX_KNOWN_NAMES = 1024
const MAX_KNOWN_LENGTH = 64
const known = new Map<string, Meaning>(ACTING.map(([name, at]) => [name, { kind: 'acting', field: '', at }]))

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
  const values = NO_VALUES.slice()
  const fields: HeaderLines = []
  const certificate: string[] = []
  let given = 0
  let fieldBytes = 0
  let others = 0
  for (let i = 0; i < parameters.length; i += 2) {
    const name = parameters[i]!
    const value = parameters[i + 1]!
    const { kind, field, at } = known.get(name) ?? meaningOf(name)
    if (kind === 'field' || kind === 'dropped field') {
      fieldBytes += name.length + value.length
      checkFieldValue(value)
      if (fields.length >= 2 * limits.headerCount)
        throw new LimitError(431, `There are more than ${limits.headerCount} headers`, 'limit-request-fields')
      if (kind === 'field') fields.push(field, value)
      continue
    }
    if (++others > OTHER_PARAMETERS)
      throw new LimitError(431, `There are more than ${OTHER_PARAMETERS} parameters beside headers`, 'RFC3875§4.1')
    if (kind === 'certificate') certificate.push(name, value)
    else if (kind === 'acting') {
      const bit = 1 << at
      if ((given & bit) !== 0) throw bad(`${name} is given more than once`)
      given |= bit
      if (NOT_IN_VALUE.test(value)) throw bad(`${name} has a control character`)
      values[at] = value
    }
  }
  if (fieldBytes > limits.headerBytes)
    throw new LimitError(431, `The headers are longer than ${limits.headerBytes} bytes`, 'limit-request-header-size')
  const scheme = schemeOf(values[At.HTTPS]!, values[At.REQUEST_SCHEME]!)
  const head = headOf(values, fields, limits.requestLine, scheme, keepAlive)
  const tls = scheme === 'https' ? certificateOf(certificate, values[At.SSL_PROTOCOL]!, values[At.SSL_CIPHER]!) : null
  const origin = {
    peer: peerOf(values[At.REMOTE_ADDR]!, values[At.REMOTE_PORT]!),
    local: tls === null ? local : { ...local, tls },
    user: values[At.REMOTE_USER]!,
  }
  return { head, origin }
}

function headOf(
  values: readonly string[],
  fields: HeaderLines,
  mostTarget: number,
  scheme: Scheme,
  keepAlive: boolean,
): ArrivedHead {
  const method = values[At.REQUEST_METHOD]!
  if (method === '')
    throw bad(
      'REQUEST_METHOD is missing: the server in front sends its parameters (uwsgi_params, fastcgi_params, scgi_params of nginx)',
    )
  checkMethod(method)
  checkIsImplemented(method)
  const written =
    values[At.REQUEST_URI]! || targetOf(values[At.SCRIPT_NAME]! + values[At.PATH_INFO]!, values[At.QUERY_STRING]!)
  if (written.length > mostTarget)
    throw new LimitError(414, `The request target is longer than ${mostTarget} bytes`, 'limit-request-line')
  if (!TARGET.test(written)) throw bad('REQUEST_URI has a character that no target has')
  const target = withoutRawBytes(written)
  const { path, query, authority } = parseTarget(method, target)
  const version = VERSIONS.get(values[At.SERVER_PROTOCOL]!)
  if (version === undefined) throw bad('SERVER_PROTOCOL is no version of HTTP')
  const { host, headers } = withoutHost(fields)
  const named = authority ?? (host === '' ? serverOf(values[At.SERVER_NAME]!, values[At.SERVER_PORT]!, scheme) : host)
  if (named !== '') headers[1] = named
  else headers.splice(0, 2)
  const type = values[At.CONTENT_TYPE]!
  if (type !== '') headers.push('content-type', type)
  const length = values[At.CONTENT_LENGTH]!
  const contentLength = length === '' ? undefined : checkContentLength([length])
  if (contentLength !== undefined) headers.push('content-length', length)
  return {
    method,
    target,
    path,
    query,
    scheme,
    authority: named,
    version,
    headers,
    contentLength,
    keepAlive,
    expectsContinue: false,
  }
}

/** Host of the client, which is checked; in `headers` it stands first, and is to be set. */
function withoutHost(fields: HeaderLines): { readonly host: string; readonly headers: HeaderLines } {
  const headers: HeaderLines = ['host', '']
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
function peerOf(written: string, port: string): Origin['peer'] {
  if (written === '') throw bad('REMOTE_ADDR is missing: the server in front must say whose a request is')
  const client = written === UNIX ? UNIX_CLIENT : parseNode(written)
  // An address with a port is none.
  if (client === null || client.port > 0) throw bad('REMOTE_ADDR is no IP address')
  if (!/^\d{0,5}$/.test(port) || Number(port) > 65_535) throw bad('REMOTE_PORT is no port')
  // As the gateway's own sockets write it.
  const isMapped = client.address.startsWith(MAPPED) && client.address.includes('.')
  const address = isMapped ? client.address.slice(MAPPED.length) : client.address
  return { address, port: Number(port), socketAddress: address }
}

function meaningOf(name: string): Meaning {
  const isField = name.startsWith(FIELD)
  if (!isField && !PARAMETER.test(name)) throw bad('A parameter has an invalid name')
  const meaning: Meaning = isField
    ? fieldOf(name.slice(FIELD.length))
    : { kind: name.startsWith(CERTIFICATE) ? 'certificate' : 'ignored', field: '', at: 0 }
  if (known.size < MAX_KNOWN_NAMES && name.length <= MAX_KNOWN_LENGTH)
    // A copy: a slice would keep all parameters of a request in memory.
    known.set(Buffer.from(name, 'latin1').toString('latin1'), meaning)
  return meaning
}

/** `X_REAL_IP` → `x-real-ip`. */
function fieldOf(parameter: string): Meaning {
  const name = parameter.toLowerCase().replaceAll('_', '-')
  checkFieldName(name)
  const field = Buffer.from(name, 'latin1').toString('latin1')
  return { kind: NOT_TAKEN.has(field) ? 'dropped field' : 'field', field, at: 0 }
}

function bad(message: string): FrontServerError {
  return new FrontServerError(message, 'RFC3875§4.1')
}
