/** The command line: prints something and exits, or becomes the master. */

import { checkFiles } from '../config/check.ts'
import type { Diagnostic } from '../config/diagnostics.ts'
import { type Loaded, loadConfig, reloader } from '../config/load.ts'
import { logicalWorkingDirectory } from '../config/machine/directory.ts'
import { type Environment, processEnvironment } from '../config/machine/environment.ts'
import { printConfig, summarize } from '../config/print.ts'
import { jsonSchema } from '../config/schema.ts'
import { parseArguments } from '../config/sources/arguments.ts'
import { writeTo } from './terminal.ts'

const FAILED = 1
const WRONG_USAGE = 2

/**
 * `words`: the words after the program's name. Resolves with the exit code: 0 stopped as told, 1 failed while running, 2 a
 * setting is wrong, 3 the application could not be loaded.
 */
export async function runCommandLine(words: readonly string[]): Promise<number> {
  const args = parseArguments(words)
  if (args.actions.has('print-schema')) return say(`${JSON.stringify(jsonSchema(), null, 2)}\n`)
  const environment = findEnvironment()
  if (environment === null)
    return fail(FAILED, ['the working directory does not exist any more; change to one that does'])
  const loaded = loadConfig(args, environment)
  const isCheck = args.actions.has('check') && !args.actions.has('print-config')
  if (args.actions.has('no-app') && !args.actions.has('check'))
    return fail(WRONG_USAGE, ['--no-app does something only together with --check', 'try jumak --help'])
  const missing = isCheck ? checkFiles(loaded.settings, environment) : []
  const problems = [...('diagnostics' in loaded ? loaded.diagnostics : []), ...missing]
  if ('diagnostics' in loaded || problems.length > 0) return failWith(problems)
  if (isCheck)
    return args.actions.has('no-app')
      ? sayRight(
          loaded.warnings,
          loaded.config.apps.map(app => summarize(loaded.config, app, null)),
        )
      : check(loaded)
  if (args.actions.has('print-config')) return say(printConfig(loaded, environment))
  // Loaded only now, so that `--check` and the like are quick.
  const { runMaster } = await import('../master/main.ts')
  const { config, warnings } = loaded
  return runMaster(config, undefined, { warnings, reload: reloader(args, environment, loaded) })
}

/** One application after the other. The first that is wrong ends it. */
async function check(loaded: Loaded): Promise<number> {
  const { checkApplication } = await import('../master/check.ts')
  const { config } = loaded
  const right: string[] = []
  const warnings = [...loaded.warnings]
  for (const app of config.apps) {
    const checked = await checkApplication(config, app, line => writeTo(process.stderr, `${line}\n`))
    if ('problem' in checked)
      return fail(checked.exitCode, [config.apps.length > 1 ? `${app.name}: ${checked.problem}` : checked.problem])
    const files = checked.static === null ? '' : `, static files ${checked.static}`
    right.push(summarize(config, app, checked.application) + files)
    warnings.push(...checked.warnings)
  }
  return sayRight(warnings, right)
}

function sayRight(warnings: readonly string[], right: readonly string[]): number {
  writeTo(process.stderr, warnings.map(warning => `jumak: warning: ${warning}\n`).join(''))
  return say(right.map(line => `jumak: ${line}\n`).join(''))
}

/** Null: the working directory has been removed. */
function findEnvironment(): Environment | null {
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

function failWith(diagnostics: readonly Diagnostic[]): number {
  return fail(WRONG_USAGE, [...diagnostics.map(one => one.message), 'try jumak --help'])
}
