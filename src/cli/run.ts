/** The command line: says something and leaves, or becomes the master. */
import { version } from '../base/version.ts'
import { parseArguments } from '../config/arguments.ts'
import { type Environment, processEnvironment } from '../config/environment.ts'
import { loadConfig } from '../config/load.ts'
import { formatHelp } from './help.ts'
import { describeTerminal, writeTo } from './terminal.ts'

const FAILED = 1
const WRONG_USAGE = 2

/**
 * `words`: what follows the program's name. Resolves with the exit code: 0 stopped as told, 1 failed while running, 2 the
 * command line is wrong, 3 the application could not be loaded.
 */
export async function runCommandLine(words: readonly string[]): Promise<number> {
  const args = parseArguments(words)
  if (args.actions.has('help')) return say(formatHelp(describeTerminal(process.stdout, process.env)))
  if (args.actions.has('version')) return say(`jumak ${version} (Node ${process.versions.node})\n`)
  const environment = findEnvironment()
  if (environment === null)
    return fail(FAILED, ['the working directory does not exist any more; change to one that does'])
  const loaded = loadConfig(args, environment)
  if ('diagnostics' in loaded)
    return fail(WRONG_USAGE, [...loaded.diagnostics.map(one => one.message), 'try jumak --help'])
  // Loaded only now: who asks for help does not wait for it.
  const { runMaster } = await import('../master/main.ts')
  return runMaster(loaded.config)
}

/** Null where the working directory has been removed under us. */
function findEnvironment(): Environment | null {
  try {
    return processEnvironment()
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
