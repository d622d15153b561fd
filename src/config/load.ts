/**
 * From the command line to a frozen configuration, or to all that is wrong with it at once. Runs in the command line,
 * before anything is bound or spawned.
 *
 * Invariants: a configuration is returned only without any diagnostic; each mistake is told once, and nothing is told
 * that only follows from another mistake (no word about the application when its directory is wrong). What the values
 * may be is said by `settings/`, not here; whether an address, a Python or a log can be had is found by those who open it.
 */
import { join, resolve } from 'node:path'
import { findTarget } from './app-target.ts'
import type { Arguments } from './arguments.ts'
import { formatBind, toAbsolute } from './bind.ts'
import { connectionLimit, DEFAULT_TRUSTED_PROXIES, defaultLimits, defaultTimeouts } from './defaults.ts'
import { type Diagnostic, wrongValue } from './diagnostics.ts'
import { findDirectory } from './directory.ts'
import { discover } from './discover.ts'
import type { Environment } from './environment.ts'
import { app, chdir, preload, python } from './settings/application.ts'
import { bind } from './settings/listening.ts'
import { accessLog, logLevel } from './settings/logging.ts'
import { labelOf, type Setting } from './settings/setting.ts'
import { threads, timeout, workers } from './settings/workers.ts'
import type { AppTarget, BindAddress, Config } from './types.ts'
import { autoWorkers } from './workers.ts'

export type LoadResult = { readonly config: Config } | { readonly diagnostics: readonly Diagnostic[] }

/** Reads no file but those that tell what the application is and what the machine allows. */
export function loadConfig(args: Arguments, environment: Environment): LoadResult {
  const diagnostics = [...args.diagnostics]
  const values = new Values(args, diagnostics)
  const directory = readDirectory(values, environment)
  const target = args.isPositionalUncertain ? null : readTarget(values, directory)
  const addresses = readAddresses(values, environment)
  const wanted = values.one(workers)
  const auto = wanted === 'auto' ? autoWorkers(environment.machine) : { workers: wanted, reason: '' }
  const log = values.one(accessLog)
  const rest = {
    workers: auto.workers,
    workersReason: auto.reason,
    threads: values.one(threads),
    preload: values.one(preload),
    python: values.one(python),
    logLevel: values.one(logLevel),
    accessLog:
      log === null
        ? null
        : { path: log === '-' ? log : resolve(environment.cwd, log), format: 'combined', minStatus: 0, slowerThan: 0 },
    timeouts: defaultTimeouts(values.one(timeout)),
  }
  if (diagnostics.length > 0 || directory === null || target === null) return { diagnostics }
  return {
    config: deepFreeze({
      app: target,
      directory,
      bind: addresses,
      limits: defaultLimits(connectionLimit(join(environment.machine.procRoot, 'self/limits'))),
      trustedProxies: DEFAULT_TRUSTED_PROXIES,
      temporaryDirectory: environment.temporaryDirectory,
      concurrency: 1000,
      lifespan: 'auto' as const,
      requestBuffering: true,
      rootPath: '',
      staticMounts: [],
      isDevelopment: false,
      identity: null,
      umask: null,
      logFormat: 'text' as const,
      logFile: null,
      variables: {},
      envFiles: [],
      postFork: null,
      recycle: { maxRequests: 0, maxRequestsJitter: 0, maxAge: 0, maxMemory: 0 },
      findStatic: true,
      watch: [],
      unixMode: 0o666,
      pidFile: null,
      ...rest,
    }),
  }
}

/** The settings' values: what was given, else the default. What the schema refuses becomes a diagnostic. */
class Values {
  readonly #args: Arguments
  readonly #diagnostics: Diagnostic[]

  constructor(args: Arguments, diagnostics: Diagnostic[]) {
    this.#args = args
    this.#diagnostics = diagnostics
  }

  /** As the user wrote it, or the default as the user would. */
  texts(setting: Setting): readonly string[] {
    return this.#args.values.get(setting.name) ?? [setting.default]
  }

  /** Those that were not refused. */
  all<Value>(setting: Setting<Value>): Value[] {
    return this.texts(setting).flatMap(text => {
      const parsed = setting.schema.safeParse(text)
      if (parsed.success) return [parsed.data]
      this.refuse(setting, parsed.error.issues[0]!.message, text)
      return []
    })
  }

  /** Where it was refused the default stands in, in a configuration that nobody will see. */
  one<Value>(setting: Setting<Value>): Value {
    const values = this.all(setting)
    return values.length > 0 ? values[0]! : setting.schema.parse(setting.default)
  }

  refuse(setting: Setting, problem: string, text = this.texts(setting)[0]!): void {
    this.#diagnostics.push(wrongValue(labelOf(setting), problem, text))
  }

  /** For a problem that is about no value. */
  report(setting: Setting, message: string): void {
    this.#diagnostics.push({ subject: labelOf(setting), message })
  }
}

function readDirectory(values: Values, environment: Environment): string | null {
  const text = values.all(chdir)[0]
  if (text === undefined) return null
  const found = findDirectory(text, environment)
  if ('value' in found) return found.value
  values.refuse(chdir, found.problem)
  return null
}

/** Null without a directory too: then nobody knows what there is, and one diagnostic is enough. */
function readTarget(values: Values, directory: string | null): AppTarget | null {
  const names = values.all(app)
  if (directory === null || names.length === 0) return null
  const name = names[0]!
  const found = name === null ? discover(directory) : findTarget(name, directory)
  if ('value' in found) return found.value
  if (name === null) values.report(app, found.problem)
  else values.refuse(app, found.problem)
  return null
}

function readAddresses(values: Values, { cwd }: Environment): BindAddress[] {
  const addresses = values.all(bind).map(address => toAbsolute(address, cwd))
  // The kernel would let two sockets have one address until they listen. Port 0 is another one each time.
  const fixed = addresses.filter(address => address.kind !== 'tcp' || address.port !== 0).map(formatBind)
  for (const twin of new Set(fixed.filter((text, i) => fixed.indexOf(text) !== i)))
    values.report(bind, `--bind names ${twin} twice: each address may be given once`)
  return addresses
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) deepFreeze(inner)
  return Object.freeze(value)
}
