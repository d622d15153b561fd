/**
 * From the path of a request to the path of a file below a mount's directory, as text only. A path that leads out of the directory, or to a
 * hidden file, is no file. Pure. Not here: links (`files.ts`).
 */
import type { StaticMount } from '../../config/types.ts'
import { isBelow, requestForms } from '../../http/application-root.ts'

/** One URL and the directories of its files. There are two directories while one generation replaces another. */
export interface Mount {
  readonly url: string
  readonly directories: readonly string[]
}

/**
 * Sorts by URL, the longest first. The directories of one URL keep their order. The proxy in front may have stripped the root path or not:
 * both paths are found, as for the application.
 */
export function arrangeMounts(mounts: readonly StaticMount[], rootPath: string, appPath = ''): readonly Mount[] {
  const byUrl = new Map<string, string[]>()
  const given = [...Map.groupBy(mounts, one => one.url)].map(([url, same]) => ({
    url,
    directories: [...new Set(same.map(one => one.directory))],
    forms: requestForms(url, rootPath, appPath),
  }))
  for (const { url, directories, forms } of given) if (forms.includes(url)) byUrl.set(url, directories)
  for (const { directories, forms } of given)
    for (const form of forms) if (!byUrl.has(form)) byUrl.set(form, directories)
  return [...byUrl].map(([url, directories]) => ({ url, directories })).sort((a, b) => b.url.length - a.url.length)
}

export function findMount(mounts: readonly Mount[], path: string): Mount | undefined {
  for (const mount of mounts) if (path.startsWith(mount.url)) return mount
  return undefined
}

/**
 * The path as the mounts have it. A proxy that names the prefix of its own (X-Forwarded-Prefix) may have taken it from the path or not: the
 * form counts of which a mount has the longer part, and the path as it came where both have the same. `prefix`: bytes.
 */
export function withoutPrefix(mounts: readonly Mount[], path: string, prefix: string): string {
  const own = Buffer.from(prefix, 'latin1').toString('utf8')
  if (!isBelow(path, own) || path.length === own.length) return path
  const stripped = path.slice(own.length)
  return restOf(mounts, stripped) < restOf(mounts, path) ? stripped : path
}

function restOf(mounts: readonly Mount[], path: string): number {
  const mount = findMount(mounts, path)
  return mount === undefined ? Number.POSITIVE_INFINITY : path.length - mount.url.length
}

/** Empty segments, segments that begin with a dot (`.`, `..`, `.git`), control characters, backslashes. */
const REFUSED = /(?:^|\/)(?:\.|\/|$)|[\x00-\x1f\x7f\\]/
const WELL_KNOWN = '.well-known/'

/** For the files of locations: `relative` is below their base. Empty: the base itself; a slash at its end: a directory. */
export function isPublicName(relative: string): boolean {
  const name = relative.endsWith('/') ? relative.slice(0, -1) : relative
  return name === '' || !REFUSED.test(name.replace(IS_WELL_KNOWN, '$1'))
}

/** The first one only. It is at the root of a site, which may be below the base: `/srv/$host`. */
const IS_WELL_KNOWN = /(^|\/)\.well-known(?:\/|$)/

/** The file's path below the mount's directory; null: the path can mean no file. `path` is decoded and below `mount.url`. */
export function relativePath(mount: Mount, path: string): string | null {
  const relative = path.slice(mount.url.length)
  // RFC8615: the only hidden directory that is public.
  const checked = mount.url === '/' && relative.startsWith(WELL_KNOWN) ? relative.slice(WELL_KNOWN.length) : relative
  return REFUSED.test(checked) ? null : relative
}
