/**
 * Compression as a filter of responses: judges the head, chooses the coding, and leaves out what cannot be compressed now. Runs in the
 * gateway, made once for each compiled configuration.
 *
 * Invariant: a response that is eligible says `Vary: Accept-Encoding`, whether it is compressed or not.
 * Not here: the content (`compressed-content.ts`), files that are compressed once (`handlers/static/kept-codings.ts`).
 */
import { type Coding, preferCoding } from '../http/accept-encoding.ts'
import type { ResponseHead } from '../http/exchange.ts'
import { headerValues } from '../http/headers.ts'
import {
  type ContentOutput,
  type FilteredExchange,
  type ResponseFilter,
  type WholeResponse,
  withHeaders,
} from '../http/response-filter.ts'
import type { Compression } from '../sites/model.ts'
import { compressWhole, MAX_WHOLE } from './codings.ts'
import { CompressedContent } from './compressed-content.ts'
import { eligibility } from './eligible.ts'
import type { Encoders } from './encoders.ts'
import { compressedHead, withVary } from './fields.ts'

export function compressionFilter(compression: Compression, encoders: Encoders): ResponseFilter {
  const { codings } = compression
  const isEligible = eligibility(compression)
  return (head, exchange) => {
    if (!isEligible(head)) return { head, content: null }
    const coding = codingFor(exchange, codings)
    const promised = promisedLength(head)
    const isSmall = promised >= 0 && promised <= MAX_WHOLE
    if (coding === null || !(isSmall ? !encoders.memory.isNear : encoders.hasRoom))
      return { head: withVary(head), content: null }
    const changed = compressedHead(head, coding)
    const content = (out: ContentOutput) => new CompressedContent(coding, promised, encoders, out)
    const whole = (given: Buffer) =>
      given.length > MAX_WHOLE ? null : withLength(changed, compressWhole(coding, given))
    return { head: changed, content, whole }
  }
}

/** Null: as it is. */
function codingFor({ request }: FilteredExchange, codings: readonly Coding[]): Coding | null {
  // Without chunks the end of the connection would be the end of the content.
  if (request.version === '1.0') return null
  const values = headerValues(request.headers, 'accept-encoding')
  return preferCoding(values.length > 1 ? values.join(',') : values[0], codings)
}

function withLength(head: ResponseHead, content: Buffer): WholeResponse {
  return { head: withHeaders(head, [...head.headers, 'Content-Length', String(content.length)]), content }
}

/** Bytes; -1: the length is not known. */
function promisedLength({ headers }: ResponseHead): number {
  for (let i = 0; i < headers.length; i += 2)
    if (headers[i]!.toLowerCase() === 'content-length') return Number(headers[i + 1])
  return -1
}
