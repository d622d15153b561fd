/** Chooses the form of an error page by the client's Accept (RFC9110§12.5.1). */

import type { ErrorFormat } from '../config/types.ts'

/** A Map: a plain object would find the `constructor` that a client sends. */
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
/** Ranges that leave us a choice. */
const RANGES: ReadonlyMap<string, readonly ErrorFormat[]> = new Map([
  ['*/*', ['html', 'json', 'text']],
  ['text/*', ['html', 'text']],
])
/** Longer lists are cut: the first few types decide. */
const MAX_RANGES = 32

/**
 * The acceptable form with the highest weight, and of equal ones the first. Plain text when the client names none that we have, or
 * sends no Accept. Where it leaves the choice to us (a wildcard), the first of `preferred` that it allows.
 */
export function negotiateErrorFormat(accept: string | undefined, preferred: readonly ErrorFormat[] = []): ErrorFormat {
  if (accept === undefined) return preferred[0] ?? 'text'
  let best: ErrorFormat = 'text'
  let bestWeight = 0
  for (const range of accept.split(',', MAX_RANGES)) {
    const [type, ...parameters] = range.split(';')
    const name = type!.trim().toLowerCase()
    const format = preferred.find(one => RANGES.get(name)?.includes(one)) ?? TYPES.get(name)
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
