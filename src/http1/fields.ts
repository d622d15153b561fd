/**
 * Header lines of HTTP/1.1 (RFC9112§5): from text to name and value, for headers and trailers. Runs in the gateway, for each line of
 * each request. Names are remembered, in a bounded cache, with the name that followed them the last time. What a name or value may be
 * is `http/request-rules.ts`; here is the line: its colon, folding, white space. Functions throw ProtocolError.
 */
import { ProtocolError } from '../http/errors.ts'
import { isBlank, withoutBlanks } from '../http/headers.ts'
import { checkFieldName, checkFieldValue, FieldKind, fieldKind } from '../http/request-rules.ts'

export interface FieldName {
  /** Lower-case. */
  readonly name: string
  readonly kind: FieldKind
  /** As it was sent, with its colon; empty: the name is not remembered. */
  readonly lead: string
  /** The field that followed it the last time, in whatever request: most clients send their headers in one order. */
  next: FieldName | null
}

/** Before the first header. */
export const NO_FIELD: FieldName = { name: '', kind: FieldKind.ORDINARY, lead: '', next: null }

/** Names that came before. Bounded, since clients may invent names. A full cache stays as it is: common names came first. */
const MAX_KNOWN_NAMES = 1024
const MAX_KNOWN_LENGTH = 64
const knownNames = new Map<string, FieldName>()

/**
 * The name in a line, which is `text` from `from` to `to` and follows the line of `previous`. A guess costs a third of a look-up.
 */
export function fieldNameBehind(previous: FieldName, text: string, from: number, to: number): FieldName {
  const guess = previous.next
  // A name has no colon, so a lead ends in the first colon of the line.
  if (guess !== null && text.startsWith(guess.lead, from)) return guess
  const field = fieldName(text.slice(from, colonOf(text, from, to)))
  if (field.lead !== '') previous.next = field
  return field
}

export function fieldName(text: string): FieldName {
  const known = knownNames.get(text)
  if (known !== undefined) return known
  if (isBlank(text.charCodeAt(0))) throw new ProtocolError(400, 'A header line is folded', 'RFC9112§5.2')
  if (isBlank(text.charCodeAt(text.length - 1)))
    throw new ProtocolError(400, 'White space before the colon of a header', 'RFC9112§5.1')
  checkFieldName(text)
  const isShort = text.length <= MAX_KNOWN_LENGTH
  // A copy: a slice would keep the whole head in memory that it is cut from.
  const own = isShort ? Buffer.from(text, 'latin1').toString('latin1') : text
  const name = own.toLowerCase()
  const isKept = isShort && knownNames.size < MAX_KNOWN_NAMES
  const entry: FieldName = { name, kind: fieldKind(name), lead: isKept ? `${own}:` : '', next: null }
  if (isKept) knownNames.set(own, entry)
  return entry
}

/** Where the colon of a line is. Throws when there is none. */
export function colonOf(text: string, from = 0, to: number = text.length): number {
  const colon = text.indexOf(':', from)
  if (colon > from && colon < to) return colon
  if (isBlank(text.charCodeAt(from)) && from < to)
    throw new ProtocolError(400, 'A header line is folded', 'RFC9112§5.2')
  throw new ProtocolError(400, colon === from ? 'A header has no name' : 'A header line has no colon', 'RFC9112§5')
}

/** The value between the colon and the end of the line, without white space around it. `checked`: its characters are known to be valid. */
export function fieldValue(text: string, from: number, to: number, checked: boolean): string {
  const value = withoutBlanks(text, from, to)
  if (!checked) checkFieldValue(value)
  return value
}
