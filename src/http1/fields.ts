/** Header field lines: from text to name and value, strictly (RFC9112§5). Used for headers and for trailers. */
import { ProtocolError } from '../http/errors.ts'
import { isBlank, withoutBlanks } from '../http/headers.ts'
import { checkFieldName, checkFieldValue, FieldKind, fieldKind } from '../http/request-rules.ts'

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
  if (isBlank(text.charCodeAt(0))) throw new ProtocolError(400, 'A header line is folded', 'RFC9112§5.2')
  if (isBlank(text.charCodeAt(text.length - 1)))
    throw new ProtocolError(400, 'White space before the colon of a header', 'RFC9112§5.1')
  checkFieldName(text)
  const isShort = text.length <= MAX_KNOWN_LENGTH
  // A slice keeps the whole head that it is cut from in memory; what the cache keeps must be a copy.
  const own = isShort ? Buffer.from(text, 'latin1').toString('latin1') : text
  const name = own.toLowerCase()
  const isKept = isShort && knownNames.size < MAX_KNOWN_NAMES
  const entry: FieldName = { name, kind: fieldKind(name), lead: isKept ? `${own}:` : '', next: null }
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
  if (!checked) checkFieldValue(value)
  return value
}
