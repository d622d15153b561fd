/** Small forms of text that upstreams have: where requests are passed on to, a server of a group. Pure. How a group is shared: `group-words.ts`. */
import type { NextUpstream, ServerAddress, ServiceName, UpstreamServer } from '../../sites/upstream-model.ts'
import type { Parsed } from '../diagnostics.ts'
import { parseBind } from './bind.ts'
import { parseDuration } from './duration.ts'

/** The value of `proxy`. */
export interface ProxyWords {
  /** A name, or an address: `backend`, `10.0.0.1:8000`, `unix:/run/x.sock`. */
  readonly host: string
  /** Null: `host` has no port, and may be the name of an `[[upstream]]`; or requests choose it. */
  readonly address: ServerAddress | null
  /** `host` has variables: each request chooses its server. */
  readonly isChosen: boolean
  /** https:// */
  readonly isTls: boolean
  /** Path and query; null: none is given. */
  readonly uri: string | null
}

const [HTTP_PORT, HTTPS_PORT] = [80, 443]

/** `http://NAME`, `http://HOST:PORT/path`, `http://unix:/run/x.sock:/path`. */
export function parseProxy(text: string): Parsed<ProxyWords> {
  const example = 'http://127.0.0.1:9000, http://NAME of an [[upstream]], or http://unix:/run/x.sock'
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/s.exec(text) ?? []
  if (scheme === 'grpc' || scheme === 'h2c')
    return { problem: 'must be http:// or https://: HTTP/2 and gRPC to upstreams are not spoken' }
  const isTls = scheme === 'https'
  if ((scheme !== 'http' && !isTls) || /[\0\r\n ]/.test(rest)) return { problem: `must be ${example}` }
  const unix = /^unix:([^:]+)(?::(\/.*)?)?$/s.exec(rest)
  if (unix !== null) {
    const path = unix[1]!
    return {
      value: { host: `unix:${path}`, address: { kind: 'unix', path }, isChosen: false, isTls, uri: unix[2] ?? null },
    }
  }
  // These variables begin with a slash whatever a client sends, so what is before them stays the whole name of the server.
  const slash = rest.search(/[/?]|\$(?:request_uri|uri|document_uri)\b/)
  const host = slash < 0 ? rest : rest.slice(0, slash)
  const uri = slash < 0 ? null : rest.slice(slash)
  if (uri?.startsWith('?')) return { problem: 'must have a path before its query' }
  if (host.includes('$')) return { value: { host, address: null, isChosen: true, isTls, uri } }
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(host) && !/^[\d.]+$/.test(host))
    return { value: { host, address: null, isChosen: false, isTls, uri } }
  const parsed = parseAddress(host, isTls ? HTTPS_PORT : HTTP_PORT)
  return 'problem' in parsed ? parsed : { value: { ...parsed.value, isChosen: false, isTls, uri } }
}

/** The address of a host that is the name of no upstream. */
export function addressOf(host: string, isTls: boolean): ServerAddress {
  return { kind: 'tcp', host, port: isTls ? HTTPS_PORT : HTTP_PORT }
}

/** `HOST:PORT`, `HOST`, `[IPv6]:PORT`, `unix:PATH`. */
function parseAddress(
  text: string,
  port = HTTP_PORT,
): Parsed<{ readonly host: string; readonly address: ServerAddress }> {
  const problem = { problem: 'must have an address as in 10.0.0.1:8000, host:8000, [::1]:8000 or unix:/run/x.sock' }
  const isBare = /^[A-Za-z0-9_.-]+$/.test(text) || /^\[[^\]]*\]$/.test(text)
  const parsed = /^(?:\d+|:.*)$/.test(text) ? problem : parseBind(isBare ? `${text}:${port}` : text)
  if ('problem' in parsed || parsed.value.kind === 'fd' || parsed.value.scheme !== undefined) return problem
  const { value } = parsed
  if (value.kind === 'unix') return { value: { host: text, address: { kind: 'unix', path: value.path } } }
  if (value.port === 0) return { problem: 'must have a port from 1 to 65535' }
  return { value: { host: text, address: { kind: 'tcp', host: value.host, port: value.port } } }
}

