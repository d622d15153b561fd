/**
 * HUP and `jumak reload`: reads the configuration again and starts new generations, of all applications or of one. Runs in the master.
 *
 * Invariants: if something is wrong with the configuration, nothing changes. Processes of two versions of the program never work together:
 * when its files have been replaced, a reload is an upgrade. The service manager hears of the end of each reload, also of a refused one.
 * Not here: how a generation takes over (`fleet/`).
 */
import type { Config, Reloaded } from '../config/types.ts'
import type { ReloadBegun } from './admin/target.ts'
import { OperatorError } from './errors.ts'
import type { Fleets } from './fleet/fleets.ts'
import { prepareGatewayLogs } from './output/log-files.ts'
import type { Narrator } from './output/narrator.ts'
import type { Notifier } from './output/notifier.ts'
import type { Certificates } from './tls/certificates.ts'
import type { Upgrades } from './upgrade/upgrades.ts'

export interface ReloadOptions {
  /** Reads the configuration; null: that is not possible. */
  readonly read: (only: string | null) => Reloaded | null
  readonly narrator: Narrator
  readonly notifier: Notifier | null
  readonly fleets: Fleets | null
  readonly upgrades: Upgrades
  /** Null: no listener has TLS. */
  readonly certificates: Certificates | null
  /** Why there can be no reload now; null: there can. */
  readonly obstacle: string | null
  /** It is in force from now on. */
  readonly configured: (config: Config) => void
  readonly tellReady: () => void
}

/** `only`: one application; null: all. */
export function reload(only: string | null, options: ReloadOptions): ReloadBegun {
  const { narrator, notifier, fleets, upgrades, obstacle, tellReady } = options
  if (obstacle !== null) {
    narrator.error(`reload: ${obstacle}`)
    // The end of the upgrade says that it is over.
    notifier?.reloading('upgrade')
    return { problems: [obstacle], later: '' }
  }
  if (upgrades.hasNewFiles) {
    notifier?.reloading('upgrade')
    if ('problem' in upgrades.begin('reload: the program has new files')) tellReady()
    return { problems: [], later: '' }
  }
  notifier?.reloading()
  const read = readConfig(only, options)
  if ('added' in read)
    for (const fleet of fleets?.present ?? [])
      if (!read.added.has(fleet.name) && (only === null || only === fleet.name)) fleet.reload()
  // Where nothing was begun.
  tellReady()
  return 'problems' in read ? { problems: read.problems, later: '' } : { problems: [], later: read.later }
}

/** Returns the applications that were added, which are being started, and what waits for the next start. */
function readConfig(
  only: string | null,
  { read: readAgain, narrator, fleets, certificates, configured }: ReloadOptions,
): { readonly added: ReadonlySet<string>; readonly later: string } | { readonly problems: readonly string[] } {
  const read = readAgain(only)
  if (read === null) return { added: new Set(), later: '' }
  if ('problems' in read) {
    narrator.reloadRefused(read.problems)
    return read
  }
  const unwritable = problemOfLogs(read.config)
  if (unwritable !== null) {
    narrator.reloadRefused([unwritable])
    return { problems: [unwritable] }
  }
  // The reload of one application reads no certificates.
  const current = only === null ? certificates : null
  const problems = current?.reload(read.config.tls) ?? []
  if (problems.length > 0) {
    narrator.reloadRefused(problems)
    return { problems }
  }
  configured(read.config)
  const later = narrator.configured(read.config, read.changed, read.apps.changed)
  for (const warning of read.warnings) narrator.warn(warning)
  current?.tellDoubts(read.config)
  return { added: fleets?.configure(read.config) ?? new Set(), later }
}

/** The gateway could not write a log that is new. Null: it can. */
function problemOfLogs(config: Config): string | null {
  try {
    prepareGatewayLogs(config)
    return null
  } catch (error) {
    if (error instanceof OperatorError) return error.message
    throw error
  }
}
