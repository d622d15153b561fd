/**
 * Which responses are compressed, by their head: status, media type, length, and what forbids it. One pass over the fields of each response
 * where compression is configured. Runs in the gateway. Pure.
 *
 * nginx judges in the same way, with three differences: it compresses 200, 403 and 404 only; it compresses nothing for a HEAD and says so; and
 * it does not know `no-transform` and digests.
 * Not here: what the client wants (`http/accept-encoding.ts`), what becomes of the head (`fields.ts`).
 */
import type { ResponseHead } from '../http/exchange.ts'
import { listMembers, withoutBlanks } from '../http/headers.ts'
import type { Compression } from '../sites/model.ts'

/** `contentType`: the value of the field, with its parameters. */
export type IsTypeWanted = (contentType: string) => boolean

export function typesWanted(types: readonly string[]): IsTypeWanted {
  const isAny = types.includes('*')
  const exact = new Set(types)
  return contentType => {
    if (isAny) return true
    const semicolon = contentType.indexOf(';')
    const type = withoutBlanks(contentType, 0, semicolon < 0 ? contentType.length : semicolon).toLowerCase()
    return exact.has(type) || exact.has(`${type.slice(0, type.indexOf('/'))}/*`)
  }
}

export type IsEligible = (head: ResponseHead) => boolean

export function eligibility({ types, minLength }: Compression): IsEligible {
  const isTypeWanted = typesWanted(types)
  return ({ status, headers }) => {
    if (!hasWholeContent(status)) return false
    let isWanted = false
    for (let i = 0; i < headers.length; i += 2) {
      const value = headers[i + 1]!
      switch (headers[i]!.toLowerCase()) {
        case 'content-type':
          isWanted = isTypeWanted(value)
          if (!isWanted) return false
          break
        case 'content-length':
          if (Number(value) < minLength) return false
          break
        case 'cache-control':
          // RFC9111§5.2.2.6.
          if (listMembers(value).some(member => member.toLowerCase() === 'no-transform')) return false
          break
        // It is compressed already, or is a part of something.
        case 'content-encoding':
        case 'content-range':
        // It would be wrong for other bytes (RFC9530§2, §3).
        case 'content-digest':
        case 'repr-digest':
        case 'digest':
        case 'content-md5':
          return false
      }
    }
    return isWanted
  }
}

/** Success and errors. A redirect has hardly any content; 204, 205, 206 and 304 have none, or a part. */
function hasWholeContent(status: number): boolean {
  return (status >= 200 && status <= 203) || (status >= 207 && status < 300) || status >= 400
}
