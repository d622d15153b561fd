/**
 * The file that a path names in a location: `root` puts the whole path below its directory, `alias` puts what follows the location's own
 * prefix there, and `alias` of a regular expression is the whole name. Runs in the gateway; pure. Text is bytes.
 *
 * Invariant: what a client chooses of the name cannot lead out of `base`, the part of the directory that has no variable in it: `..` and
 * names with a dot at their beginning are no files here (`handlers/static/paths.ts`), and links out of it are not followed (`files.ts`).
 */
import type { CompiledLocation, SiteRequest } from './site-request.ts'

/** Empty: the location has no directory. */
export function fileName(request: SiteRequest, uri: string): string {
  const { directory, fileKind, prefix } = request.location
  if (directory === null) return ''
  if (fileKind === 'whole') return directory(request)
  const own = fileKind === 'below-prefix' ? `/${uri.slice(prefix.length)}` : uri
  return directory(request) + own
}

/** Below `base`; null: it cannot be a file of the location. */
export function belowBase(location: CompiledLocation, name: string): string | null {
  const { base } = location
  if (base === null || !name.startsWith(base) || name.charAt(base.length) !== '/') return null
  return name.slice(base.length + 1)
}
