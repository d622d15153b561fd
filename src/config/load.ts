/** From the command line to a frozen configuration, or to all that is wrong with it at once. */
import { statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { parseAppTarget } from './app-target.ts'
import type { Arguments } from './arguments.ts'
import { DEFAULT_TRUSTED_PROXIES, defaultLimits, defaultTimeouts } from './defaults.ts'
import * as application from './settings/application.ts'
import * as listening from './settings/listening.ts'
import * as logging from './settings/logging.ts'
import type { Setting } from './settings/setting.ts'
import * as workerSettings from './settings/workers.ts'
import type { Config } from './types.ts'
import { autoWorkers } from './workers.ts'

/** What the configuration takes from its surroundings; tests give their own. */
export interface Surroundings {
  /** Physical working directory. */
  readonly cwd: string
  /** $PWD: the logical one, links and all. */
  readonly pwd: string | undefined
}

/** One sentence each, naming the setting, the value, and what is allowed. */
export type LoadResult = { readonly config: Config } | { readonly problems: readonly string[] }

const DEFAULT_REQUEST_TIMEOUT_MS = 30_000

export function loadConfig(args: Arguments, surroundings: Surroundings): LoadResult {
  const problems = [...args.problems]
  const read = <Value>(setting: Setting<Value>): Value[] => readValues(args, setting, problems)

  const directory = findDirectory(read(application.chdir)[0], surroundings, problems)
  const target = directory === null ? null : parseAppTarget(args.app, directory)
  if (target !== null && 'problem' in target) problems.push(target.problem)
  const bind = read(listening.bind)
  const workers = read(workerSettings.workers)[0] ?? 'auto'
  const auto = workers === 'auto' ? autoWorkers() : { workers, reason: '' }
  const timeout = read(workerSettings.timeout)[0] ?? DEFAULT_REQUEST_TIMEOUT_MS
  const rest = {
    threads: read(workerSettings.threads)[0] ?? 1,
    preload: read(application.preload)[0] ?? ('auto' as const),
    python: read(application.python)[0] ?? null,
    logLevel: read(logging.logLevel)[0] ?? ('info' as const),
    accessLog: absoluteLog(read(logging.accessLog)[0] ?? null, surroundings.cwd),
  }
  if (problems.length > 0 || directory === null || target === null || 'problem' in target) return { problems }
  return {
    config: deepFreeze({
      app: target.target,
      bind: bind.length > 0 ? bind : [{ kind: 'tcp' as const, host: '127.0.0.1', port: 8000 }],
      workers: auto.workers,
      workersReason: auto.reason,
      directory,
      limits: defaultLimits(),
      timeouts: defaultTimeouts(timeout),
      trustedProxies: DEFAULT_TRUSTED_PROXIES,
      temporaryDirectory: tmpdir(),
      ...rest,
    }),
  }
}

function readValues<Value>(args: Arguments, setting: Setting<Value>, problems: string[]): Value[] {
  const values: Value[] = []
  for (const text of args.values.get(setting as Setting) ?? []) {
    const parsed = setting.schema.safeParse(text)
    if (parsed.success) values.push(parsed.data)
    else problems.push(`--${setting.name} ${parsed.error.issues[0]!.message}, not '${text}'`)
  }
  return values
}

/** Kept as the user named it, not resolved: a link that is switched is followed at the next reload. */
function findDirectory(chdir: string | undefined, surroundings: Surroundings, problems: string[]): string | null {
  const working = logicalDirectory(surroundings)
  if (chdir === undefined) return working
  const directory = isAbsolute(chdir) ? chdir : join(working, chdir)
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return directory
  problems.push(`--chdir must name a directory, not '${chdir}'`)
  return null
}

/** $PWD where it is the working directory, links included; else the physical path. */
function logicalDirectory({ cwd, pwd }: Surroundings): string {
  if (pwd === undefined || !isAbsolute(pwd)) return cwd
  const [logical, physical] = [statSync(pwd, { throwIfNoEntry: false }), statSync(cwd)]
  return logical !== undefined && logical.dev === physical.dev && logical.ino === physical.ino ? pwd : cwd
}

/** The gateway's working directory is not ours to rely on. */
function absoluteLog(path: string | null, cwd: string): string | null {
  return path === null || path === '-' || isAbsolute(path) ? path : join(cwd, path)
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) deepFreeze(inner)
  return Object.freeze(value)
}
