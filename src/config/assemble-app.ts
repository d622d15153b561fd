/**
 * Makes the configuration of one application: plain values as they were given, all others computed, by one function for each. Runs in the
 * command line, and in the master when it reloads.
 *
 * Invariants: those of `assemble.ts`. Not here: the program's part (`assemble.ts`).
 */
import { accessSync, constants } from 'node:fs'
import { findTarget } from './application/app-target.ts'
import { discover, type Located } from './application/discover.ts'
import { SETTINGS_VARIABLE } from './application/django-project.ts'
import type { GivenApp } from './applications.ts'
import { type AppKeys, readKeys } from './assemble-keys.ts'
import { ADDRESS_SHARE, MEMORY_BUFFER, RESPONSE_BUFFER } from './defaults.ts'
import { readIdentity } from './identity.ts'
import { findDirectory } from './machine/directory.ts'
import type { Environment } from './machine/environment.ts'
import { isDirectory, isFile } from './machine/files.ts'
import { ASGI_WORKERS, autoWorkers } from './machine/workers.ts'
import { application } from './settings/application.ts'
import { content } from './settings/content.ts'
import { APPLICATION_GROUPS, type ApplicationValues } from './settings/index.ts'
import { queue } from './settings/queue.ts'
import type { Setting } from './settings/setting.ts'
import { staticFiles } from './settings/static.ts'
import { watching } from './settings/watching.ts'
import { workers } from './settings/workers.ts'
import type { AppConfig, PathTimeout, StaticMount } from './types.ts'
import type { Taken, Values } from './values.ts'

export interface AppCircumstances {
  readonly isDevelopment: boolean
  /** It is not known whether the flat settings are to be an application, or which: another mistake comes first. */
  readonly isAppUncertain: boolean
}

/** `config` is null if something is wrong, and a diagnostic says so. */
export function assembleApp(
  given: GivenApp,
  values: Values,
  environment: Environment,
  { isDevelopment, isAppUncertain }: AppCircumstances,
): { readonly keys: AppKeys; readonly config: AppConfig | null } {
  const directory = readDirectory(values, environment)
  const variables = readVariables(values)
  const settings = variables[SETTINGS_VARIABLE] || environment.variables[SETTINGS_VARIABLE] || null
  const located = isAppUncertain && given.origin === null ? null : readTarget(given, values, directory, settings)
  const plain = values.plain<ApplicationValues>(APPLICATION_GROUPS)
  const wanted = values.one(workers.workers)
  const auto = wanted === 'auto' ? autoWorkers(environment.machine, isDevelopment) : { workers: wanted, reason: '' }
  const watched = readDirectories(values, watching.watch)
  const mounts = readMounts(values)
  const warmup = values.all(application.warmup)
  const perAddress = values.one(queue.limits.requestsPerAddress)
  const keys = readKeys(given, values, plain.rootPath, environment)
  if (plain.workerClass === 'gevent' && plain.threads > 1)
    values.refuse(
      workers.threads,
      'must be 1 with worker-class gevent, where concurrency says what a worker runs at a time',
    )
  const rest = {
    ...plain,
    ...keys,
    workers: auto.workers,
    asgiWorkers: values.isGiven(workers.workers) ? null : ASGI_WORKERS,
    workersReason: auto.reason,
    importPath: readDirectories(values, application.importPath),
    variables,
    envFiles: readEnvFiles(values),
    limits: {
      ...plain.limits,
      // 0 is no limit: a number that is larger than any content.
      body: values.one(content.limits.body) || Number.MAX_SAFE_INTEGER,
      requestsPerAddress: perAddress === 'auto' ? Math.ceil(plain.limits.queue * ADDRESS_SHARE) : perAddress,
      memoryBuffer: MEMORY_BUFFER,
      responseBuffer: RESPONSE_BUFFER,
    },
    timeouts: { ...plain.timeouts, requestFor: readPathTimeouts(values) },
    // During development each change would wait for it.
    warmup: isDevelopment ? [] : warmup,
    staticMounts: mounts?.list ?? [],
    findStatic: mounts !== null,
    sendfileRoots: readDirectories(values, staticFiles.sendfileRoots),
    identity: readIdentity(values, environment),
    configuration: given.configuration,
  }
  if (located === null) return { keys, config: null }
  const watch = isDevelopment ? (watched.length > 0 ? watched : [located.directory]) : []
  return { keys, config: { ...rest, ...located, watch } }
}

