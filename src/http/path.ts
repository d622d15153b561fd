/**
 * The path of a request, percent-decoded once. There are two rules: the name of a file is text, and an application gets bytes (PEP 3333,
 * ASGI). What is chosen by its path (an application, a pool) is chosen by the bytes that the application sees, without dot segments.
 * Runs in the gateway; pure; linear in the length of the path.
 */

/** As text; null when it is none: a broken escape, or wrong UTF-8 (overlong, for example). */
export function decodePath(path: string): string | null {
  if (!path.includes('%')) return path
  try {
    return decodeURIComponent(path)
  } catch {
    return null
  }
}

/**
 * As bytes: each is the latin-1 character of its number. A broken escape stays as it is. `*` of OPTIONS names no path and becomes empty,
 * since PATH_INFO is empty or starts with a slash.
 */
export function decodePathBytes(path: string): string {
  if (path === '*') return ''
  if (!path.includes('%')) return path
  return path.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

const DOT_SEGMENT = /\/\.\.?(?:\/|$)/
/** All but `pchar` and the slash (RFC3986§3.3), bytes above 0x7f included. */
const NOT_IN_PATH = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/]/g

/**
 * The path, still percent-encoded, without its dot segments (RFC3986§5.2.4): `/a/../b` → `/b`. They are found in the decoded path, which
 * the application sees: `%2e%2e` is one, and an encoded slash ends one, as in nginx. A path without any is returned as it is.
 *
 * Null: `..` follows an empty segment, as in `/api//../x`. Here that is `/api/x`, and for servers that merge slashes it is `/x`. So a
 * proxy in front may have judged another path.
 */
export function resolveDots(path: string): string | null {
  const decoded = decodePathBytes(path)
  if (!decoded.includes('/.') || !DOT_SEGMENT.test(decoded)) return path
  const segments = decoded.slice(1).split('/')
  const kept: string[] = []
  for (const segment of segments) {
    if (segment === '..') {
      if (kept.at(-1) === '') return null
      kept.pop()
    } else if (segment !== '.') kept.push(segment)
  }
  // A dot segment at the end stands for a directory: `/a/.` is `/a/`.
  const isDirectory = segments.at(-1) === '.' || segments.at(-1) === '..'
  const resolved = `/${kept.join('/')}${isDirectory && kept.length > 0 ? '/' : ''}`
  return encodePathBytes(resolved)
}

/** The opposite of `decodePathBytes`: a path that decodes to these bytes. */
export function encodePathBytes(bytes: string): string {
  return bytes.replace(NOT_IN_PATH, percentEncoded)
}

/** `byte`: a character of latin-1. */
export function percentEncoded(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}
