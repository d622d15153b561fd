/**
 * Makes the configuration: plain values as they were given, all others computed, by one function for each. Runs in the command
 * line, and in the master when it reloads.
 *
 * Invariants: every value is read even if another one is wrong, so the user sees all problems at once. The result is null only
 * together with a diagnostic.
 *
 * Not here: the plain settings, which need no code (`settings/README.md`).
 */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import type { ForwardedHeader } from '../base/forwarded-headers.ts'
import { findAdminSocket } from './admin-socket.ts'
import { findTarget } from './application/app-target.ts'
import { discover, type Located } from './application/discover.ts'
import { SETTINGS_VARIABLE } from './application/django-project.ts'
import { ADDRESS_SHARE, connectionLimit, MEMORY_BUFFER, openFileLimit, RESPONSE_BUFFER } from './defaults.ts'
import { readIdentity } from './identity.ts'
import { formatBind, includesAddress } from './kinds/bind.ts'
import { readErrorPage } from './kinds/error-page.ts'
import { findDirectory } from './machine/directory.ts'
import type { Environment } from './machine/environment.ts'
import { isDirectory, isFile } from './machine/files.ts'
import { autoMemory } from './machine/memory.ts'
import { ASGI_WORKERS, autoWorkers } from './machine/workers.ts'
import { application } from './settings/application.ts'
import { development } from './settings/development.ts'
import { errors } from './settings/errors.ts'
import type { PlainValues } from './settings/index.ts'
import { listening } from './settings/listening.ts'
import { logging } from './settings/logging.ts'
import { processes } from './settings/processes.ts'
import { requests } from './settings/requests.ts'
import { resources } from './settings/resources.ts'
import type { Setting } from './settings/setting.ts'
import { staticFiles } from './settings/static.ts'
import { workers } from './settings/workers.ts'
import type { Given } from './sources/given.ts'
import type { BindAddress, Config, ErrorPage, Limits, PathTimeout, StaticMount } from './types.ts'
import type { Taken, Values } from './values.ts'

/** `file`: the absolute path of the configuration's file; null: there is none. */
export function assembleConfig(
  values: Values,
  environment: Environment,
  isAppUncertain: boolean,
  file: string | null,
): Config | null {
  const directory = readDirectory(values, environment)
  const variables = readVariables(values)
  const settings = variables[SETTINGS_VARIABLE] || environment.variables[SETTINGS_VARIABLE] || null
  const located = isAppUncertain ? null : readTarget(values, directory, settings)
  const plain = values.plain()
  const { threads, isDevelopment } = plain
  const wanted = values.one(workers.workers)
  const auto = wanted === 'auto' ? autoWorkers(environment.machine, isDevelopment) : { workers: wanted, reason: '' }
  const watched = readDirectories(values, development.watch)
  const mounts = readMounts(values)
  const warmup = values.all(application.warmup)
  const path = values.one(logging.accessLog.path)
  checkHealthPaths(values, plain.health)
  const rest = {
    ...plain,
    workers: auto.workers,
    asgiWorkers: values.isGiven(workers.workers) ? null : ASGI_WORKERS,
    workersReason: auto.reason,
    variables,
    envFiles: readEnvFiles(values),
    bind: readAddresses(values),
    trustedProxies: [...new Set(values.all(listening.trustedProxies).flat())],
    forwardedHeaders: readForwardedHeaders(values),
    limits: readLimits(values, plain.limits, environment, auto.workers * threads),
    timeouts: { ...plain.timeouts, requestFor: readPathTimeouts(values) },
    // During development each change would wait for it.
    warmup: isDevelopment ? [] : warmup,
    staticMounts: mounts?.list ?? [],
    findStatic: mounts !== null,
    errorPages: readErrorPages(values),
    accessLog: path === null ? null : { ...plain.accessLog, path },
    identity: readIdentity(values, environment),
    temporaryDirectory: readTemporaryDirectory(values, environment),
    adminSocket: findAdminSocket(values.one(processes.adminSocket), file ?? directory ?? '', environment),
  }
  if (values.diagnostics.length > 0 || located === null) return null
  const watch = isDevelopment ? (watched.length > 0 ? watched : [located.directory]) : []
  return deepFreeze({ ...rest, ...located, watch })
}

