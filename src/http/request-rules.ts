/**
 * What a request may be, whatever version of HTTP brings it (RFC9110). Each rule stands here once: a protocol calls it as soon as it
 * has the bytes that the rule is about, and so does whoever passes a request on. Runs in the gateway, for each request; pure.
 *
 * What two implementations could read differently is refused, never guessed: request smuggling is made of it. Functions named `check…`
 * throw a ProtocolError. The target has a file of its own (`target.ts`). Not here: the syntax of a version, such as
 * request lines, folding and Transfer-Encoding, which are HTTP/1.1's (`http1/`), and limits of size.
 */
import { TOKEN } from '../base/token.ts'
import { isAuthority } from './authority.ts'
import { ProtocolError } from './errors.ts'
import { NOT_IN_VALUE } from './headers.ts'

/** What a header means to a protocol. An ordinary one is only passed on. */
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

/** A Map: a plain object would find the `constructor` that a client sends. */
const KINDS: ReadonlyMap<string, FieldKind> = new Map([
  ['host', FieldKind.HOST],
  ['content-length', FieldKind.CONTENT_LENGTH],
  ['transfer-encoding', FieldKind.TRANSFER_ENCODING],
  ['connection', FieldKind.CONNECTION],
  ['expect', FieldKind.EXPECT],
])

/** Trailers that would change how the request was understood are not passed on (RFC9110§6.5.1). */
const NOT_IN_TRAILERS = new Set([
  'content-encoding',
  'content-type',
  'content-range',
  'trailer',
  'authorization',
  'cookie',
])

/** The largest number of 64 bits has as many digits. */
const MAX_LENGTH_DIGITS = 19

/**
 * `name` is lower-case. A name with an underscore is labelled DROPPED, and the protocol leaves it out, as nginx does: CGI turns both `-` and `_` into `_`, so that
 * X_Forwarded_For would pass for X-Forwarded-For.
 */
export function fieldKind(name: string): FieldKind {
  return name.includes('_') ? FieldKind.DROPPED : (KINDS.get(name) ?? FieldKind.ORDINARY)
}

export function checkFieldName(name: string): void {
  if (!TOKEN.test(name)) throw new ProtocolError(400, 'A header name is invalid', 'RFC9110§5.1')
}

export function checkFieldValue(value: string): void {
  if (NOT_IN_VALUE.test(value)) throw new ProtocolError(400, 'A header value has a control character', 'RFC9110§5.5')
}

/** `name` is lower-case. */
export function mayBeTrailer(name: string, kind: FieldKind): boolean {
  return kind === FieldKind.ORDINARY && !NOT_IN_TRAILERS.has(name)
}

export function checkMethod(method: string): void {
  if (!TOKEN.test(method)) throw new ProtocolError(400, 'The method is invalid', 'RFC9110§9.1')
}

/** Nothing is known of the resource yet: an application may refuse more methods. */
export function checkIsImplemented(method: string): void {
  if (method === 'CONNECT') throw new ProtocolError(501, 'CONNECT is not implemented', 'RFC9110§9.3.6')
}

/** `count`: of Host fields; `host` is the value of one of them. `isRequired`: by the version of HTTP. */
export function checkHost(host: string, count: number, isRequired: boolean): void {
  if (count > 1) throw new ProtocolError(400, 'Host is given more than once', 'RFC9112§3.2')
  if (count === 1) {
    if (!isAuthority(host)) throw new ProtocolError(400, 'Host is malformed', 'RFC9112§3.2')
  } else if (isRequired) throw new ProtocolError(400, 'Host is missing', 'RFC9112§3.2')
}

/** Bytes of content. `values`: of all Content-Length fields; there is at least one. */
export function checkContentLength(values: readonly string[]): number {
  // Even equal ones are refused: a proxy in front may have taken the other.
  if (values.length > 1) throw new ProtocolError(400, 'Content-Length is given more than once', 'RFC9112§6.3')
  const text = values[0]!
  if (!/^\d+$/.test(text)) throw new ProtocolError(400, 'Content-Length is not a number', 'RFC9110§8.6')
  const length = Number(text)
  // Another implementation may read another number: one that does not fit, or has many leading zeros.
  if (text.length > MAX_LENGTH_DIGITS || !Number.isSafeInteger(length))
    throw new ProtocolError(413, 'Content-Length overflows', 'RFC9110§8.6')
  return length
}

/** `value`: of all Expect fields, lower-case and joined by commas. */
export function checkExpect(value: string): void {
  if (value !== '100-continue')
    throw new ProtocolError(417, 'The only expectation that can be met is 100-continue', 'RFC9110§10.1.1')
}
