/**
 * From the command line, the environment and a file to a frozen configuration, or to all that is wrong with it at once.
 * Runs in the command line, before anything is bound or spawned, and in the master when it reloads.
 *
 * Invariants: there is a configuration only without any diagnostic. Each mistake has one diagnostic, and a mistake that only follows
 * from another has none (if the directory is wrong, nothing is said about the application).
 *
 * Not here: what the values may be (`settings/`), and whether an address, a Python or a log can be used: the code that opens it
 * finds that.
 */

import { resolve } from 'node:path'
import { locateSocket } from './admin-socket.ts'
import { assembleConfig } from './assemble.ts'
import { warnOfCombinations } from './combinations.ts'
import type { Diagnostic } from './diagnostics.ts'
import { logicalWorkingDirectory } from './machine/directory.ts'
import type { Environment } from './machine/environment.ts'
import { application } from './settings/application.ts'
import { SETTINGS } from './settings/index.ts'
import type { Setting } from './settings/setting.ts'
import type { Arguments } from './sources/arguments.ts'
import { readConfigFile } from './sources/config-file.ts'
import { type Given, nameOf } from './sources/given.ts'
import { platformValue, readVariables } from './sources/variables.ts'
import type { AdminSocket, Config, Reloaded } from './types.ts'
import { merge, type Settings, Values } from './values.ts'

export interface Loaded {
  readonly config: Config
  /** Useless or surprising combinations, a sentence each. */
  readonly warnings: readonly string[]
  /** What was given: for `--print-config`, and to compare at the next reload. */
  readonly settings: Settings
  /** Absolute path of the configuration's file; null: there is none. */
  readonly file: string | null
}

export type LoadResult = Loaded | (Pick<Loaded, 'settings'> & { readonly diagnostics: readonly Diagnostic[] })

/** Reads only the configuration's file, the application's text, error pages, and what the system says of the machine. */
export function loadConfig(args: Arguments, environment: Environment): LoadResult {
  const { settings, diagnostics, warnings, file } = readSources(args, environment)
  const values = new Values(settings, environment, [...diagnostics])
  const config = assembleConfig(values, environment, args.isPositionalUncertain, file)
  if (config === null || values.diagnostics.length > 0) return { diagnostics: values.diagnostics, settings }
  warnOfCombinations(values, config, environment)
  return { config, warnings: [...warnings, ...values.warnings], settings, file }
}

/** Where the program with this configuration has its admin socket. Whether it has an application is not looked at. */
export function locateAdminSocket(
  args: Arguments,
  environment: Environment,
): AdminSocket | { readonly diagnostics: readonly Diagnostic[] } {
  const { settings, diagnostics, file } = readSources(args, environment)
  const values = new Values(settings, environment, [...diagnostics])
  const found = locateSocket(values, environment, file)
  return values.diagnostics.length > 0 ? { diagnostics: values.diagnostics } : found
}

/**
 * Reads the configuration again: the same words and variables, and the file as it is now. A setting that needs a restart keeps its
 * value and is in `changed`.
 */
export function reloadConfig(args: Arguments, environment: Environment, before: Loaded): ReloadResult {
  const loaded = loadConfig(args, environment)
  if ('diagnostics' in loaded) return loaded
  const changed = SETTINGS.filter(({ name }) => isDifferent(before.settings.get(name), loaded.settings.get(name)))
  const kept = changed.filter(setting => setting.change === 'restart').map(setting => setting.name)
  const settings = new Map(loaded.settings)
  for (const name of kept) {
    const old = before.settings.get(name)
    if (old === undefined) settings.delete(name)
    else settings.set(name, old)
  }
  // A new value that was right must be right together with the values that are kept.
  const values = new Values(settings, environment)
  const config = assembleConfig(values, environment, false, loaded.file)
  if (config === null || values.diagnostics.length > 0) return { diagnostics: values.diagnostics }
  const named = changed.map(({ name, change }) => ({ name, change }))
  return { config, warnings: loaded.warnings, settings, file: loaded.file, changed: named }
}

export type ReloadResult =
  | (Loaded & { readonly changed: readonly ChangedSetting[] })
  | { readonly diagnostics: readonly Diagnostic[] }

export type ChangedSetting = Pick<Setting, 'name' | 'change'>

/** The master calls it at HUP. It remembers the last configuration that was right. */
export function reloader(args: Arguments, environment: Environment, loaded: Loaded): () => Reloaded {
  let last = loaded
  return () => {
    const result = reloadConfig(args, environment, last)
    if ('diagnostics' in result) return { problems: result.diagnostics.map(one => one.message) }
    last = result
    return { config: result.config, changed: result.changed, warnings: result.warnings }
  }
}

function isDifferent(a: readonly Given[] = [], b: readonly Given[] = []): boolean {
  return a.length !== b.length || a.some(({ text }, i) => text !== b[i]!.text)
}

interface Sources {
  readonly settings: Settings
  readonly diagnostics: readonly Diagnostic[]
  readonly warnings: readonly string[]
  readonly file: string | null
}

function readSources(args: Arguments, environment: Environment): Sources {
  const variables = readVariables(environment.variables)
  const named = new Values(merge([args.values, variables.values]), environment)
  const path = named.one(application.config)
  const file = readConfigFile(
    path,
    nameOf(application.config, named.givens(application.config)[0]!.origin),
    environment,
  )
  const settings = new Map(merge([args.values, variables.values, file.values]))
  for (const name of ['bind', 'workers'] as const) {
    const given = settings.has(name) ? null : platformValue(name, environment.variables)
    if (given !== null) settings.set(name, [given])
  }
  const diagnostics = [...args.diagnostics, ...variables.diagnostics, ...named.diagnostics, ...file.diagnostics]
  const absolute = file.file === null ? null : resolve(logicalWorkingDirectory(environment), file.file)
  return { settings, diagnostics, warnings: file.warnings, file: absolute }
}
