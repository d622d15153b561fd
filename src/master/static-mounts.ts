/** What a Django project's settings add to the directories that the configuration names. Runs in the master; pure. */
import type { Config, StaticMount } from '../config/types.ts'
import type { LoadedApplication } from '../control/messages.ts'

/** What was found, unless it is not wanted or the configuration names another directory for its URL. */
export function foundMount(application: LoadedApplication | null, config: Config): StaticMount | null {
  const found = application?.static ?? null
  const isUsed = found !== null && config.findStatic && config.staticMounts.every(mount => mount.url !== found.url)
  return isUsed ? found : null
}

/**
 * Of the generation that comes up first, then of the one that serves: while both answer, the pages of both find their files.
 * Projects that are deployed into a new directory each time have a STATIC_ROOT in each.
 */
export function foundMounts(newestFirst: readonly (LoadedApplication | null)[], config: Config): StaticMount[] {
  return newestFirst.flatMap(application => foundMount(application, config) ?? [])
}
