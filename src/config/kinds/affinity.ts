/** `cookie`, `address`, `header:X-Session`: how an application knows its clients again, so that each has one worker. */
import { TOKEN } from '../../base/token.ts'
import type { Parsed } from '../diagnostics.ts'

/** Null: any worker answers any request. `name`: of the header, in lower case. */
export type Affinity =
  | null
  | { readonly kind: 'cookie' }
  | { readonly kind: 'address' }
  | { readonly kind: 'header'; readonly name: string }

const HEADER = 'header:'
const MAX_NAME = 100

export function parseAffinity(text: string): Parsed<Affinity> {
  if (text === 'off') return { value: null }
  if (text === 'cookie' || text === 'address') return { value: { kind: text } }
  const name = text.startsWith(HEADER) ? text.slice(HEADER.length) : ''
  if (!TOKEN.test(name) || name.length > MAX_NAME)
    return { problem: 'must be off, cookie, address, or header:NAME, as in header:X-Session' }
  if (name.includes('_'))
    return { problem: 'must name a header without an underscore: such a header is dropped from requests' }
  return { value: { kind: 'header', name: name.toLowerCase() } }
}
