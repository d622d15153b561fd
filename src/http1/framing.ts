/**
 * How long a request's content is (RFC9112§6): the place where request smuggling is refused. Anything that two
 * implementations could read differently is an error, never a guess.
 */
import { ProtocolError } from '../http/errors.ts'
import { listMembers } from './fields.ts'

/** Of the largest number that 64 bits hold. */
const MAX_DIGITS = 19

/** Bytes of content, or undefined for chunked. `lengths` and `codings` are all values of their headers. */
export function contentLength(
  version: '1.0' | '1.1',
  lengths: readonly string[],
  codings: readonly string[],
): number | undefined {
  if (codings.length > 0) {
    if (lengths.length > 0)
      throw new ProtocolError(400, 'Both Content-Length and Transfer-Encoding are given', 'RFC9112§6.1')
    checkCodings(version, codings)
    return undefined
  }
  if (lengths.length === 0) return 0
  // One value only: even equal ones are refused, a proxy in front may have taken the other.
  if (lengths.length > 1) throw new ProtocolError(400, 'Content-Length is given more than once', 'RFC9112§6.3')
  const text = lengths[0]!
  if (!/^\d+$/.test(text)) throw new ProtocolError(400, 'Content-Length is not a number', 'RFC9110§8.6')
  const length = Number(text)
  // Digits beyond it, leading zeros too, are counted differently by others.
  if (text.length > MAX_DIGITS || !Number.isSafeInteger(length))
    throw new ProtocolError(413, 'Content-Length overflows', 'RFC9110§8.6')
  return length
}

function checkCodings(version: '1.0' | '1.1', codings: readonly string[]): void {
  if (version === '1.0') throw new ProtocolError(400, 'Transfer-Encoding in an HTTP/1.0 request', 'RFC9112§6.1')
  const list = listMembers(codings.join(',').toLowerCase())
  if (list.length === 1 && list[0] === 'chunked') return
  const chunkedAt = list.indexOf('chunked')
  if (chunkedAt === list.length - 1 && list.length > 1 && !list.includes(''))
    throw new ProtocolError(501, 'Only the transfer coding chunked is implemented', 'RFC9112§6.1')
  if (chunkedAt < 0 && !list.includes('') && list.every(coding => /^[a-z-]+$/.test(coding)))
    throw new ProtocolError(501, 'Only the transfer coding chunked is implemented', 'RFC9112§6.1')
  throw new ProtocolError(400, 'Transfer-Encoding does not end in one chunked', 'RFC9112§6.3')
}
