/** The command line: says something and leaves, or becomes the master. */
import { parseArguments } from '../config/arguments.ts'
import { checkFiles } from '../config/check.ts'
import type { Diagnostic } from '../config/diagnostics.ts'
import { logicalWorkingDirectory } from '../config/directory.ts'
import { type Environment, processEnvironment } from '../config/environment.ts'
import { type Loaded, loadConfig, reloader } from '../config/load.ts'
import { printConfig, summarize } from '../config/print.ts'
import { jsonSchema } from '../config/schema.ts'
import { writeTo } from './terminal.ts'

const FAILED = 1
const WRONG_USAGE = 2

/**
 * `words`: what follows the program's name. Resolves with the exit code: 0 stopped as told, 1 failed while running, 2 a
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
  const missing = isCheck ? checkFiles(loaded.settings, environment) : []
  const problems = [...('diagnostics' in loaded ? loaded.diagnostics : []), ...missing]
  if ('diagnostics' in loaded || problems.length > 0) return failWith(problems)
  if (isCheck) return sayRight(loaded)
  if (args.actions.has('print-config')) return say(printConfig(loaded, environment))
  // Loaded only now: who asks for help does not wait for it.
  const { runMaster } = await import('../master/main.ts')
  const { config, warnings } = loaded
  return runMaster(config, undefined, { warnings, reload: reloader(args, environment, loaded) })
}

function sayRight({ config, warnings }: Loaded): number {
  writeTo(process.stderr, warnings.map(warning => `jumak: warning: ${warning}\n`).join(''))
  return say(`jumak: ${summarize(config)}\n`)
}

/** Null where the working directory has been removed under us. */
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
