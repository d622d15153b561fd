/**
 * Until when revocation lists and OCSP responses hold, and what a response says. Pure. Runs in the master and in the command line
 * (`--check`). Signatures are for those who use them: OpenSSL, and clients.
 */
import { type Element, elementsIn, timeOf } from './der-reader.ts'

const [INTEGER, ENUMERATED, SEQUENCE, FIRST] = [0x02, 0x0a, 0x30, 0xa0]
const REVOKED = 0xa1

/** Milliseconds since 1970 (RFC5280§5.1.2.5); null: the list does not say, or cannot be read. */
export function endOfList(list: Buffer): number | null {
  try {
    const [, next] = inside(inside(elementsIn(list)[0])[0]).flatMap(one => timeOf(one) ?? [])
    return next ?? null
  } catch {
    return null
  }
}

export interface OcspAnswer {
  readonly isRevoked: boolean
  /** Milliseconds since 1970; null: it does not say. */
  readonly until: number | null
}

/** `failed`: the authority has answered with an error. `other`: it is about another certificate. Null: it is no OCSP response. */
export type OcspResult = OcspAnswer | 'failed' | 'other' | null

/** Of a response (RFC6960§4.2.1). `serial`: of the certificate, in hexadecimal digits. */
export function readOcsp(response: Buffer, serial: string): OcspResult {
  try {
    const [status, bytes] = inside(elementsIn(response)[0])
    if (status?.tag !== ENUMERATED) return null
    if (status.content[0] !== 0) return 'failed'
    const [, basic] = inside(inside(bytes)[0])
    const data = inside(inside(elementsIn(basic!.content)[0])[0])
    const single = inside(data.find(({ tag }) => tag === SEQUENCE))
      .map(inside)
      .find(one => isFor(one, serial))
    if (single === undefined) return 'other'
    const next = single.slice(3).find(({ tag }) => tag === FIRST)
    return { isRevoked: single[1]!.tag === REVOKED, until: next === undefined ? null : timeOf(inside(next)[0]!) }
  } catch {
    return null
  }
}

function isFor([id]: readonly Element[], serial: string): boolean {
  const number = inside(id).find(({ tag }) => tag === INTEGER)
  return number !== undefined && BigInt(`0x${number.content.toString('hex')}`) === BigInt(`0x${serial}`)
}

function inside(element: Element | undefined): Element[] {
  if (element === undefined) throw new RangeError('an element is missing')
  return elementsIn(element.content)
}