function readDirectory(values: Values, environment: Environment): string | null {
  const taken = values.taken(application.directory)[0]
  if (taken === undefined) return null
  const { origin } = taken.given
  const base = origin.from === 'file' ? { cwd: origin.directory, logical: origin.directory } : {}
  const found = findDirectory(taken.value, { ...environment, ...base })
  if ('value' in found) return found.value
  values.refuse(application.directory, found.problem)
  return null
}

/** Null also without a directory: its diagnostic is enough. */
function readTarget(
  given: GivenApp,
  values: Values,
  directory: string | null,
  settings: string | null,
): Located | null {
  // Nobody would notice that an application was found in place of another one.
  if (given.origin !== null && !values.isGiven(application.app)) {
    if (!given.hasMistake)
      values.tell(
        given.origin,
        'an application needs app, as in app = "shop.wsgi"; app = "." finds it in its directory',
      )
    return null
  }
  const [taken] = values.taken(application.app)
  if (directory === null || taken === undefined) return null
  const name = taken.value
  const found = name === null ? discover(directory, settings) : findTarget(name, directory, settings)
  if ('value' in found) return found.value
  // Without variables of PasteDeploy, which may be secret.
  const shown = { ...taken.given, text: name?.text ?? taken.given.text }
  if (!('notFound' in found)) values.refuse(application.app, found.problem, shown)
  else if (given.origin !== null) values.tell(given.origin, found.notFound)
  else values.diagnostics.push({ subject: 'APP', message: found.notFound })
  return null
}

/** Keys of the command line and of the file are put together. The command line comes first, and the first of a key wins. */
function readVariables(values: Values): Readonly<Record<string, string>> {
  const found = new Map<string, Taken<{ readonly value: string }>>()
  for (const taken of values.taken(application.variables)) {
    const { key } = taken.value
    const before = found.get(key)
    if (before === undefined) found.set(key, taken)
    else if (before.given.origin.from === taken.given.origin.from)
      values.report(application.variables, `gives ${key} twice: each key may be given once`, taken.given)
  }
  return Object.fromEntries(found.entries().map(([key, { value }]) => [key, value.value]))
}

function readEnvFiles(values: Values): string[] {
  return values.taken(application.envFiles).flatMap(({ value, given }) => {
    if (value !== null && isReadable(value)) return [value]
    values.refuse(application.envFiles, 'must name a file that exists and that this user may read', given)
    return []
  })
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return isFile(path)
  } catch {
    return false
  }
}

function readPathTimeouts(values: Values): PathTimeout[] {
  const prefixes = new Set<string>()
  return values.taken(workers.timeouts.requestFor).map(({ value, given }) => {
    if (prefixes.has(value.prefix))
      values.report(workers.timeouts.requestFor, `gives ${value.prefix} twice: each path may be given once`, given)
    prefixes.add(value.prefix)
    return value
  })
}

/** Null: off. */
function readMounts(values: Values): { readonly list: StaticMount[] } | null {
  const taken = values.taken(staticFiles.staticMounts)
  const off = taken.find(({ value }) => value === null)
  if (off !== undefined) {
    if (taken.length > 1)
      values.report(staticFiles.staticMounts, 'must be off, or name directories, not both', off.given)
    return null
  }
  const urls = new Set<string>()
  const list = taken.flatMap(({ value, given }) => {
    if (value === null) return []
    if (!isDirectory(value.directory))
      values.refuse(staticFiles.staticMounts, 'must have a directory that exists after the equals sign', given)
    if (urls.has(value.url))
      values.report(staticFiles.staticMounts, `gives ${value.url} twice: each URL may be given once`, given)
    urls.add(value.url)
    return [value]
  })
  return { list }
}

function readDirectories(values: Values, setting: Setting<string | null>): string[] {
  return values.taken(setting).flatMap(({ value, given }) => {
    if (value !== null && isDirectory(value)) return [value]
    values.refuse(setting, 'must name a directory that exists', given)
    return []
  })
}
