/** The command line: prints something and exits, or becomes the master. */

import { hasTls } from '../config/assemble-tls.ts'
import { checkFiles } from '../config/check.ts'
import { checkSites } from '../config/check-sites.ts'
import type { Diagnostic } from '../config/diagnostics.ts'
import { filesOfConfig, type Loaded, loadConfig, reloader } from '../config/load.ts'
import { logicalWorkingDirectory } from '../config/machine/directory.ts'
import { type Environment, processEnvironment } from '../config/machine/environment.ts'
import { printConfig, summarize, summarizeSites } from '../config/print.ts'
import { jsonSchema } from '../config/schema.ts'
import { type Arguments, parseArguments } from '../config/sources/arguments.ts'
import type { Config } from '../config/types.ts'
import type { Started } from '../control/started.ts'
import { failHandOver } from '../control/upgrade-messages.ts'
import type { EvaluatedSource } from '../master/source.ts'
import { writeTo } from './terminal.ts'

const FAILED = 1
const WRONG_USAGE = 2
/** Exit codes above it name a signal. */
const SIGNALLED = 128

/**
 * `words`: the words after the program's name. Resolves with the exit code: 0 stopped as told, 1 failed while running, 2 a
 * setting is wrong, 3 the application could not be loaded.
 */
export async function runCommandLine(words: readonly string[], started: Started): Promise<number> {
  return runArguments(parseArguments(words), started)
}

/** Arguments that a file in Python decides, too. */
export interface EvaluatedArguments extends EvaluatedSource {
  /** As they are after the last evaluation. */
  readonly args: () => Arguments
}

/** The same with a command line that is read already. `evaluated`: null: no file was evaluated for it. */
export async function runArguments(
  args: Arguments,
  started: Started,
  evaluated: EvaluatedArguments | null = null,
): Promise<number> {
  if (args.actions.has('print-schema')) return say(`${JSON.stringify(jsonSchema(), null, 2)}\n`)
  const environment = findEnvironment()
  if (environment === null)
    return fail(FAILED, ['the working directory does not exist any more; change to one that does'])
  const loaded = loadConfig(args, environment, checkSites)
  const isCheck = args.actions.has('check') && !args.actions.has('print-config')
  if (args.actions.has('no-app') && !args.actions.has('check'))
    return fail(WRONG_USAGE, ['--no-app does something only together with --check', 'try jumak --help'])
  const missing = isCheck ? checkFiles(loaded.settings, environment) : []
  const problems = [...('diagnostics' in loaded ? loaded.diagnostics : []), ...missing]
  if ('diagnostics' in loaded || problems.length > 0) {
    const sentences = problems.map(({ message }) => message).join('\n')
    // The running Jumak has a log, and serves on.
    if (started.handOver !== null && failHandOver(started.handOver, sentences)) return WRONG_USAGE
    return failWith(problems, args.adapted === null ? 'jumak' : `jumak ${args.adapted.program}`)
  }
  if (isCheck) return check(loaded, args.actions.has('no-app'))
  if (args.actions.has('print-config')) return say(printConfig(loaded, environment))
  const { config, warnings } = loaded
  // An upgrade of a daemon is one already.
  if (config.daemon !== 'off' && started.daemon === null && started.handOver === null) {
    // The daemon evaluates a configuration file again.
    evaluated?.prepared.drop()
    const { startDaemon } = await import('./daemon.ts')
    return startDaemon(started, config.daemon === 'inherit')
  }
  // Loaded only now, so that `--check` and the like are quick.
  const { runMaster } = await import('../master/main.ts')
  return runMaster(config, undefined, {
    warnings,
    remarks: args.adapted?.remarks ?? [],
    reload: reloader(evaluated?.args ?? (() => args), environment, loaded, checkSites),
    evaluated,
    files: args.adapted === null ? () => filesOfConfig(args, environment) : null,
    started,
    directory: logicalWorkingDirectory(environment),
  })
}

async function check(loaded: Loaded, withoutApp: boolean): Promise<number> {
  const { config, warnings } = loaded
  const ofTls = await checkTls(config)
  if (ofTls.problems.length > 0) return fail(WRONG_USAGE, ofTls.problems)
  const all = [...warnings, ...ofTls.warnings, ...(await checkNames(config))]
  return withoutApp || config.apps.length === 0 ? sayRight(config, all) : checkApps(config, all)
}

/** Loaded only where a site passes requests on. */
async function checkNames({ sites: { upstreams } }: Config): Promise<readonly string[]> {
  if (upstreams.length === 0) return []
  const { checkUpstreams } = await import('../config/check-upstreams.ts')
  return checkUpstreams(upstreams)
}

/** The files of certificates are read as a start would, with the rights of this user. */
async function checkTls(config: Config): Promise<{ problems: readonly string[]; warnings: readonly string[] }> {
  if (!hasTls(config.tls)) return { problems: [], warnings: [] }
  const { checkFiles: checkCertificates } = await import('../master/tls/certificates.ts')
  return checkCertificates(config)
}

/**
 * One application after the other: side by side they would need the memory of all. Each has its line as soon as it is known. Resolves with
 * the worst exit code.
 */
async function checkApps(config: Config, warnings: readonly string[]): Promise<number> {
  const { checkApplication } = await import('../master/check.ts')
  let worst = 0
  let others = warnings
  for (const app of config.apps) {
    const name = config.apps.length > 1 ? `${app.name}: ` : ''
    const checked = await checkApplication(config, app, line => writeTo(process.stderr, `${name}${line}\n`))
    if ('problem' in checked) {
      worst = Math.max(worst, fail(checked.exitCode, [`${name}${checked.problem}`]))
      // A signal is for all.
      if (checked.exitCode > SIGNALLED) break
      continue
    }
    warn([...others, ...checked.warnings.map(warning => `${name}${warning}`)])
    others = []
    const files = checked.static === null ? '' : `, static files ${checked.static}`
    say(`jumak: ${summarize(config, app, checked.application)}${files}\n`)
  }
  return worst
}

/** The settings are right, and no application was loaded, or there is none. */
function sayRight(config: Config, warnings: readonly string[]): number {
  warn(warnings)
  const lines =
    config.apps.length === 0 ? [summarizeSites(config)] : config.apps.map(app => summarize(config, app, null))
  return say(lines.map(line => `jumak: ${line}\n`).join(''))
}

function warn(warnings: readonly string[]): void {
  writeTo(process.stderr, warnings.map(warning => `jumak: warning: ${warning}\n`).join(''))
}

/** Null: the working directory has been removed. */
export function findEnvironment(): Environment | null {
  try {
    const environment = processEnvironment()
    return { ...environment, logical: logicalWorkingDirectory(environment) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

function say(text: string): number {
  writeTo(process.stdout, text)
  return 0
}

function fail(code: number, messages: readonly string[]): number {
  writeTo(process.stderr, messages.map(message => `jumak: ${message}\n`).join(''))
  return code
}

/** `command`: as a user types it. */
function failWith(diagnostics: readonly Diagnostic[], command: string): number {
  return fail(WRONG_USAGE, [...diagnostics.map(one => one.message), `try ${command} --help`])
}
