/**
 * Lines of the access log. A format is compiled once, to a list of functions. Runs in the gateway, when a request is over.
 *
 * Invariants: one request has one line, in printable ASCII, whatever the client has sent, so nobody can forge a line or a terminal
 * command. Every piece that a client chooses is bounded.
 * Not here: the grammar of formats, and what the atoms mean (`base/access-format.ts`); which requests have a line (`access-log.ts`).
 *
 * `json` is one object a line. It always has `time` (ISO, UTC, when the request was over), `request` (its id), `client` (address), `method`,
 * `target`, `protocol`, `status`, `bytes` (of content) and `seconds`. Where known it has `host`, `referer`, `agent`, `queueSeconds` (waiting
 * for a worker), `appSeconds` (in the application), `worker` (its number) and, where there are several, `app` (name of the application).
 * `combined` ends with ` application=NAME` then; with one application its lines have no such field.
 */
import { type FormatPart, NAMED_FORMATS, parseAccessFormat } from '../base/access-format.ts'
import type { Answered } from '../http/exchange.ts'
import { headerValue } from '../http/headers.ts'
import { clfTime } from '../http/log-time.ts'
import { SERVER_PROTOCOL } from '../http/server-protocol.ts'
import { reasonPhrase } from '../http/status.ts'

/** `now`: performance.now() when the request was over. The line ends with a newline. */
export type AccessLine = (entry: Answered, now: number) => string

/** The longest piece of a line that a client chooses: enough for any real URL and agent, and lines stay readable. */
const MAX_FIELD = 2048

/** Throws for a format that the settings refuse too. */
export function compileAccessFormat(format: string): AccessLine {
  if (format === 'json') return jsonLine
  const parsed = parseAccessFormat(NAMED_FORMATS[format as keyof typeof NAMED_FORMATS] ?? format)
  if ('problem' in parsed) throw new Error(`the access log's format ${parsed.problem}`)
  const pieces = parsed.parts.map(compilePart)
  const namesApplication = format === 'combined'
  return (entry, now) => {
    let line = ''
    for (const piece of pieces) line += typeof piece === 'string' ? piece : piece(entry, now)
    return namesApplication && entry.app !== '' ? `${line} application=${entry.app}\n` : `${line}\n`
  }
}

/** 499: the client left before there was an answer, as nginx logs it. */
export function statusOf(entry: Answered): number {
  return entry.response.status === 0 ? 499 : entry.response.status
}

function compilePart(part: FormatPart): string | AccessLine {
  if (part.kind === 'text') return part.text
  if (part.kind === 'atom') return ATOMS[part.letter]!
  const { letter, name } = part
  if (letter === 'i') return ({ request }) => quoted(headerValue(request.headers, name) ?? '-')
  if (letter === 'o') return ({ response }) => quoted(responseHeader(response.head?.headers ?? [], name) ?? '-')
  return OWN[name]!
}

const ATOMS: Readonly<Record<string, AccessLine>> = {
  h: ({ peer }) => peer.address || '-',
  l: () => '-',
  u: ({ request }) => quoted(basicUser(headerValue(request.headers, 'authorization'))),
  t: () => `[${clfTime()}]`,
  r: ({ request }) => quoted(`${request.method} ${request.target} ${SERVER_PROTOCOL[request.version]}`),
  m: ({ request }) => request.method,
  U: ({ request }) => quoted(request.path),
  q: ({ request }) => quoted(request.query),
  H: ({ request }) => SERVER_PROTOCOL[request.version],
  s: entry => String(statusOf(entry)),
  B: ({ response }) => String(response.bytesWritten),
  b: ({ response }) => String(response.bytesWritten || '-'),
  f: ({ request }) => quoted(headerValue(request.headers, 'referer') ?? '-'),
  a: ({ request }) => quoted(headerValue(request.headers, 'user-agent') ?? '-'),
  T: ({ receivedAt }, now) => String(Math.floor((now - receivedAt) / 1000)),
  M: ({ receivedAt }, now) => String(Math.floor(now - receivedAt)),
  D: ({ receivedAt }, now) => String(Math.floor((now - receivedAt) * 1000)),
  L: ({ receivedAt }, now) => ((now - receivedAt) / 1000).toFixed(6),
  p: ({ servedBy }) => (servedBy === null ? '-' : `<${servedBy.pid}>`),
}

const OWN: Readonly<Record<string, AccessLine>> = {
  'request-id': ({ id }) => id,
  'queue-time': ({ queueMillis }) => (queueMillis < 0 ? '-' : (queueMillis / 1000).toFixed(6)),
  'app-time': ({ runMicros }) => (runMicros < 0 ? '-' : (runMicros / 1e6).toFixed(6)),
  worker: ({ servedBy }) => (servedBy === null ? '-' : String(servedBy.worker)),
  app: ({ app }) => app || '-',
  'client-port': ({ peer }) => String(peer.port),
  reason: entry => reasonPhrase(statusOf(entry)),
}

/** The application may spell a name in any case. */
function responseHeader(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i]!.toLowerCase() === name) return headers[i + 1]
  return undefined
}

/** The user name that the client claims (RFC7617). Nobody has checked it. */
function basicUser(authorization: string | undefined): string {
  if (authorization === undefined || !/^basic /i.test(authorization)) return '-'
  return (
    Buffer.from(authorization.slice(6, 6 + MAX_FIELD), 'base64')
      .toString('latin1')
      .split(':', 1)[0] || '-'
  )
}

/** Escapes quotes, backslashes and everything that is not printable ASCII, so that no client can forge a line or a terminal command. */
function quoted(text: string): string {
  const bounded = text.length > MAX_FIELD ? `${text.slice(0, MAX_FIELD)}…` : text
  return bounded.replace(/["\\\x00-\x1f\x7f-\uffff]/g, escapeCharacter)
}

function escapeCharacter(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`
  return character === '…' ? '...' : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
}

function jsonLine(entry: Answered, now: number): string {
  const { request, response, peer, servedBy, queueMillis, runMicros } = entry
  return `${asciiJson({
    time: new Date().toISOString(),
    request: entry.id,
    client: peer.address,
    method: request.method,
    target: decoded(request.target),
    protocol: SERVER_PROTOCOL[request.version],
    host: request.authority === '' ? undefined : decoded(request.authority),
    status: statusOf(entry),
    bytes: response.bytesWritten,
    seconds: Math.round((now - entry.receivedAt) * 1000) / 1e6,
    queueSeconds: queueMillis < 0 ? undefined : Math.round(queueMillis * 1000) / 1e6,
    appSeconds: runMicros < 0 ? undefined : runMicros / 1e6,
    worker: servedBy?.worker,
    app: entry.app === '' ? undefined : entry.app,
    referer: decoded(headerValue(request.headers, 'referer')),
    agent: decoded(headerValue(request.headers, 'user-agent')),
  })}\n`
}

/** Header values are latin-1, one character a byte. Nearly always the bytes are UTF-8. The result is bounded. */
function decoded(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const bounded = text.length > MAX_FIELD ? `${text.slice(0, MAX_FIELD)}...` : text
  return /[\x80-\xff]/.test(bounded) ? Buffer.from(bounded, 'latin1').toString('utf8') : bounded
}

/** Also escapes characters that JSON allows, but that a terminal obeys (C1 controls) or shows as something else. */
function asciiJson(value: object): string {
  return JSON.stringify(value).replace(
    /[\x7f-\uffff]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
