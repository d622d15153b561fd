/**
 * Variables: which there are, and what each means for a request. The table is nginx's, as far as it makes sense here; `NOT_HERE` says what is
 * missing and why. Runs in the gateway; resolved when sites are compiled.
 *
 * Invariants: a value is never undefined, a character of it is a byte, and what a client chooses is in it as the client sent it: who puts it
 * into a header or a path refuses what cannot stand there.
 */
import { hostname } from 'node:os'
import { parseSecureLink, verifySecureLink } from '../../access/secure-link.ts'
import { bytesOf } from '../../base/bytes.ts'
import type { RequestHead } from '../../http/exchange.ts'
import { headerValue } from '../../http/headers.ts'
import { clfTime, isoTime } from '../../http/log-time.ts'
import { SERVER_PROTOCOL } from '../../http/server-protocol.ts'
import { fileName } from './file-names.ts'
import type { Problem } from './problem.ts'
import { pathInfo, scriptName } from './script-names.ts'
import type { Evaluate, SiteRequest } from './site-request.ts'
import { needsTries, seconds, UPSTREAM_PREFIXES, UPSTREAM_VARIABLES, valuesOf } from './upstream-variables.ts'

const own = hostname()

const BUILT_IN: ReadonlyMap<string, Evaluate> = new Map<string, Evaluate>([
  ['args', r => r.args],
  ['query_string', r => r.args],
  ['is_args', r => (r.args === '' ? '' : '?')],
  ['uri', r => r.uri],
  ['document_uri', r => r.uri],
  ['request_uri', requestUri],
  ['host', r => r.host],
  ['hostname', () => own],
  ['scheme', r => r.exchange.request.scheme],
  ['https', r => (r.exchange.request.scheme === 'https' ? 'on' : '')],
  ['request_method', r => clients(r).method],
  ['request', requestLine],
  ['request_id', r => r.exchange.id],
  ['request_time', r => seconds(performance.now() - r.exchange.receivedAt)],
  ['remote_addr', r => r.exchange.peer.address || 'unix:'],
  ['remote_port', r => String(r.exchange.peer.port || '')],
  // Only who was verified here: nginx takes any name that a client sends, also where nobody asks for a password.
  ['remote_user', r => r.exchange.user],
  ['server_name', r => r.site.firstName],
  ['server_port', r => String(r.exchange.local.port || '')],
  ['server_addr', r => r.exchange.local.address],
  ['server_protocol', r => SERVER_PROTOCOL[r.exchange.request.version]],
  ['content_length', r => header(r, 'content-length')],
  ['content_type', r => header(r, 'content-type')],
  ['document_root', r => r.location.directory?.(r) ?? ''],
  ['request_filename', r => fileName(r, r.uri)],
  ['fastcgi_script_name', scriptName],
  ['fastcgi_path_info', pathInfo],
  ['status', r => String(r.exchange.response.status || '')],
  ['body_bytes_sent', r => String(r.exchange.response.bytesWritten)],
  ['limit_req_status', r => r.rateStatus],
  ['limit_conn_status', r => r.connectionStatus],
  ['msec', () => (Date.now() / 1000).toFixed(3)],
  ['time_iso8601', isoTime],
  ['time_local', clfTime],
  ['queue_time', ({ exchange: { queueMillis } }) => (queueMillis < 0 ? '' : (queueMillis / 1000).toFixed(6))],
  ['app_time', ({ exchange: { runMicros } }) => (runMicros < 0 ? '' : (runMicros / 1e6).toFixed(6))],
  ['worker', ({ exchange: { servedBy } }) => (servedBy === null ? '' : String(servedBy.worker))],
  ['app', r => r.exchange.app],
  ['pid', () => String(process.pid)],
  ['secure_link', secureLink],
  ['secure_link_expires', r => parseSecureLink(r.location.secureLink?.link(r) ?? '')?.expires ?? ''],
  ['invalid_referer', r => (r.location.isValidReferer?.(headerOf(r, 'referer')) === false ? '1' : '')],
  ['ssl_protocol', r => r.exchange.local.tls?.protocol ?? ''],
  ['ssl_cipher', r => r.exchange.local.tls?.cipher ?? ''],
  ['ssl_server_name', r => r.exchange.local.tls?.serverName ?? ''],
  ['ssl_alpn_protocol', r => r.exchange.local.tls?.alpn ?? ''],
  ['ssl_session_reused', r => (r.exchange.local.tls === null ? '' : r.exchange.local.tls.isResumed ? 'r' : '.')],
  ['ssl_client_verify', r => bytesOf(r.exchange.local.tls?.client?.verify ?? '')],
  ['ssl_client_s_dn', r => bytesOf(r.exchange.local.tls?.client?.subject ?? '')],
  ['ssl_client_raw_cert', r => r.exchange.local.tls?.client?.pem ?? ''],
  ['ssl_client_escaped_cert', r => encodeURIComponent(r.exchange.local.tls?.client?.pem ?? '')],
  ...UPSTREAM_VARIABLES,
])

