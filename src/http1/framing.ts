/**
 * How long the content of an HTTP/1.1 request is (RFC9112§6). Request smuggling is refused here: what two implementations could read
 * differently is an error, never a guess. Runs in the gateway, for each request; pure.
 */
import { ProtocolError } from '../http/errors.ts'
import { listMembers } from '../http/headers.ts'
import { checkContentLength } from '../http/request-rules.ts'

/** Bytes of content; undefined: chunked. `lengths`, `codings`: all values of Content-Length and of Transfer-Encoding. */
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
