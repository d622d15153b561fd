/**
 * The request target (RFC9112§3.2): origin-form `/a?b`, absolute-form `http://host/a?b`, asterisk-form `*`.
 * Characters are already known to be visible: no space, no control character. Lenient where nothing depends on it, as nginx, gunicorn
 * and Granian are: characters that should have been percent-encoded (`|`, `"`, `<`, `{`, `^`) and a percent sign without two digits
 * are passed on as they are, for the application to judge; bytes above 0x7f are percent-encoded, so that whoever reads a target sees ASCII.
 * `http` and `https` are both taken in absolute-form: what the scheme really was, the connection or a trusted proxy says.
 */
import { isAuthority } from './authority.ts'
import { ProtocolError } from './errors.ts'

export interface RequestTarget {
  readonly path: string
  readonly query: string
  /** Authority of absolute-form, which wins over Host (RFC9112§3.2.2); null otherwise. */
  readonly authority: string | null
}

/** `/é` as raw UTF-8 → `/%C3%A9`: what RFC3986§2.5 has the client send, and what every other client means. A character is a byte. */
export function withoutRawBytes(target: string): string {
  return target.replace(/[\x80-\xff]/g, byte => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** Throws ProtocolError for what is none of the forms. authority-form is CONNECT's, which is refused before. */
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

/** Of absolute-form; -1: it is none. */
function authorityStart(target: string): number {
  const lead = target.slice(0, 'https://'.length).toLowerCase()
  return lead === 'https://' ? lead.length : lead.startsWith('http://') ? 'http://'.length : -1
}

function split(pathAndQuery: string, authority: string | null): RequestTarget {
  const mark = pathAndQuery.indexOf('?')
  if (mark < 0) return { path: pathAndQuery, query: '', authority }
  return { path: pathAndQuery.slice(0, mark), query: pathAndQuery.slice(mark + 1), authority }
}