/** By the beginning of their names; what follows is the name of a header, a cookie, an argument. */
const BY_PREFIX: readonly (readonly [string, (name: string) => Evaluate])[] = [
  ...UPSTREAM_PREFIXES,
  ['sent_http_', name => sentField(name.replaceAll('_', '-'))],
  ['http_', ofRequest],
  ['arg_', name => r => argument(r.args, name)],
  ['cookie_', name => r => cookie(r, name)],
]

/** What no client and no application chooses: digits, letters, and some of `-+:./[]` and blanks. */
export const PLAIN: ReadonlySet<Evaluate> = new Set(
  [
    ...['request_id', 'request_time', 'server_protocol', 'scheme', 'status', 'body_bytes_sent', 'msec', 'time_iso8601'],
    ...[
      'time_local',
      'queue_time',
      'app_time',
      'worker',
      'pid',
      'server_port',
      'limit_req_status',
      'limit_conn_status',
    ],
  ].map(name => BUILT_IN.get(name)!),
)

/** Names of nginx's, or their beginnings, that mean nothing here. */
const NOT_HERE: readonly (readonly [string, string])[] = [
  ['upstream_cache_', 'is not there: no response of an upstream is kept'],
  ['upstream_queue_time', 'is not there: no request waits for a server of an upstream'],
  ['upstream_', 'is not there: the reference lists those of an upstream'],
  ['proxy_', 'is not there: of proxy there are $proxy_host, $proxy_port and $proxy_add_x_forwarded_for'],
  ['limit_rate', 'is no variable here: limit-rate takes text with variables'],
  ['binary_remote_addr', 'is not needed: $remote_addr is as good a key'],
  ['geoip', 'needs a database of addresses, which Jumak does not read'],
  ['nginx_version', 'would be a version of nginx'],
  ['realpath_root', 'is not there: $document_root is the directory as it is written'],
]

/** All names, for "did you mean" and the reference. */
export const VARIABLE_NAMES: readonly string[] = [...BUILT_IN.keys(), ...BY_PREFIX.map(([prefix]) => `${prefix}NAME`)]

/** Variables of one configuration: those of the table, and those that it defines itself. */
export class Variables {
  readonly #indexes = new Map<string, number>()
  readonly #computed = new Map<string, Evaluate>()
  readonly #used = new Set<string>()

  /** How many values a request has to hold. */
  get count(): number {
    return this.#indexes.size
  }

  /** `set`, a named group. Returns where its value is, or says why the name cannot be used: a phrase. */
  define(name: string): number | Problem {
    if (!/^[A-Za-z_]\w*$/.test(name))
      return { problem: `names the variable $${name}: letters, digits and _ are possible` }
    if (BUILT_IN.has(name) && name !== 'args') return { problem: `defines $${name}, which has a meaning of its own` }
    const known = this.#indexes.get(name)
    if (known !== undefined) return known
    this.#indexes.set(name, this.#indexes.size)
    return this.#indexes.size - 1
  }

