import type { ResponseHead } from '../exchange.ts'
import { withHeaders } from '../response-filter.ts'

/** For a filter that changes the number of bytes. */
export function withoutLength(head: ResponseHead): ResponseHead {
  const { headers } = head
  const kept = headers.filter((_, i) => headers[i - (i % 2)]!.toLowerCase() !== 'content-length')
  return withHeaders(head, kept)
}
