/** The proxies that the gateway believes about clients, and the headers in which it believes them. */

import { closest } from '../../base/closest.ts'
import { FORWARDED_HEADERS, type ForwardedHeader } from '../../base/forwarded-headers.ts'
import type { Parsed } from '../diagnostics.ts'
import { isAddressOrRange } from './ip.ts'
import type { Resolve } from './kinds.ts'

/** A file of ranges, by its absolute path. `trusted-file.ts` reads it. */
export interface RangesFile {
  readonly file: string
}

const FILE = 'file:'

/** As `parseTrusted`, or `file:PATH`. */
export function parseTrustedOrFile(text: string): Parsed<readonly string[] | RangesFile> {
  if (text.startsWith(FILE)) {
    const file = text.slice(FILE.length)
    return file === '' ? { problem: 'must have a path after file:' } : { value: { file } }
  }
  const parsed = parseTrusted(text)
  return 'value' in parsed ? parsed : { problem: `${parsed.problem}; or file:PATH` }
}

export function toAbsoluteFile(text: string, from: Resolve): string {
  const path = text.startsWith(FILE) ? text.slice(FILE.length) : ''
  return path === '' ? text : `${FILE}${from(path)}`
}

/** One entry of `--trusted-proxies` → ranges for the gateway: `*` is every range, `none` is no range. */
export function parseTrusted(text: string): Parsed<readonly string[]> {
  if (text === '*') return { value: ['0.0.0.0/0', '::/0', 'unix'] }
  if (text === 'none') return { value: [] }
  if (text === 'loopback') return { value: ['127.0.0.0/8', '::1'] }
  if (text === 'unix' || isAddressOrRange(text)) return { value: [text] }
  return { problem: 'must be an IP address, a range as in 10.0.0.0/8, loopback, unix, none, or * for everyone' }
}

/** In their usual spelling: `X-Forwarded-For`. */
export const FORWARDED_NAMES: readonly string[] = FORWARDED_HEADERS.map(name =>
  name.replace(/\b[a-z]/g, letter => letter.toUpperCase()),
)

/** One entry of `--forwarded-headers`; `none` is no header. */
export function parseForwardedHeader(text: string): Parsed<readonly ForwardedHeader[]> {
  const lower = text.toLowerCase()
  if (lower === 'none') return { value: [] }
  const header = FORWARDED_HEADERS.find(name => name === lower)
  if (header !== undefined) return { value: [header] }
  const near = closest(lower.replaceAll('_', '-'), FORWARDED_HEADERS)
  const meant =
    near === null ? '' : ` (did you mean ${FORWARDED_NAMES[FORWARDED_HEADERS.indexOf(near as ForwardedHeader)]}?)`
  return { problem: `must be ${FORWARDED_NAMES.join(', ')}, or none${meant}` }
}
