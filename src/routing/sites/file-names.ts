/**
 * The file that a path names in a location: `root` puts the whole path below its directory, `alias` puts what follows the location's own
 * prefix there, and `alias` of a regular expression is the whole name. Runs in the gateway; pure. Text is bytes.
 *
 * Invariant: what a client chooses of the name cannot lead out of `base`, the part of the directory that has no variable in it: `..` and
 * names with a dot at their beginning are no files here (`handlers/static/paths.ts`), and links out of it are not followed (`files.ts`).
 */
import type { CompiledLocation, SiteRequest } from './site-request.ts'

/** A name with dot segments may have come from a client's own words. */
export const LEADS_AWAY = /\/\.\.?(?:\/|$)|\0/

/** Empty: it names none. */
export function fileName(request: SiteRequest, uri: string): string {
  const { directory, alias } = request.location
  if (alias === null) return directory === null ? '' : directory(request) + uri
  const name = alias.path(request)
  if (alias.prefix === null) return name
  const rest = uri.slice(alias.prefix.length)
  // `/srv/media` for `/m` would have `/srv/media-private` for `/m-private`.
  const isOther = rest !== '' && !rest.startsWith('/') && !name.endsWith('/')
  return isOther ? '' : name + rest
}

/** Below `base`; null: it cannot be a file of the location. */
export function belowBase(location: CompiledLocation, name: string): string | null {
  const { base } = location
  if (base === null || !name.startsWith(base) || name.charAt(base.length) !== '/') return null
  const below = name.slice(base.length)
  // A rewrite may have made a run of slashes, which is one to the system.
  return (below.includes('//') ? below.replace(/\/{2,}/g, '/') : below).slice(1)
}
