/**
 * Which coding the response of an explained request would have. Nothing is compressed: the parts that choose are asked, with the head that there
 * would be. Runs in the command line (`jumak explain`). Pure.
 */
import { eligibility } from '../../compression/eligible.ts'
import { fileCompression } from '../../compression/files.ts'
import { preferCoding } from '../../http/accept-encoding.ts'
import type { RequestHead, ResponseHead } from '../../http/exchange.ts'
import { headerValues } from '../../http/headers.ts'
import type { Compression } from '../../sites/model.ts'

export interface ToldCoding {
  /** Null: the response is sent as it is. */
  readonly coding: string | null
  /** When, or why not, in a few words. */
  readonly why: string
}

/**
 * `head`: of the response; null: only an application or an upstream knows it. `isFile`: the content is a file's. `compression`: of the location.
 * Null: the request does not speak of codings.
 */
export function codingOf(
  request: RequestHead,
  head: Pick<ResponseHead, 'status' | 'headers'> | null,
  isFile: boolean,
  compression: Compression,
): ToldCoding | null {
  const values = headerValues(request.headers, 'accept-encoding')
  if (values.length === 0) return null
  const asIs = (why: string): ToldCoding => ({ coding: null, why })
  const own = head?.headers.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'content-encoding') ?? -1
  if (own >= 0) return { coding: head!.headers[own + 1]!, why: 'the file beside it' }
  const files = isFile ? fileCompression(compression) : null
  if (files === null && !compression.responses)
    return asIs(isFile ? 'compress is off here' : 'compress is not on here, as it is for files alone')
  const coding = preferCoding(values.join(','), files?.codings ?? compression.codings)
  if (coding === null) return asIs(`the client wants none of ${compression.codings.join(', ')}`)
  const those = `of a type in compress-types, with ${compression.minLength} bytes or more`
  if (head === null) return { coding, why: `a response ${those}` }
  if (!eligibility(compression)({ ...head, reason: '' })) return asIs(`it is no whole response ${those}`)
  if (files !== null) return { coding, why: 'as soon as its compressed form is made, once' }
  // Without chunks the end of the connection would be the end of the content.
  return request.version === '1.0' ? asIs('HTTP/1.0') : { coding, why: 'compressed for each request' }
}
