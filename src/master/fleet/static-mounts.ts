/** The directories of static files that a Django project's settings add to those of the configuration. Pure. */
import type { AppConfig, StaticMount } from '../../config/types.ts'
import type { LoadedApplication } from '../../control/messages.ts'

/**
 * The directories that were found, without URLs for which the configuration names a directory. With `--static off` nothing is found.
 * None where the gateway is another user (`isApart`): the application could name a directory that it may not read.
 */
export function mountsOf(
  application: LoadedApplication | null,
  app: AppConfig,
  isApart: boolean,
): readonly StaticMount[] {
  if (isApart) return []
  const rootPath = app.rootPath + app.path
  const configured = new Set(app.staticMounts.map(({ url }) => withoutRoot(url, rootPath)))
  return (application?.static?.mounts ?? []).filter(({ url }) => !configured.has(withoutRoot(url, rootPath)))
}

/** A URL with the root path and the same URL without it are one (`handlers/static/paths.ts`). */
function withoutRoot(url: string, rootPath: string): string {
  return url.startsWith(`${rootPath}/`) ? url.slice(rootPath.length) : url
}

/**
 * The newest generation's directories come first, then those of the one that serves: while both answer, the pages of both find their
 * files. A project that is deployed into a new directory each time has a STATIC_ROOT in each of them.
 */
export function foundMounts(
  newestFirst: readonly (LoadedApplication | null)[],
  app: AppConfig,
  isApart: boolean,
): StaticMount[] {
  return newestFirst.flatMap(application => mountsOf(application, app, isApart))
}
