/**
 * How long a request's content is (RFC9112§6): the place where request smuggling is refused. Anything that two
 * implementations could read differently is an error, never a guess.
 */
import { ProtocolError } from '../http/errors.ts'
import { listMembers } from '../http/headers.ts'
import { checkContentLength } from '../http/request-rules.ts'

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
  return checkContentLength(lengths)
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
