/** A header of every response: `Server: shop`. */
import { TOKEN } from '../../base/token.ts'
import type { Parsed } from '../diagnostics.ts'

export interface ResponseHeader {
  readonly name: string
  readonly value: string
}

const MAX_VALUE = 4096
/** They say how one message is framed, or what its connection does. */
const OF_A_MESSAGE: ReadonlySet<string> = new Set([
  ...['connection', 'content-length', 'date', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding'],
  'upgrade',
])

export function parseResponseHeader(text: string): Parsed<ResponseHeader> {
  const colon = text.indexOf(':')
  if (colon < 0) return { problem: 'must be NAME:VALUE' }
  const [name, value] = [text.slice(0, colon).trim(), text.slice(colon + 1).trim()]
  if (!TOKEN.test(name)) return { problem: 'must have the name of a header before the colon' }
  if (OF_A_MESSAGE.has(name.toLowerCase())) return { problem: `must not be ${name}: each response has its own` }
  if (!/^[\x20-\x7e]*$/.test(value) || value.length > MAX_VALUE)
    return { problem: `must have a value of plain ASCII, at most ${MAX_VALUE} characters` }
  return { value: { name, value } }
}
