/**
 * HUP and `jumak reload`: reads the configuration again and starts new generations, of all applications or of one. Runs in the master.
 *
 * Invariants: if something is wrong with the configuration, nothing changes. Processes of two versions of the program never work together:
 * when its files have been replaced, a reload is an upgrade. The service manager hears of the end of each reload, also of a refused one.
 * Not here: how a generation takes over (`fleet/`).
 */
import type { Config } from '../config/types.ts'
import type { ReloadBegun } from './admin/target.ts'
import { OperatorError } from './errors.ts'
import type { Fleets } from './fleet/fleets.ts'
import { prepareGatewayLogs } from './output/log-files.ts'
import type { Narrator } from './output/narrator.ts'
import type { Readiness } from './readiness.ts'
import type { ConfigSource } from './source.ts'
import type { Certificates } from './tls/certificates.ts'
import type { Upgrades } from './upgrade/upgrades.ts'

export interface ReloadsOptions {
  readonly source: Pick<ConfigSource, 'reload' | 'evaluated'>
  readonly narrator: Narrator
  readonly readiness: Readiness
  readonly upgrades: Upgrades
  /** Null: they are not made yet. */
  readonly fleets: () => Fleets | null
  /** Null: no listener has TLS. */
  readonly certificates: () => Certificates | null
  /** We are a new Jumak that has not taken over yet. */
  readonly isOnTrial: () => boolean
  readonly isStopping: () => boolean
  /** It is in force from now on. */
  readonly configured: (config: Config) => void
}

export class Reloads {
  readonly #options: ReloadsOptions
  /** The evaluation of the configuration's file that runs, or the last one. */
  #evaluation: Promise<readonly string[]> = Promise.resolve([])

  constructor(options: ReloadsOptions) {
    this.#options = options
  }

  /** Of all applications, or of `only` one. */
  async reload(only: string | null): Promise<ReloadBegun> {
    const { source, upgrades, isStopping, narrator, readiness } = this.#options
    const { evaluated } = source
    if (evaluated === null || this.obstacle !== null || upgrades.hasNewFiles) return this.#reloadNow(only)
    // One after the other: each has the file as it is then.
    const again = () => (isStopping() ? ['the program is stopping'] : evaluated.again())
    this.#evaluation = this.#evaluation.then(again, again)
    const problems = await this.#evaluation
    if (problems.length === 0) return this.#reloadNow(only)
    if (!isStopping()) narrator.reloadRefused(problems)
    readiness.tell()
    return { problems, later: '' }
  }

  /** Why there can be no reload now; null: there can. */
  get obstacle(): string | null {
    const { upgrades, isOnTrial } = this.#options
    return upgrades.isRunning || isOnTrial() ? 'an upgrade is on its way; try again when it is over' : null
  }

  #reloadNow(only: string | null): ReloadBegun {
    const { narrator, readiness, fleets, upgrades } = this.#options
    const { obstacle } = this
    if (obstacle !== null) {
      narrator.error(`reload: ${obstacle}`)
      // The end of the upgrade says that it is over.
      readiness.reloading('upgrade')
      return { problems: [obstacle], later: '' }
    }
    if (upgrades.hasNewFiles) {
      readiness.reloading('upgrade')
      if ('problem' in upgrades.begin('reload: the program has new files')) readiness.tell()
      return { problems: [], later: '' }
    }
    readiness.reloading()
    const read = readConfig(only, this.#options)
    if ('added' in read)
      for (const fleet of fleets()?.present ?? [])
        if (!read.added.has(fleet.name) && (only === null || only === fleet.name)) fleet.reload()
    // Where nothing was begun.
    readiness.tell()
    return 'problems' in read ? { problems: read.problems, later: '' } : { problems: [], later: read.later }
  }
}

/** Returns the applications that were added, which are being started, and what waits for the next start. */
function readConfig(
  only: string | null,
  { source, narrator, fleets, certificates, configured }: ReloadsOptions,
): { readonly added: ReadonlySet<string>; readonly later: string } | { readonly problems: readonly string[] } {
  const read = source.reload(only)
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
  const current = only === null ? certificates() : null
  const problems = current?.reload(read.config.tls) ?? []
  if (problems.length > 0) {
    narrator.reloadRefused(problems)
    return { problems }
  }
  configured(read.config)
  const later = narrator.configured(read.config, read.changed, read.apps.changed)
  for (const warning of read.warnings) narrator.warn(warning)
  current?.tellDoubts(read.config)
  return { added: fleets()?.configure(read.config) ?? new Set(), later }
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
