/** Header field lines: from text to name and value, strictly (RFC9112§5). Used for headers and for trailers. */
import { TOKEN } from '../base/token.ts'
import { ProtocolError } from '../http/errors.ts'

/** What a header means to the parser itself; everything else is only passed on. */
export const FieldKind = {
  ORDINARY: 0,
  DROPPED: 1,
  HOST: 2,
  CONTENT_LENGTH: 3,
  TRANSFER_ENCODING: 4,
  CONNECTION: 5,
  EXPECT: 6,
} as const
export type FieldKind = (typeof FieldKind)[keyof typeof FieldKind]

export interface FieldName {
  /** Lower-case. */
  readonly name: string
  readonly kind: FieldKind
  /** As it was sent, with the colon; empty for a name that is not remembered. */
  readonly lead: string
  /** What followed it the last time, wherever that was: most clients send their headers in one order. */
  next: FieldName | null
}

/** Before the first header. */
export const NO_FIELD: FieldName = { name: '', kind: FieldKind.ORDINARY, lead: '', next: null }

/** A Map: in a plain object a client's `constructor` would be found. */
const KINDS: ReadonlyMap<string, FieldKind> = new Map([
  ['host', FieldKind.HOST],
  ['content-length', FieldKind.CONTENT_LENGTH],
  ['transfer-encoding', FieldKind.TRANSFER_ENCODING],
  ['connection', FieldKind.CONNECTION],
  ['expect', FieldKind.EXPECT],
])

const INVALID_VALUE = /[^\t\x20-\x7e\x80-\xff]/

/** Names seen before. Bounded: clients may invent names; a full cache stays as it is, browsers came first. */
const MAX_KNOWN_NAMES = 1024
const MAX_KNOWN_LENGTH = 64
const knownNames = new Map<string, FieldName>()

/**
 * The name in a field line, which is in `text` from `from` to `to` and came behind another one. To guess it costs a third of looking it
 * up. Throws ProtocolError.
 */
export function fieldNameBehind(previous: FieldName, text: string, from: number, to: number): FieldName {
  const guess = previous.next
  // A lead ends in the first colon of the line: a name has none.
  if (guess !== null && text.startsWith(guess.lead, from)) return guess
  const field = fieldName(text.slice(from, colonOf(text, from, to)))
  if (field.lead !== '') previous.next = field
  return field
}

/** Throws ProtocolError for what is no header name. */
export function fieldName(text: string): FieldName {
  const known = knownNames.get(text)
  if (known !== undefined) return known
  if (!TOKEN.test(text)) {
    if (/^[ \t]/.test(text)) throw new ProtocolError(400, 'A header line is folded', 'RFC9112§5.2')
    if (/[ \t]$/.test(text)) throw new ProtocolError(400, 'White space before the colon of a header', 'RFC9112§5.1')
    throw new ProtocolError(400, 'A header name is invalid', 'RFC9110§5.1')
  }
  const isShort = text.length <= MAX_KNOWN_LENGTH
  // A slice keeps the whole head that it is cut from in memory; what the cache keeps must be a copy.
  const own = isShort ? Buffer.from(text, 'latin1').toString('latin1') : text
  const name = own.toLowerCase()
  // CGI turns both `-` and `_` into `_`, so X_Forwarded_For would pass for X-Forwarded-For: dropped, as nginx does.
  const kind = name.includes('_') ? FieldKind.DROPPED : (KINDS.get(name) ?? FieldKind.ORDINARY)
  const isKept = isShort && knownNames.size < MAX_KNOWN_NAMES
  const entry: FieldName = { name, kind, lead: isKept ? `${own}:` : '', next: null }
  if (isKept) knownNames.set(own, entry)
  return entry
}

/** The colon's place in a field line; throws when there is none. */
export function colonOf(text: string, from = 0, to: number = text.length): number {
  const colon = text.indexOf(':', from)
  if (colon > from && colon < to) return colon
  if (isBlank(text.charCodeAt(from)) && from < to)
    throw new ProtocolError(400, 'A header line is folded', 'RFC9112§5.2')
  throw new ProtocolError(400, colon === from ? 'A header has no name' : 'A header line has no colon', 'RFC9112§5')
}

/** What stands between the colon and the end of its line, without white space around it; `checked`: its characters are known to be valid. */
export function fieldValue(text: string, from: number, to: number, checked: boolean): string {
  const value = withoutBlanks(text, from, to)
  if (!checked && INVALID_VALUE.test(value))
    throw new ProtocolError(400, 'A header value has a control character', 'RFC9110§5.5')
  return value
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** Without white space around it: blanks only, where `trim()` would take NBSP away too. */
function withoutBlanks(text: string, from: number, to: number): string {
  let start = from
  let end = to
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

/** The members of a list (RFC9110§5.6.1), empty ones too. One pass, for a client may send nothing but commas and blanks. */
export function listMembers(list: string): string[] {
  return list.split(',').map(member => withoutBlanks(member, 0, member.length))
}
