/**
 * Whether a cache between us and the clients may give a response to several of them (RFC9111§3). A Set-Cookie does not prevent that
 * (RFC9111§7.3), so what is for one client must not be on such a response. Runs in the gateway; pure.
 *
 * Responses that say nothing of caches are not meant: caches that guess a time leave out those with a Set-Cookie.
 */
import type { HeaderLines } from './headers.ts'

/** For caches of one operator (RFC9213, Edge Architecture): they may keep what Cache-Control forbids to others. */
const TARGETED = new Set(['cdn-cache-control', 'surrogate-control'])
const FORBIDS = ['private', 'no-store']

export function mayBeShared(headers: HeaderLines): boolean {
  let control = ''
  let expires = ''
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    if (name === 'cache-control') control += `,${headers[i + 1]!}`
    else if (name === 'expires') expires = headers[i + 1]!
    else if (TARGETED.has(name) && !directivesOf(headers[i + 1]!).some(([key]) => FORBIDS.includes(key))) return true
  }
  const directives = new Map(directivesOf(control))
  if (directives.has('public') || directives.has('s-maxage')) return true
  if (FORBIDS.some(one => directives.has(one))) return false
  const age = directives.get('max-age')
  // Expires counts only without it (RFC9111§5.3).
  return age === undefined ? Date.parse(expires) > Date.now() : age !== '0'
}

/** Lower-case names with their values, without quotes. */
function directivesOf(value: string): [name: string, value: string][] {
  return value.split(',').map(text => {
    const [name = '', argument = ''] = text.trim().toLowerCase().split('=')
    return [name.trim(), argument.trim().replaceAll('"', '')]
  })
}
