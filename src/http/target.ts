/**
 * The request target (RFC9112§3.2): origin-form `/a?b`, absolute-form `http://host/a?b`, asterisk-form `*`.
 * The caller has checked that all characters are visible: no space, no control character.
 *
 * Lenient where nothing depends on it, as nginx, gunicorn and Granian are. Characters that should be percent-encoded (`|`, `"`, `<`,
 * `{`, `^`), and a percent sign without two digits, are passed on for the application to judge. Bytes above 0x7f are percent-encoded,
 * so every reader of a target sees ASCII. Absolute-form may say `http` or `https`: the real scheme is the connection's, or a trusted
 * proxy tells it.
 */
import { isAuthority } from './authority.ts'
import { ProtocolError } from './errors.ts'

export interface RequestTarget {
  readonly path: string
  readonly query: string
  /** Authority of absolute-form, which wins over Host (RFC9112§3.2.2); null otherwise. */
  readonly authority: string | null
}

/** `/é` as raw UTF-8 → `/%C3%A9`, which the client should have sent (RFC3986§2.5). In `target` a character is a byte. */
export function withoutRawBytes(target: string): string {
  return target.replace(/[\x80-\xff]/g, byte => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** Throws ProtocolError when `target` has none of the forms. authority-form is CONNECT's, which was refused before. */
export function parseTarget(method: string, target: string): RequestTarget {
  if (target.includes('#')) throw new ProtocolError(400, 'The request target has a fragment', 'RFC9112§3.2')
  if (target.startsWith('/')) return split(target, null)
  if (target === '*') {
    if (method !== 'OPTIONS') throw new ProtocolError(400, 'The target * is for OPTIONS only', 'RFC9112§3.2.4')
    return { path: '*', query: '', authority: null }
  }
  const start = authorityStart(target)
  if (start < 0) throw new ProtocolError(400, 'The request target is neither a path nor a URL', 'RFC9112§3.2')
  let end = start
  while (end < target.length && target[end] !== '/' && target[end] !== '?') end++
  const authority = target.slice(start, end)
  if (!isAuthority(authority)) throw new ProtocolError(400, 'The request target has no valid host', 'RFC9112§3.2.2')
  const rest = target.slice(end)
  return split(rest.startsWith('/') ? rest : `/${rest}`, authority)
}

/** Where the authority of absolute-form starts; -1: the target has another form. */
function authorityStart(target: string): number {
  const lead = target.slice(0, 'https://'.length).toLowerCase()
  return lead === 'https://' ? lead.length : lead.startsWith('http://') ? 'http://'.length : -1
}

function split(pathAndQuery: string, authority: string | null): RequestTarget {
  const mark = pathAndQuery.indexOf('?')
  if (mark < 0) return { path: pathAndQuery, query: '', authority }
  return { path: pathAndQuery.slice(0, mark), query: pathAndQuery.slice(mark + 1), authority }
}