  /** `map`, `geo`, `split_clients`: computed when a request first needs it, and kept for that request. */
  compute(name: string, evaluate: Evaluate): Problem | null {
    if (this.#computed.has(name)) return { problem: `defines $${name} twice` }
    const index = this.define(name)
    if (typeof index !== 'number') return index
    this.#computed.set(name, request => {
      const known = request.values[index]
      if (known !== undefined) return known
      // A map that needs itself finds an empty value, and ends.
      request.values[index] = ''
      const value = evaluate(request)
      request.values[index] = value
      return value
    })
    return null
  }

  /** Whether something has asked for its value. */
  isUsed(name: string): boolean {
    return this.#used.has(name)
  }

  /** Something has asked for what is only known if the tries of proxied requests are written down. */
  get needsTries(): boolean {
    for (const name of this.#used) if (needsTries(name)) return true
    return false
  }

  /** A problem is a phrase: `names the variable $x, which …`. */
  readonly resolve = (name: string): Evaluate | Problem => {
    this.#used.add(name)
    const computed = this.#computed.get(name) ?? BUILT_IN.get(name)
    if (computed !== undefined) return computed
    const index = this.#indexes.get(name)
    if (index !== undefined) return request => request.values[index] ?? ''
    for (const [prefix, make] of BY_PREFIX)
      if (name.length > prefix.length && name.startsWith(prefix)) return make(name.slice(prefix.length).toLowerCase())
    const missing = NOT_HERE.find(([beginning]) => name.startsWith(beginning))
    return { problem: `names the variable $${name}, which ${missing?.[1] ?? 'nothing defines'}` }
  }
}

/** Of the location where the request is. `secure_link_md5` may have `$secure_link_expires` in it. */
function secureLink(request: SiteRequest): string {
  const own = request.location.secureLink
  if (own === null) return ''
  return verifySecureLink(parseSecureLink(own.link(request)), own.signed(request), Date.now() / 1000)
}

function headerOf({ exchange: { request } }: SiteRequest, name: string): string | undefined {
  return headerValue(request.headers, name)
}

/** Where a location is asked by `auth_request`, these are of the client's request, as in nginx. */
function clients({ exchange, of }: SiteRequest): RequestHead {
  return (of?.exchange ?? exchange).request
}

function requestLine(request: SiteRequest): string {
  const { target, version } = clients(request)
  return `${(request.of ?? request).sentMethod} ${target} ${SERVER_PROTOCOL[version]}`
}

/** The path of the target with its query, as the client sent it. An absolute target is one for a proxy (RFC9112§3.2.2). */
function requestUri({ exchange: { request } }: SiteRequest): string {
  const { target } = request
  if (target.startsWith('/') || target === '*') return target
  return request.query === '' ? request.path : `${request.path}?${request.query}`
}

/** `written`: the name of a header with `_` for `-`. */
function ofRequest(written: string): Evaluate {
  const name = written.replaceAll('_', '-')
  return r => header(r, name)
}

function header({ exchange: { request } }: SiteRequest, name: string): string {
  const { headers } = request
  let value = ''
  let isThere = false
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== name) continue
    value = isThere ? `${value}${name === 'cookie' ? '; ' : ', '}${headers[i + 1]}` : headers[i + 1]!
    isThere = true
  }
  return value
}

function sentField(name: string): Evaluate {
  return ({ exchange: { response } }) => (response.head === null ? '' : valuesOf(response.head.headers, name))
}

/** The first one; as it was sent, not decoded. Case does not matter. */
function argument(args: string, name: string): string {
  if (args === '') return ''
  for (const pair of args.split('&')) {
    const equal = pair.indexOf('=')
    if (equal === name.length && pair.slice(0, equal).toLowerCase() === name) return pair.slice(equal + 1)
  }
  return ''
}

function cookie(request: SiteRequest, name: string): string {
  for (const pair of header(request, 'cookie').split(';')) {
    const equal = pair.indexOf('=')
    if (equal > 0 && pair.slice(0, equal).trim().toLowerCase() === name) return pair.slice(equal + 1).trim()
  }
  return ''
}
