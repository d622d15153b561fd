/**
 * The head of a response as a client of HTTP/1.1 reads it (RFC9112§4, §6.3): text in, a checked head out. Runs in the gateway, for each
 * response of an upstream. One rule, one place: what a header line is, and what two lengths mean, is `http1/`'s, for both roles.
 *
 * A head that has just been there is not read again (`SEEN`). What a head means depends on its text alone.
 *
 * Not here: bytes and the end of a head (`response-parser.ts`).
 */
import { ProtocolError } from '../http/errors.ts'
import { type HeaderLines, listMembers, NOT_IN_VALUE } from '../http/headers.ts'
import { fieldBehind, NO_FIELD } from '../http/response-rules.ts'
import { colonOf, fieldValue } from '../http1/fields.ts'
import { contentLength } from '../http1/framing.ts'
import { isHopByHop, namedByConnection } from './hop-by-hop.ts'
import { UpstreamViolation } from './violation.ts'

/** Fields of one head. No server sends more; more would cost each of our steps for every one of them. */
export const MAX_FIELDS = 256

/** How long the content is: bytes, chunked, or until the connection closes. */
export type ResponseFraming = number | 'chunked' | 'close'

export interface UpstreamHead {
  readonly status: number
  /** As it was sent; may be empty. */
  readonly reason: string
  /** `[name, value, …]` as spelled, without what belongs to the connection (`hop-by-hop.ts`), but with `upgradeTo` taken out. */
  readonly headers: HeaderLines
  /** As if the request allowed content; HEAD, 204 and 304 have none whatever stands here. */
  readonly framing: ResponseFraming
  /** The other end takes another request on this connection. */
  readonly keepsAlive: boolean
  /** Value of Upgrade, lower-case, if Connection has `upgrade`; else empty. */
  readonly upgradeTo: string
  /** Trailers are announced. */
  readonly hasTrailers: boolean
  /** Of a script: see `CgiHead`. Null: none. */
  readonly localRedirect: string | null
  /** Other responses have this very object, which is frozen. So whoever makes something of it may keep that. */
  readonly comesAgain: boolean
}

interface Seen {
  readonly text: string
  /** Null: it has been there once, and may not come again. */
  readonly head: UpstreamHead | null
}

/** Most responses of a server have the head of others, within the second that its Date names. */
const SEEN = 64
/** Characters. In all 128 KB, and the heads that were made of them. */
const MAX_SEEN_TEXT = 2048
/** The last one of each length, or of another length with the same rest. */
const seen: (Seen | undefined)[] = new Array<Seen | undefined>(SEEN).fill(undefined)

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: (.*))?$/

/** `text`: latin-1, without the empty line at its end. Throws UpstreamViolation. */
export function parseResponseHead(text: string): UpstreamHead {
  if (text.length > MAX_SEEN_TEXT) return parseAnew(text)
  const place = text.length % SEEN
  const last = seen[place]
  if (last?.text !== text) {
    const head = parseAnew(text)
    seen[place] = { text, head: null }
    return head
  }
  if (last.head !== null) return last.head
  const head = Object.freeze({ ...parseAnew(text), comesAgain: true })
  Object.freeze(head.headers)
  seen[place] = { text, head }
  return head
}

function parseAnew(text: string): UpstreamHead {
  try {
    return parse(text)
  } catch (error) {
    if (error instanceof UpstreamViolation) throw error
    throw new UpstreamViolation((error as Error).message)
  }
}

function parse(text: string): UpstreamHead {
  let from = lineEnd(text, 0)
  const first = text.slice(0, from)
  const status = STATUS_LINE.exec(first)
  if (status === null) throw new UpstreamViolation(`no status line of HTTP/1.1: ${shown(first)}`)
  const version = status[1] === '0' ? '1.0' : '1.1'
  const reason = status[3] ?? ''
  if (NOT_IN_VALUE.test(reason)) throw new UpstreamViolation('a status line with a control character')
  const all: HeaderLines = []
  const lower: string[] = []
  const lengths: string[] = []
  const codings: string[] = []
  const connection: string[] = []
  let upgrade = ''
  let hasTrailers = false
  let field = NO_FIELD
  while (from < text.length) {
    const start = from + 2
    from = lineEnd(text, start)
    if (lower.length === MAX_FIELDS) throw new UpstreamViolation(`more than ${MAX_FIELDS} header fields`)
    const colon = colonOf(text, start, from)
    field = fieldBehind(field, text.slice(start, colon))
    const value = fieldValue(text, colon + 1, from, false)
    switch (field.lowerCase) {
      case 'content-length':
        lengths.push(value)
        break
      case 'transfer-encoding':
        codings.push(value)
        break
      case 'connection':
        connection.push(value)
        break
      case 'upgrade':
        upgrade = value.toLowerCase()
        break
      case 'trailer':
        hasTrailers = true
        break
    }
    all.push(field.name, value)
    lower.push(field.lowerCase)
  }
  const framing = framingOf(version, lengths, codings)
  const options = connection.length === 0 ? [] : connection.flatMap(value => listMembers(value.toLowerCase()))
  const named = namedByConnection(connection)
  return {
    status: Number(status[2]),
    reason,
    headers: all.filter((_, i) => !isHopByHop(lower[i >> 1]!, named)),
    framing,
    keepsAlive: options.includes('close') ? false : version === '1.1' || options.includes('keep-alive'),
    upgradeTo: options.includes('upgrade') ? upgrade : '',
    hasTrailers,
    localRedirect: null,
    comesAgain: false,
  }
}

/** A response, unlike a request, may end with its connection (RFC9112§6.3). */
function framingOf(version: '1.0' | '1.1', lengths: readonly string[], codings: readonly string[]): ResponseFraming {
  if (lengths.length === 0 && codings.length === 0) return 'close'
  try {
    return contentLength(version, lengths, codings) ?? 'chunked'
  } catch (error) {
    if (error instanceof ProtocolError && lengths.length > 1)
      throw new UpstreamViolation(`several lengths: Content-Length is given ${lengths.length} times (RFC9112§6.3)`)
    throw error
  }
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\r\n', from)
  return end < 0 ? text.length : end
}

function shown(line: string): string {
  return JSON.stringify(line.slice(0, 100))
}
