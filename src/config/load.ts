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
import { isDeepStrictEqual } from 'node:util'
import type { SitesModel } from '../sites/model.ts'
import { locateSocket } from './admin-socket.ts'
import { type GivenApp, type GivenSettings, givenSettings, isDifferent } from './applications.ts'
import { assembleConfig } from './assemble.ts'
import { hasTls } from './assemble-tls.ts'
import { warningsOf } from './combinations.ts'
import { type Diagnostic, distinct } from './diagnostics.ts'
import { logicalWorkingDirectory } from './machine/directory.ts'
import type { Environment } from './machine/environment.ts'
import { account } from './settings/account.ts'
import { application } from './settings/application.ts'
import { cgi } from './settings/cgi.ts'
import { APPLICATION_SETTINGS, SETTINGS } from './settings/index.ts'
import { listening } from './settings/listening.ts'
import { processes } from './settings/processes.ts'
import { type Setting, settingsIn } from './settings/setting.ts'
import { APP_KEYS, POOL_KEYS } from './settings/tables.ts'
import { tls } from './settings/tls.ts'
import { TLS_KEYS } from './settings/tls-entry.ts'
import type { FileTable } from './sources/app-tables.ts'
import type { Arguments } from './sources/arguments.ts'
import { NOTHING, readConfigFile } from './sources/config-file.ts'
import { type Given, nameOf } from './sources/given.ts'
import type { FileSites } from './sources/site-tables.ts'
import { platformValue, readVariables } from './sources/variables.ts'
import { watchedFiles } from './sources/watched-files.ts'
import type { AdminSocket, ChangedApps, ChangedSetting, Config, Reloaded, WatchedFiles } from './types.ts'
import { merge, type Settings, Values } from './values.ts'

export interface Loaded {
  readonly config: Config
  /** Useless or surprising combinations, a sentence each. */
  readonly warnings: readonly string[]
  /** What was given: for `--print-config`, and to compare at the next reload. */
  readonly settings: GivenSettings
  /** Absolute path of the configuration's file; null: there is none. */
  readonly file: string | null
}

export type LoadResult = Loaded | (Pick<Loaded, 'settings'> & { readonly diagnostics: readonly Diagnostic[] })

/** What compiling finds in sites (`check-sites.ts`). Given from outside: a command for a running program loads nothing that serves. */
export type CheckSites = (model: SitesModel, values: Values) => void

const NOT_LOOKED_AT: CheckSites = () => {}

/** Reads only the configuration's file, the application's text, error pages, and what the system says of the machine. */
export function loadConfig(
  args: Arguments,
  environment: Environment,
  checkSites: CheckSites = NOT_LOOKED_AT,
): LoadResult {
  const { settings, diagnostics, warnings, file, mayHaveApps } = readSources(args, environment)
  const values = new Values(settings.program, environment, [...diagnostics])
  const config = assembleConfig(settings, values, environment, args.isPositionalUncertain || mayHaveApps, file)
  if (config !== null) checkSites(config.sites, values)
  if (config === null || values.diagnostics.length > 0) return { diagnostics: distinct(values.diagnostics), settings }
  return {
    config,
    warnings: [...warnings, ...values.warnings, ...warningsOf(settings, config, environment)],
    settings,
    file,
  }
}

/**
 * Where the program with this configuration has its admin socket. Whether it has an application is not looked at. A file with a mistake
 * does not hide a program that runs: it was started before the mistake was made. `diagnostics`: of everything else in the file.
 */
export function locateAdminSocket(
  args: Arguments,
  environment: Environment,
): { readonly socket: AdminSocket | null; readonly diagnostics: readonly Diagnostic[] } {
  const { settings, diagnostics, file } = readSources(args, environment)
  const values = new Values(settings.program, environment)
  const socket = locateSocket(values, environment, file)
  return {
    socket: values.diagnostics.length > 0 ? null : socket,
    diagnostics: [...diagnostics, ...values.diagnostics],
  }
}

/**
 * Reads the configuration again: the same words and variables, and the files as they are now. A setting that needs a restart keeps its
 * value, of the program and of each application that was there before, and is in `changed`. A new application comes as a whole.
 * `only`: one application; all else stays as it was.
 */