/** Null: it has a diagnostic. */
export function readDirectory(values: Values, environment: Environment): string | null {
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
function readTarget(values: Values, directory: string | null, settings: string | null): Located | null {
  const names = values.all(application.app)
  if (directory === null || names.length === 0) return null
  const name = names[0]!
  const found = name === null ? discover(directory, settings) : findTarget(name, directory, settings)
  if ('value' in found) return found.value
  if ('notFound' in found) values.diagnostics.push({ subject: 'APP', message: found.notFound })
  else values.refuse(application.app, found.problem)
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

/** A proxy that sets one kind of header passes on the other kind as its client wrote it: no proxy sets both. */
function readForwardedHeaders(values: Values): readonly ForwardedHeader[] {
  const taken = values.taken(listening.forwardedHeaders)
  const names = [...new Set(taken.flatMap(({ value }) => value))]
  const standard = taken.find(({ value }) => value.includes('forwarded'))
  if (standard !== undefined && names.length > 1)
    values.refuse(
      listening.forwardedHeaders,
      'must be either Forwarded alone or X-Forwarded-… without it (a proxy that sets one kind passes on the other as its client sent it)',
      standard.given,
    )
  return names
}

/** The kernel lets two sockets have the same address until they listen. Port 0 is a different port each time. */
function readAddresses(values: Values): BindAddress[] {
  const seen: BindAddress[] = []
  const report = (problem: string, given: Given) =>
    values.report(listening.bind, `names ${problem}: each address may be given once`, given)
  for (const { value, given } of values.taken(listening.bind)) {
    const name = formatBind(value)
    const isFixed = value.kind !== 'tcp' || value.port !== 0
    const wide = seen.find(one => includesAddress(one, value))
    const narrow = seen.find(one => includesAddress(value, one))
    if (isFixed && seen.some(one => formatBind(one) === name)) report(`${name} twice`, given)
    else if (wide !== undefined) report(`${name}, and ${formatBind(wide)} includes it`, given)
    else if (narrow !== undefined) report(`${formatBind(narrow)}, and ${name} includes it`, given)
    seen.push(value)
  }
  return seen
}

/** `links`: connections from the gateway to workers. */
function readLimits(values: Values, plain: PlainValues['limits'], { machine }: Environment, links: number): Limits {
  const wanted = values.one(resources.limits.connections)
  const descriptors = join(machine.procRoot, 'self/limits')
  const connections = wanted === 'auto' ? connectionLimit(descriptors, links) : wanted
  const temporaryBytes = values.one(resources.limits.temporaryBytes)
  const memory = values.one(resources.limits.memory)
  const perAddress = values.one(resources.limits.connectionsPerAddress)
  return {
    ...plain,
    // 0 is no limit: a number that is larger than any content.
    body: values.one(requests.limits.body) || Number.MAX_SAFE_INTEGER,
    memoryBuffer: MEMORY_BUFFER,
    responseBuffer: RESPONSE_BUFFER,
    temporaryBytes: temporaryBytes === 'auto' ? null : temporaryBytes,
    memory: memory === 'auto' ? autoMemory(machine) : memory,
    openFiles: openFileLimit(descriptors, links, connections),
    connections,
    connectionsPerAddress: perAddress === 'auto' ? Math.ceil(connections * ADDRESS_SHARE) : perAddress,
  }
}

function checkHealthPaths(values: Values, { live, ready }: PlainValues['health']): void {
  if (live !== null && live === ready)
    values.report(listening.health.ready, 'must differ from health-path, which is answered while nothing can be served')
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

function readErrorPages(values: Values): ErrorPage[] {
  const seen = new Set<string>()
  return values.taken(errors.errorPages).flatMap(({ value, given }) => {
    const { status, format } = value
    if (seen.has(`${status} ${format}`))
      values.report(errors.errorPages, `gives ${status} two pages as ${format}: one is possible`, given)
    seen.add(`${status} ${format}`)
    const page = readErrorPage(value)
    if ('value' in page) return [page.value]
    values.refuse(errors.errorPages, page.problem, given)
    return []
  })
}

function readDirectories(values: Values, setting: Setting<string | null>): string[] {
  return values.taken(setting).flatMap(({ value, given }) => {
    if (value !== null && isDirectory(value)) return [value]
    values.refuse(setting, 'must name a directory that exists', given)
    return []
  })
}

function readTemporaryDirectory(values: Values, environment: Environment): string {
  const path = values.one(processes.temporaryDirectory)
  // A wrong TMPDIR is found when it is used, as in every program.
  if (path === null) return environment.temporaryDirectory
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    if (isDirectory(path)) return path
  } catch {}
  values.refuse(processes.temporaryDirectory, 'must name a directory that this user may write to')
  return path
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) deepFreeze(inner)
  return Object.freeze(value)
}
