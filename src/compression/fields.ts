/** What compression changes in the head of a response. Runs in the gateway. Pure. */
import type { Coding } from '../http/accept-encoding.ts'
import type { ResponseHead } from '../http/exchange.ts'
import { type HeaderLines, listMembers } from '../http/headers.ts'
import { withHeaders } from '../http/response-filter.ts'

/** The client might have got it in another coding (RFC9110§12.5.5). */
export function withVary(head: ResponseHead): ResponseHead {
  const { headers } = head
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.toLowerCase() !== 'vary') continue
    if (saysAcceptEncoding(headers[i + 1]!)) return head
  }
  return withHeaders(head, varied(headers))
}

/**
 * The length is another. A part of the compressed content cannot be had again, so there are no ranges. The entity tag gets weak: the content is
 * equal, its bytes are not (RFC9110§8.8.3.3).
 */
export function compressedHead(head: ResponseHead, coding: Coding): ResponseHead {
  const headers: HeaderLines = []
  for (let i = 0; i < head.headers.length; i += 2) {
    const name = head.headers[i]!
    const value = head.headers[i + 1]!
    switch (name.toLowerCase()) {
      case 'content-length':
      case 'accept-ranges':
        break
      case 'etag':
        // Not what an application has made up without quotes: clients would take it for a strong one.
        if (value.startsWith('"')) headers.push(name, `W/${value}`)
        else if (value.startsWith('W/"')) headers.push(name, value)
        break
      default:
        headers.push(name, value)
    }
  }
  const changed = varied(headers)
  changed.push('Content-Encoding', coding)
  return withHeaders(head, changed)
}

/** A copy in which the first Vary field also names Accept-Encoding. */
function varied(headers: readonly string[]): HeaderLines {
  const changed = [...headers]
  let first = -1
  for (let i = 0; i < changed.length; i += 2) {
    if (changed[i]!.toLowerCase() !== 'vary') continue
    if (saysAcceptEncoding(changed[i + 1]!)) return changed
    if (first < 0) first = i
  }
  if (first < 0) changed.push('Vary', 'Accept-Encoding')
  else changed[first + 1] = changed[first + 1] === '' ? 'Accept-Encoding' : `${changed[first + 1]}, Accept-Encoding`
  return changed
}

/** `*` includes Accept-Encoding: the response varies by more than fields can say. */
function saysAcceptEncoding(vary: string): boolean {
  return (
    vary === 'Accept-Encoding' ||
    listMembers(vary).some(name => name === '*' || name.toLowerCase() === 'accept-encoding')
  )
}
