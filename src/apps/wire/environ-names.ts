/**
 * The names that a request's headers have in the WSGI environ (PEP 3333), and their order. Made once for all requests with the same
 * headers in the same order; the requests of one client mostly are alike. Runs in the gateway, sans-IO.
 *
 * Invariants: each name occurs at most once. A header can make no name but its own `HTTP_…`. All that is remembered is bounded, for
 * clients choose names and their order.
 */
import { cgiName, NOT_PASSED } from '../../http/cgi-names.ts'

export interface EnvironNames {
  /** The names, joined by NUL, in the order of the values. */
  readonly bytes: Buffer
  /** Indexes of the values in the list of headers that are passed on. */
  readonly passed: readonly number[]
}

interface Known extends EnvironNames {
  readonly headerNames: readonly string[]
  readonly own: number
}

/** What not every request has: HTTP_HOST, CONTENT_LENGTH, SCRIPT_NAME, HTTPS, REMOTE_USER. Their values are in this order. */
export const HAS_HOST = 1
export const HAS_LENGTH = 2
export const HAS_ROOT = 4
export const HAS_HTTPS = 8
export const HAS_USER = 16

const ALWAYS =
  'wsgi.url_scheme\0SERVER_PROTOCOL\0REQUEST_METHOD\0QUERY_STRING\0RAW_URI\0' +
  'REMOTE_ADDR\0REMOTE_PORT\0SERVER_NAME\0SERVER_PORT\0HTTP_X_REQUEST_ID'
const OWN = ['HTTP_HOST', 'CONTENT_LENGTH', 'SCRIPT_NAME', 'HTTPS', 'REMOTE_USER']
/** The last name: a path may contain a NUL, and what follows it cannot be taken for the value of another name. */
export const LAST = '\0PATH_INFO'

/** So many lists are remembered for each number of headers: one browser's, another browser's, a proxy's … */
const KNOWN_FOR_EACH = 4
/** Longer lists of headers are not remembered. */
const MAX_HEADERS = 64
/** Bytes. Longer names are somebody's invention, and are not remembered. */
const MAX_LENGTH = 2048
const known: Known[][] = Array.from({ length: MAX_HEADERS + 1 }, () => [])

/** Null: a header occurs twice, and must be merged first. `own`: the sum of `HAS_HOST` … that hold. */
export function environNames(headers: readonly string[], own: number): EnvironNames | null {
  const count = headers.length / 2
  const alike = known[count]
  if (alike === undefined) return makeNames(headers, own)
  for (const one of alike) if (one.own === own && areNamesOf(one.headerNames, headers)) return one
  const made = makeNames(headers, own)
  if (made !== null && made.bytes.length <= MAX_LENGTH && alike.unshift(made) > KNOWN_FOR_EACH) alike.pop()
  return made
}

function areNamesOf(names: readonly string[], headers: readonly string[]): boolean {
  for (let i = 0; i < names.length; i++) if (names[i] !== headers[2 * i]) return false
  return true
}

function makeNames(headers: readonly string[], own: number): Known | null {
  const headerNames = headers.filter((_, i) => i % 2 === 0)
  const passed = headerNames.flatMap((name, i) => (NOT_PASSED.has(name) ? [] : [2 * i + 1]))
  if (new Set(passed.map(at => headers[at - 1])).size !== passed.length) return null
  const keys = passed.map(at => cgiName(headers[at - 1]!))
  const names = [ALWAYS, ...OWN.filter((_, i) => own & (1 << i)), ...keys]
  // The names are copied: a slice would keep the whole head that it was cut from.
  const copies = headerNames.map(name => Buffer.from(name, 'latin1').toString('latin1'))
  return {
    bytes: Buffer.from(names.join('\0') + LAST, 'latin1'),
    passed,
    headerNames: copies,
    own,
  }
}