export function reloadConfig(
  args: Arguments,
  environment: Environment,
  before: Loaded,
  checkSites: CheckSites,
  only: string | null = null,
): ReloadResult {
  const loaded = loadConfig(args, environment, checkSites)
  if ('diagnostics' in loaded) return loaded
  const [old, now] = [
    before.settings,
    only === null ? loaded.settings : withOne(before.settings, loaded.settings, only),
  ]
  // Addresses without a scheme would speak something else, and the gateway that has them does not change that.
  const startsOrEndsTls = hasTls(before.config.tls) !== hasTls(loaded.config.tls)
  // A redirect may need an address that is new, and which that gateway does not have either.
  const isBoundAnew = isDifferent(listening.bind, old.program, now.program)
  const waits = (setting: Setting) =>
    (startsOrEndsTls && OF_TLS.includes(setting)) || (isBoundAnew && OF_ADDRESSES.includes(setting))
  const different = SETTINGS.filter(setting => isDifferent(setting, old.program, now.program)).map(setting =>
    waits(setting) ? { ...setting, change: 'restart' as const } : setting,
  )
  const oldApps = new Map(old.apps.map(app => [app.name, app]))
  const changedApps = now.apps.flatMap(app => {
    const settings = changesOf(oldApps.get(app.name) ?? app, app)
    return settings.length > 0 ? [{ app: app.name, settings }] : []
  })
  const settings = {
    program: withOld(now.program, old.program, different),
    apps: now.apps.map(app => keepOld(app, oldApps.get(app.name))),
    tls: startsOrEndsTls ? old.tls : now.tls,
    sites: now.sites,
    keyPassword: now.keyPassword ?? null,
  }
  // A new value that was right must be right together with the values that are kept.
  const values = new Values(settings.program, environment)
  const config = assembleConfig(settings, values, environment, false, loaded.file, before.config)
  if (config === null || values.diagnostics.length > 0) return { diagnostics: distinct(values.diagnostics) }
  const names = new Set(now.apps.map(app => app.name))
  const apps: ChangedApps = {
    added: [...names].filter(name => !oldApps.has(name)),
    removed: [...oldApps.keys()].filter(name => !names.has(name)),
    changed: changedApps,
  }
  const changed = different.filter(setting => isOfProgram(setting, now.program, changedApps)).map(nameAndChange)
  if (!haveSame(TLS_KEYS, old.tls, now.tls))
    changed.push({ name: '[[tls]]', change: startsOrEndsTls ? 'restart' : 'live' })
  if (!isDeepStrictEqual(before.config.sites, config.sites)) changed.push({ name: '[[site]]', change: 'live' })
  return { config, warnings: loaded.warnings, settings, file: loaded.file, changed, apps }
}

/** A flat setting of applications is told by those that inherit it. The flat user may be that of the gateway alone. */
function isOfProgram(setting: Setting, program: Settings, changedApps: ChangedApps['changed']): boolean {
  if (!APPLICATION_SETTINGS.has(setting)) return true
  const isOfGateway = settingsIn(account).includes(setting) && !program.has(processes.gatewayUser.name)
  return isOfGateway && !changedApps.some(({ settings }) => settings.some(({ name }) => name === setting.name))
}

export type ReloadResult =
  | (Loaded & { readonly changed: readonly ChangedSetting[]; readonly apps: ChangedApps })
  | { readonly diagnostics: readonly Diagnostic[] }

/** `old`, but one application as it is `now`. One that is gone from the file stays until all are reloaded. */
function withOne(old: GivenSettings, now: GivenSettings, only: string): GivenSettings {
  const app = now.apps.find(({ name }) => name === only)
  return { ...old, apps: old.apps.map(one => (one.name === only && app !== undefined ? app : one)) }
}

/** The master calls it at HUP, and to reload `only` one application. It remembers the last configuration that was right. `args`: as they are then. */
export function reloader(
  args: () => Arguments,
  environment: Environment,
  loaded: Loaded,
  checkSites: CheckSites = NOT_LOOKED_AT,
): (only?: string | null) => Reloaded {
  let last = loaded
  return (only = null) => {
    const result = reloadConfig(args(), environment, last, checkSites, only)
    if ('diagnostics' in result) return { problems: result.diagnostics.map(one => one.message) }
    last = result
    return { config: result.config, changed: result.changed, apps: result.apps, warnings: result.warnings }
  }
}

