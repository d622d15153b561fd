/**
 * What a response may carry, whatever version of HTTP sends it (RFC9110): the last line of defence against response splitting, and
 * the fields in which an application has no say. Runs in the gateway, for each response; pure but for a bounded cache of names.
 *
 * Functions named `check…` throw an Error: the response is the application's mistake, and its place is the log. Not here: how a
 * version frames a message and writes a field (`http1/serializer.ts`).
 */
import { TOKEN } from '../base/token.ts'
import { type HeaderLines, headerValues, NOT_IN_VALUE } from './headers.ts'

/** What a field means to a protocol. '': an ordinary one. `drop`: one of the connection, in which only the protocol has a say. */
export type FieldMeaning = '' | 'drop' | 'connection' | 'content-length' | 'date' | 'trailer' | 'upgrade'

/** Fields that a protocol looks at. */
const MEANINGS: ReadonlyMap<string, FieldMeaning> = new Map<string, FieldMeaning>([
  ['connection', 'connection'],
  ['content-length', 'content-length'],
  ['date', 'date'],
  ['trailer', 'trailer'],
  ['upgrade', 'upgrade'],
  // Hop-by-hop fields (RFC9110§7.6.1).
  ['keep-alive', 'drop'],
  ['proxy-connection', 'drop'],
  ['te', 'drop'],
  ['transfer-encoding', 'drop'],
])

/** Fields that say how the message is read, routed or kept must come before it (RFC9110§6.5.1). */
const NOT_IN_TRAILERS = new Set([
  'authorization',
  'cache-control',
  'content-encoding',
  'content-range',
  'content-type',
  'date',
  'expires',
  'host',
  'location',
  'retry-after',
  'set-cookie',
  'vary',
  'www-authenticate',
])

/** Names that were checked before. Bounded: applications may invent names. */
const MAX_KNOWN_NAMES = 1024
const MAX_KNOWN_LENGTH = 64
const knownFields = new Map<string, ResponseField>()

export interface ResponseField {
  /** As the application spells it. */
  readonly name: string
  readonly lowerCase: string
  readonly meaning: FieldMeaning
  /** The field that followed it the last time: a guess costs a third of a look-up. */
  next: ResponseField | null
}

/** Before the first field of a response. */
export const NO_FIELD: ResponseField = { name: '', lowerCase: '', meaning: '', next: null }

/** The field `name`, which follows `previous`. Throws when it is no name. */
export function fieldBehind(previous: ResponseField, name: string): ResponseField {
  const guess = previous.next
  return guess?.name === name ? guess : lookUpBehind(previous, name)
}

function lookUpBehind(previous: ResponseField, name: string): ResponseField {
  const known = knownFields.get(name)
  // A chain must not hold a name that the cache does not.
  if (known !== undefined) previous.next = known
  return known ?? { name, lowerCase: name.toLowerCase(), meaning: meaningOf(name), next: null }
}

/** Throws when it is no name. */
export function meaningOf(name: string): FieldMeaning {
  const known = knownFields.get(name)
  if (known !== undefined) return known.meaning
  if (!TOKEN.test(name)) throw new Error(`not a header name: ${JSON.stringify(name)}`)
  const meaning = MEANINGS.get(name.toLowerCase()) ?? ''
  if (knownFields.size < MAX_KNOWN_NAMES && name.length <= MAX_KNOWN_LENGTH) {
    // A copy: a slice would keep the whole head in memory that it is cut from.
    const own = Buffer.from(name, 'latin1').toString('latin1')
    knownFields.set(own, { name: own, lowerCase: own.toLowerCase(), meaning, next: null })
  }
  return meaning
}

/** Above all, CR, LF and NUL would split the response. `where`: the name of the field, for the error. */
export function checkValue(where: string, value: string): void {
  if (NOT_IN_VALUE.test(value)) throw new Error(`${where} has a character that HTTP does not allow in a header`)
}

/** A client reads on after an interim status, and after 101 it reads another protocol. */
export function checkFinalStatus(status: number): void {
  if (!(status >= 200 && status <= 999)) throw new Error(`${status} is no final status`)
}

export function checkInterimStatus(status: number): void {
  if (!(status >= 100 && status <= 199) || status === 101) throw new Error(`${status} is no interim status`)
}

/** Bytes of content. `before`: what an earlier Content-Length said, or -1. Two different lengths are refused (RFC9110§8.6). */
export function checkContentLength(value: string, before: number): number {
  if (!/^\d{1,15}$/.test(value)) throw new Error(`invalid Content-Length: ${JSON.stringify(value)}`)
  const length = Number(value)
  if (before >= 0 && before !== length) throw new Error(`Content-Length is both ${before} and ${value}`)
  return length
}

/** RFC9110§6.4.1. */
export function mayHaveContent(status: number, isHead: boolean): boolean {
  return !isHead && status !== 204 && status !== 205 && status !== 304
}

/** Interim responses, 101 too, have no field about content or connection (RFC9110§15.2). */
export function mayBeInterim(meaning: FieldMeaning): boolean {
  return meaning === '' || meaning === 'date'
}

/** Throws when it is no name. */
export function mayBeTrailer(name: string): boolean {
  return meaningOf(name) === '' && !NOT_IN_TRAILERS.has(name.toLowerCase())
}

/** Server-sent events: the response ends when somebody ends it, and the client connects again. */
export function isEventStream(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2)
    if (headers[i]!.toLowerCase() === 'content-type') return /^text\/event-stream\b/i.test(headers[i + 1]!)
  return false
}

/** RFC9110§10.1.4: only a client that says `TE: trailers` wants them. For others they may get lost on the way. `request`: its fields. */
export function acceptsTrailers(request: readonly string[]): boolean {
  return headerValues(request, 'te').some(value => /(?:^|,)\s*trailers\s*(?:,|;|$)/i.test(value))
}

/** The fields of `headers` that an interim response may have. Throws for a name or a value that no response may have. */
export function interimFields(headers: readonly string[]): HeaderLines {
  return allowed(headers, name => mayBeInterim(meaningOf(name)))
}

/** The same for the trailers of a response. */
export function trailerFields(headers: readonly string[]): HeaderLines {
  return allowed(headers, mayBeTrailer)
}

function allowed(headers: readonly string[], mayBe: (name: string) => boolean): HeaderLines {
  const lines: HeaderLines = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    const isAllowed = mayBe(name)
    checkValue(name, value)
    if (isAllowed) lines.push(name, value)
  }
  return lines
}