/** `srv:_http._tcp.api.internal` */
function parseService(text: string): Parsed<{ readonly host: string; readonly address: ServiceName }> {
  const name = text.slice('srv:'.length).toLowerCase().replace(/\.$/, '')
  const labels = name.split('.')
  const isRight = name.length <= 253 && labels.length > 2 && labels.every(one => /^[a-z0-9_-]{1,63}$/.test(one))
  if (!isRight || !/^_[^.]+\._tcp\./.test(name))
    return { problem: 'must have the name of a service behind srv:, as in srv:_http._tcp.api.internal' }
  return { value: { host: `srv:${name}`, address: { kind: 'srv', name } } }
}

/** The value of `fastcgi`, `scgi`, `uwsgi`: `unix:/run/x.sock`, `127.0.0.1:9000`, the name of an `[[upstream]]`. */
export function parseScriptServer(text: string): Parsed<Pick<ProxyWords, 'host' | 'address'>> {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(text) && !/^[\d.]+$/.test(text))
    return { value: { host: text, address: null } }
  if (text.includes('$'))
    return { problem: 'must name its server itself: a server that a request chooses would run what a client wants' }
  const isWhole = /^unix:./.test(text) || /:\d+$/.test(text)
  const parsed = isWhole ? parseAddress(text) : { problem: '' }
  return 'value' in parsed
    ? parsed
    : { problem: 'must be unix:/run/x.sock, 127.0.0.1:9000, or the name of an [[upstream]]' }
}

/** nginx's defaults. */
const SERVER = {
  weight: 1,
  maxFails: 1,
  failTimeout: 10_000,
  maxConns: 0,
  slowStart: 0,
  isBackup: false,
  isDown: false,
  isDraining: false,
}
const COUNTS: Readonly<Record<string, readonly ['weight' | 'maxFails' | 'maxConns', number, number]>> = {
  weight: ['weight', 1, 65_535],
  'max-fails': ['maxFails', 0, 65_535],
  'max-conns': ['maxConns', 0, 1_000_000],
}
const TIMES: Readonly<Record<string, 'failTimeout' | 'slowStart'>> = {
  'fail-timeout': 'failTimeout',
  'slow-start': 'slowStart',
}

/** `10.0.0.1:8000 weight=3 max-fails=2 fail-timeout=30s`, `unix:/run/x.sock backup`. */
export function parseServer(text: string): Parsed<UpstreamServer> {
  const [first = '', ...words] = text.trim().split(/\s+/)
  const parsed = first.startsWith('srv:') ? parseService(first) : parseAddress(first)
  if ('problem' in parsed) return parsed
  const server: { -readonly [Key in keyof UpstreamServer]: UpstreamServer[Key] } = {
    ...SERVER,
    label: parsed.value.host,
    address: parsed.value.address,
  }
  for (const word of words) {
    if (word.startsWith('weight=') && server.address.kind === 'srv')
      return { problem: 'must have no weight= beside srv:, whose records have weights of their own' }
    if (word.startsWith('service=') || word === 'resolve')
      return {
        problem: `must have no ${word}: names are resolved again by themselves, and SRV records are asked for as in srv:_http._tcp.api.internal`,
      }
    // As in nginx's files, too.
    const [name = '', value] = word.replaceAll('_', '-').split('=')
    if (word === 'backup') server.isBackup = true
    else if (word === 'down') server.isDown = true
    else if (Object.hasOwn(COUNTS, name) && value !== undefined) {
      const [key, least, most] = COUNTS[name]!
      const number = /^\d{1,7}$/.test(value) ? Number(value) : -1
      if (number < least || number > most)
        return { problem: `must have a whole number from ${least} to ${most} as ${name}` }
      server[key] = number
    } else if (Object.hasOwn(TIMES, name) && value !== undefined) {
      const time = parseDuration(value)
      if ('problem' in time) return { problem: `must have a time as ${name}, as in ${name}=30s` }
      server[TIMES[name]!] = time.value
    } else
      return {
        problem: `must have after its address only weight=, max-fails=, fail-timeout=, max-conns=, slow-start=, backup or down, not '${word}'`,
      }
  }
  return { value: server }
}

export const NEXT_UPSTREAM: readonly [NextUpstream, ...NextUpstream[]] = [
  'error',
  'timeout',
  'invalid-header',
  'http-500',
  'http-502',
  'http-503',
  'http-504',
  'http-403',
  'http-404',
  'http-429',
  'non-idempotent',
]
