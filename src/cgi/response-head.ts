/**
 * The head of a response as a script writes it (RFC3875§6): text in, a checked head out. One implementation for CGI itself and for the protocols that
 * were made of it: FastCGI, SCGI, uwsgi. Runs in the gateway, for each of their responses; pure.
 *
 * Functions throw an Error whose message is a phrase for the log: the response is the script's mistake.
 * Not here: bytes and the end of a head (`response-parser.ts`).
 */
import { type HeaderLines, NOT_IN_VALUE, withoutBlanks } from '../http/headers.ts'
import { checkContentLength, type FieldMeaning, fieldBehind, NO_FIELD } from '../http/response-rules.ts'
import { colonOf, fieldValue } from '../http1/fields.ts'

/** Fields of one head: as an upstream's response of HTTP may have. */
export const MAX_FIELDS = 256

export interface CgiHead {
  readonly status: number
  /** Empty: the standard phrase. */
  readonly reason: string
  /** `[name, value, …]` as spelled, without Status and without what belongs to a connection. */
  readonly headers: HeaderLines
  /** Bytes of content; -1: until the script ends. */
  readonly length: number
  /** Path and query of the same site that shall be answered in its place (a local redirect, RFC3875§6.2.2); null: none. */
  readonly localRedirect: string | null
}

const STATUS_LINE = /^HTTP\/1\.[01] ([2-5]\d\d)(?: (.*))?$/
/** RFC3875§6.3.3. */
const STATUS = /^([2-5]\d\d)(?:[ \t](.*))?$/
/** A script has no say in its server's connection (RFC9110§7.6.1). */
const OF_CONNECTION: ReadonlySet<FieldMeaning> = new Set<FieldMeaning>(['drop', 'connection', 'trailer', 'upgrade'])

/**
 * `text`: latin-1, without the empty line at its end; lines end in LF or CR LF (RFC3875§6.1). `mayHaveStatusLine`: it may begin with a status
 * line of HTTP in place of a field Status, as servers of uwsgi and SCGI write it.
 */
export function parseCgiHead(text: string, mayHaveStatusLine: boolean): CgiHead {
  const headers: HeaderLines = []
  let fields = 0
  let status = 0
  let reason = ''
  let length = -1
  let location = ''
  let from = 0
  let field = NO_FIELD
  if (mayHaveStatusLine && text.startsWith('HTTP/')) {
    const end = lineEnd(text, 0)
    const line = withoutCr(text, 0, end)
    const parsed = STATUS_LINE.exec(line)
    if (parsed === null) throw new Error(`a status line that is none: ${shown(line)}`)
    status = Number(parsed[1])
    reason = parsed[2] ?? ''
    from = end + 1
  }
  for (let end: number; from < text.length; from = end + 1) {
    end = lineEnd(text, from)
    if (++fields > MAX_FIELDS) throw new Error(`more than ${MAX_FIELDS} header fields`)
    const to = text.charCodeAt(end - 1) === CR ? end - 1 : end
    const colon = colonIn(text, from, to)
    field = fieldBehind(field, text.slice(from, colon))
    const value = fieldValue(text, colon + 1, to, false)
    const { lowerCase, meaning } = field
    if (lowerCase === 'content-length') length = checkContentLength(value, length)
    else if (lowerCase === 'location') location = value
    else if (lowerCase === 'status') {
      const parsed = STATUS.exec(value)
      if (parsed === null) throw new Error(`a Status that is none: ${shown(value)} (RFC3875§6.3.3)`)
      status = Number(parsed[1])
      reason = withoutBlanks(parsed[2] ?? '', 0, parsed[2]?.length ?? 0)
    }
    if (lowerCase !== 'status' && !OF_CONNECTION.has(meaning)) headers.push(field.name, value)
  }
  if (fields === 0 && status === 0) throw new Error('a head without a field (RFC3875§6.3)')
  if (NOT_IN_VALUE.test(reason)) throw new Error('a reason with a control character')
  const isLocal = status === 0 && location.startsWith('/') && !location.startsWith('//')
  return {
    status: status !== 0 ? status : location === '' ? 200 : 302,
    reason,
    headers,
    length,
    localRedirect: isLocal ? location : null,
  }
}

const CR = 0x0d

function colonIn(text: string, from: number, to: number): number {
  try {
    return colonOf(text, from, to)
  } catch (error) {
    throw new Error(`${(error as Error).message}: ${shown(text.slice(from, to))}`)
  }
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}

function withoutCr(text: string, from: number, end: number): string {
  return text.slice(from, text.charCodeAt(end - 1) === CR ? end - 1 : end)
}

function shown(line: string): string {
  return JSON.stringify(line.slice(0, 100))
}
