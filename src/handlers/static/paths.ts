/**
 * From the path of a request to the path of a file below a mount's directory, as text only: what leads out of it, or to what
 * nobody publishes on purpose, is no file. Links are the business of `files.ts`. Pure.
 */
import type { StaticMount } from '../../config/types.ts'

/** One URL, and where its files are looked for: while a generation replaces another one, two directories. */
export interface Mount {
  readonly url: string
  readonly directories: readonly string[]
}

/** The longest URL first; the directories of one URL in their order. */
export function arrangeMounts(mounts: readonly StaticMount[], rootPath: string): readonly Mount[] {
  const byUrl = new Map<string, string[]>()
  for (const [url, same] of Map.groupBy(mounts, mount => mount.url))
    byUrl.set(url, [...new Set(same.map(mount => mount.directory))])
  // The proxy in front may have stripped the root path or not; both are understood, as for the application.
  if (rootPath !== '')
    for (const [url, directories] of [...byUrl]) {
      const other = url.startsWith(`${rootPath}/`) ? url.slice(rootPath.length) : rootPath + url
      if (!byUrl.has(other)) byUrl.set(other, directories)
    }
  return [...byUrl].map(([url, directories]) => ({ url, directories })).sort((a, b) => b.url.length - a.url.length)
}

export function findMount(mounts: readonly Mount[], path: string): Mount | undefined {
  for (const mount of mounts) if (path.startsWith(mount.url)) return mount
  return undefined
}

/** Segments that are empty or begin with a dot (`.`, `..`, `.git`), control characters, backslashes. */
const REFUSED = /(?:^|\/)(?:\.|\/|$)|[\x00-\x1f\x7f\\]/
const WELL_KNOWN = '.well-known/'

/** The file's path below the mount's directory, or null when none can be meant. `path` is decoded and below `mount.url`. */
export function relativePath(mount: Mount, path: string): string | null {
  const relative = path.slice(mount.url.length)
  // RFC8615: the one hidden directory that is for everybody.
  const checked = mount.url === '/' && relative.startsWith(WELL_KNOWN) ? relative.slice(WELL_KNOWN.length) : relative
  return REFUSED.test(checked) ? null : relative
}
