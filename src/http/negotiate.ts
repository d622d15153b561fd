/** Which form of an error page a client wants (RFC9110§12.5.1). */

export type ErrorFormat = 'text' | 'html' | 'json'

/** A Map: in a plain object a client's `constructor` would be found. */
const TYPES: ReadonlyMap<string, ErrorFormat> = new Map([
  ['text/html', 'html'],
  ['application/xhtml+xml', 'html'],
  ['application/json', 'json'],
  ['application/problem+json', 'json'],
  ['application/*', 'json'],
  ['text/plain', 'text'],
  ['text/*', 'text'],
  ['*/*', 'text'],
])
/** Longer lists are cut: the first few types decide. */
const MAX_RANGES = 32

/** The acceptable form with the highest weight, the first of equals; plain text when nothing fits or nothing is said. */
export function negotiateErrorFormat(accept: string | undefined): ErrorFormat {
  if (accept === undefined) return 'text'
  let best: ErrorFormat = 'text'
  let bestWeight = 0
  for (const range of accept.split(',', MAX_RANGES)) {
    const [type, ...parameters] = range.split(';')
    const format = TYPES.get(type!.trim().toLowerCase())
    const weight = format === undefined ? 0 : weightOf(parameters)
    if (format !== undefined && weight > bestWeight) {
      best = format
      bestWeight = weight
    }
  }
  return best
}

function weightOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const match = /^\s*q=([01](?:\.\d{0,3})?)\s*$/i.exec(parameter)
    if (match) return Number(match[1])
  }
  return 1
}
