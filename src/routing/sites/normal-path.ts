/**
 * The path of a request in the form in which locations are compared: decoded once, dot segments resolved, runs of slashes merged. As nginx
 * does it, because its users' patterns were written for that form. Runs in the gateway; pure; one pass.
 *
 * Not here: the path that applications see where there are no sites (`http/path.ts`): there an empty segment is kept.
 */
import { percentEncoded } from '../../http/path.ts'
import type { Problem } from './problem.ts'

/** Finds what makes a path need more than a look: an escape, a dot segment, an empty segment. */
const IS_SPECIAL = /%|\/[./]/

/**
 * `path`: as it was sent, without query. Each character of the result is a byte. A problem is a sentence for the client: 400.
 *
 * `/a%2fb` is `/a/b`, `/a/%2e%2e/b` is `/b`, `//a` is `/a`, unless `merges` is false.
 */
export function normalPath(path: string, merges = true): string | Problem {
  if (!IS_SPECIAL.test(path)) return path
  const decoded = decode(path)
  if (typeof decoded !== 'string') return decoded
  const segments: string[] = []
  const given = decoded.slice(1).split('/')
  for (const [index, segment] of given.entries()) {
    const isLast = index === given.length - 1
    if (segment === '..') {
      if (segments.length === 0) return { problem: "The path leads above the root: it has '..' too often" }
      segments.pop()
      if (isLast) segments.push('')
    } else if (segment === '.') {
      if (isLast) segments.push('')
    } else if (segment !== '' || isLast || !merges) segments.push(segment)
  }
  return `/${segments.join('/')}`
}

function decode(path: string): string | Problem {
  let text = ''
  let from = 0
  for (let at = path.indexOf('%'); at >= 0; at = path.indexOf('%', from)) {
    const code = path.length > at + 2 ? hexAt(path, at + 1) * 16 + hexAt(path, at + 2) : Number.NaN
    if (Number.isNaN(code)) return { problem: "The path has a '%' that no two hexadecimal digits follow (RFC3986§2.1)" }
    if (code === 0) return { problem: 'The path has a NUL' }
    text += path.slice(from, at) + String.fromCharCode(code)
    from = at + 3
  }
  return text + path.slice(from)
}

function hexAt(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN
}

/** What a query must not have: blanks, control characters, a fragment, bytes above 0x7f. Escapes in it stay as they are. */
const NOT_IN_QUERY = /[^!-~]|#/g

export function encodedQuery(bytes: string): string {
  return bytes.replace(NOT_IN_QUERY, percentEncoded)
}
