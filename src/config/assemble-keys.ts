/**
 * What an `[[app]]` has besides settings: its name, which requests are its own, its pools; and what two applications may not have both.
 * Runs in the command line, and in the master when it reloads.
 */
import type { GivenApp } from './applications.ts'
import type { Diagnostic } from './diagnostics.ts'
import {
  DEFAULT_NAME,
  MAX_APPLICATIONS,
  MAX_HOSTS,
  MAX_POOL_PATHS,
  MAX_POOLS,
  nameOfPath,
} from './kinds/application-keys.ts'
import type { WorkingDirectory } from './machine/environment.ts'
import type { Setting } from './settings/setting.ts'
import { appKeys, poolKeys } from './settings/tables.ts'
import type { FileTable } from './sources/app-tables.ts'
import { formatPlace } from './sources/given.ts'
import type { FileOrigin } from './sources/table-reader.ts'
import type { AppConfig, PoolConfig } from './types.ts'
import { Values } from './values.ts'

export type AppKeys = Pick<AppConfig, 'name' | 'path' | 'hosts' | 'pools'>

/** `values`: of the application. `root`: its `root-path`. */
export function readKeys(app: GivenApp, values: Values, root: string, where: WorkingDirectory): AppKeys {
  if (app.origin === null) return { name: DEFAULT_NAME, path: '', hosts: [], pools: [MAIN_POOL] }
  const name = values.one(appKeys.name) ?? ''
  if (!values.isGiven(appKeys.name) && !app.hasMistake)
    values.tell(app.origin, 'an application needs a name, as in name = "shop"')
  const path = values.one(appKeys.path)
  return { name, path, hosts: readHosts(values), pools: readPools(app.pools, root + path, values, where) }
}

const MAIN_POOL: PoolConfig = { name: '', paths: [], workers: null }

function readHosts(values: Values): string[] {
  const hosts: string[] = []
  for (const { value, given } of values.taken(appKeys.hosts)) {
    if (hosts.includes(value)) values.report(appKeys.hosts, `has ${value} twice: each host may be given once`, given)
    else hosts.push(value)
  }
  if (hosts.length > MAX_HOSTS) values.report(appKeys.hosts, `has ${hosts.length} hosts: ${MAX_HOSTS} at most`)
  return hosts
}

/** `full`: the application's root for clients; a path that begins with it is understood as well, as in `static`. */
function readPools(pools: readonly FileTable[], full: string, values: Values, where: WorkingDirectory): PoolConfig[] {
  const [paths, names] = [new Set<string>(), new Set<string>()]
  const read = pools.map(({ origin, values: settings, hasMistake }): PoolConfig => {
    const own = new Values(settings, where, values.diagnostics)
    if (pools.length > MAX_POOLS && origin === pools[MAX_POOLS]!.origin)
      own.tell(origin, `an application has ${MAX_POOLS} pools at most: this one has ${pools.length}`)
    const taken = own.taken(poolKeys.paths).map(({ value, given }) => ({ path: belowFull(value, full), given }))
    const twice = taken.filter(({ path }, i) => paths.has(path) || taken.findIndex(one => one.path === path) < i)
    for (const { path, given } of twice) own.report(poolKeys.paths, `has ${path} twice: a path is for one pool`, given)
    for (const { path } of taken) paths.add(path)
    if (taken.length > MAX_POOL_PATHS)
      own.report(poolKeys.paths, `has ${taken.length} paths: ${MAX_POOL_PATHS} at most`)
    if (!own.isGiven(poolKeys.paths) && !hasMistake) own.tell(origin, 'a pool needs paths, as in paths = ["/export"]')
    const workers = own.one(poolKeys.workers)
    if (!own.isGiven(poolKeys.workers) && !hasMistake) own.tell(origin, 'a pool needs workers, as in workers = 2')
    const name = own.one(poolKeys.name) ?? nameOfPath(taken[0]?.path ?? '')
    if (name === '' && taken.length > 0 && !own.isGiven(poolKeys.name))
      own.tell(origin, `a pool for ${taken[0]!.path} needs a name: none can be made of the path`)
    if (name !== '' && names.has(name) && twice.length === 0)
      own.tell(origin, `another pool of the application is called ${name}: give this one another name`)
    names.add(name)
    return { name, paths: taken.map(({ path }) => path), workers }
  })
  return [MAIN_POOL, ...read]
}

function belowFull(path: string, full: string): string {
  return full !== '' && path.startsWith(`${full}/`) ? path.slice(full.length) : path
}

interface ReadApp {
  readonly given: GivenApp
  readonly keys: AppKeys
  readonly values: Values
}

/** Both places are named: the user may want to change the other one. `areRoutes`: without hosts an application is for all of them; else sites say it. */
export function refuseConflicts(apps: readonly ReadApp[], areRoutes: boolean): Diagnostic[] {
  const found: Diagnostic[] = []
  if (apps.length > MAX_APPLICATIONS)
    found.push(at(apps[MAX_APPLICATIONS]!.given, `there are ${apps.length} applications: ${MAX_APPLICATIONS} at most`))
  const names = new Map<string, GivenApp>()
  const claims = new Map<string, ReadApp>()
  for (const one of apps) {
    const { given, keys } = one
    const same = names.get(keys.name)
    if (keys.name !== '' && same !== undefined)
      found.push(
        at(given, `an application called ${keys.name} is at ${placeOf(same)} already: each has a name of its own`),
      )
    names.set(keys.name, same ?? given)
    // Several locations may lead to it, and its path is its prefix only.
    if (!areRoutes && keys.hosts.length === 0) continue
    // What it claims is not known. With `path = "api"` it seems to be everything.
    if (given.hasMistake || isRefused(appKeys.path, one.values) || isRefused(appKeys.hosts, one.values)) continue
    for (const host of keys.hosts.length === 0 ? [null] : keys.hosts) {
      const claim = `${host ?? ''} ${keys.path}`
      const other = claims.get(claim)
      claims.set(claim, other ?? one)
      if (other === undefined) continue
      const what = `the path ${keys.path || '/'} of ${host === null ? 'all hosts' : host}`
      const whose = other.given.origin === null ? whoseFlat(other.given) : other.keys.name
      found.push(
        at(
          given,
          `${what} is for the application ${whose} (${placeOf(other.given)}) already: give one of them another path, or hosts`,
        ),
      )
      break
    }
  }
  return found
}

/** `jumak statsu` beside a file with applications: the word is what the user may want to change. */
function whoseFlat({ settings }: GivenApp): string {
  const app = settings.get('app')?.[0]
  const isFile = app === undefined || app.origin.from === 'file'
  return isFile ? 'of the settings at the top of the file' : `'${app.text}'`
}

function isRefused(key: Setting, values: Values): boolean {
  return values.givens(key).some(({ text }) => 'problem' in key.kind.parse(text))
}

function at({ origin }: GivenApp, problem: string): Diagnostic {
  const subject = origin === null ? 'APP' : placeIn(origin)
  return { subject, message: `${subject}: ${problem}` }
}

/** `jumak.toml:3:3`; of the flat settings the place where APP is given. */
function placeOf({ origin, settings }: GivenApp): string {
  if (origin !== null) return placeIn(origin)
  const app = settings.get('app')?.[0]?.origin
  if (app?.from === 'file') return placeIn(app)
  return app?.from === 'variable' ? app.name : 'APP'
}

function placeIn({ file, position }: FileOrigin): string {
  return formatPlace(file, position)
}
