/** What a Django project's settings add to the directories that the configuration names. Runs in the master; pure. */
import type { Config, StaticMount } from '../../config/types.ts'
import type { LoadedApplication } from '../../control/messages.ts'

/** What was found, without URLs that the configuration names another directory for. Nothing is found where it is not wanted. */
export function mountsOf(application: LoadedApplication | null, config: Config): readonly StaticMount[] {
  const { rootPath } = config
  const configured = new Set(config.staticMounts.map(({ url }) => withoutRoot(url, rootPath)))
  return (application?.static?.mounts ?? []).filter(({ url }) => !configured.has(withoutRoot(url, rootPath)))
}

/** With the root path or without it is the same URL (`handlers/static/paths.ts`). */
function withoutRoot(url: string, rootPath: string): string {
  return url.startsWith(`${rootPath}/`) ? url.slice(rootPath.length) : url
}

/**
 * Of the generation that comes up first, then of the one that serves: while both answer, the pages of both find their files.
 * Projects that are deployed into a new directory each time have a STATIC_ROOT in each.
 */
export function foundMounts(newestFirst: readonly (LoadedApplication | null)[], config: Config): StaticMount[] {
  return newestFirst.flatMap(application => mountsOf(application, config))
}