const OF_TLS: readonly Setting[] = settingsIn(tls)
const OF_ADDRESSES: readonly Setting[] = settingsIn(tls.https)
const OF_APPS: readonly Setting[] = [...APP_KEYS, ...APPLICATION_SETTINGS]

function changesOf(before: GivenApp, after: GivenApp): ChangedSetting[] {
  const changed = OF_APPS.filter(setting => isDifferent(setting, before.settings, after.settings)).map(nameAndChange)
  return haveSame(POOL_KEYS, before.pools, after.pools) ? changed : [...changed, { name: 'pool', change: 'live' }]
}

function haveSame(keys: readonly Setting[], before: readonly FileTable[], after: readonly FileTable[]): boolean {
  return (
    before.length === after.length &&
    before.every(({ values }, i) => !keys.some(key => isDifferent(key, values, after[i]!.values)))
  )
}

function nameAndChange({ name, change }: Setting): ChangedSetting {
  return { name, change }
}

function keepOld(app: GivenApp, before: GivenApp | undefined): GivenApp {
  if (before === undefined) return app
  const changed = OF_APPS.filter(setting => isDifferent(setting, before.settings, app.settings))
  return { ...app, settings: withOld(app.settings, before.settings, changed) }
}

/** `now`, but settings that need a restart of the program as they were. */
function withOld(now: Settings, before: Settings, changed: readonly Setting[]): Settings {
  const settings = new Map(now)
  for (const { name, change } of changed) {
    const old = before.get(name)
    if (change !== 'restart') continue
    if (old === undefined) settings.delete(name)
    else settings.set(name, old)
  }
  return settings
}

/** The configuration's files, for `--reload`. */
export function filesOfConfig(args: Arguments, environment: Environment): WatchedFiles {
  return watchedFiles(readSources(args, environment).patterns)
}

/** `--cgi`: the simplest site. */
function withCgi(sites: FileSites, given: readonly Given[] | undefined): FileSites {
  if (given === undefined || given[0]?.text === 'off') return sites
  const { origin } = sites.defaults
  const site = { origin, values: new Map([[cgi.cgiSite.name, given]]), hasMistake: false, locations: [], rewrites: [] }
  return { ...sites, sites: [...sites.sites, site] }
}

interface Sources {
  readonly settings: GivenSettings
  readonly diagnostics: readonly Diagnostic[]
  readonly warnings: readonly string[]
  readonly file: string | null
  /** All files that were read (`FromFile.patterns`). */
  readonly patterns: readonly string[]
  /** No application is known, and the file, which is wrong, may be the one to name it. */
  readonly mayHaveApps: boolean
}

function readSources(args: Arguments, environment: Environment): Sources {
  const variables = readVariables(environment.variables)
  const named = new Values(merge([args.values, variables.values]), environment)
  const path = named.one(application.config)
  const file =
    args.adapted === null
      ? readConfigFile(path, nameOf(application.config, named.givens(application.config)[0]!.origin), environment)
      : NOTHING
  const settings = new Map(merge([args.values, variables.values, file.values]))
  for (const name of ['bind', 'workers'] as const) {
    const given = settings.has(name) ? null : platformValue(name, environment.variables)
    if (given !== null) settings.set(name, [given])
  }
  for (const [name, givens] of args.adapted?.defaults ?? []) if (!settings.has(name)) settings.set(name, givens)
  const sites = withCgi(file.sites, settings.get(cgi.cgiSite.name))
  const diagnostics = [...args.diagnostics, ...variables.diagnostics, ...named.diagnostics, ...file.diagnostics]
  const absolute = file.file === null ? null : resolve(logicalWorkingDirectory(environment), file.file)
  return {
    settings: {
      ...givenSettings(settings, file.apps, file.tls, sites, args.adapted?.configuration ?? null),
      keyPassword: args.adapted?.keyPassword ?? null,
    },
    diagnostics,
    warnings: [...(args.adapted?.notes ?? []), ...file.warnings],
    file: absolute,
    patterns: file.patterns,
    mayHaveApps: file.mayHaveApps && !settings.has(application.app.name),
  }
}
