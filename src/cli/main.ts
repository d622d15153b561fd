/** Entry of the program. Loads the rest only if this Node can run it. */
import module from 'node:module'
import { takeStarted } from '../control/started.ts'
import { commandOf, explainWords } from './commands.ts'
import { explainOldNode } from './node-version.ts'
import { programOf } from './programs.ts'

// Without a listener SIGUSR1 opens a debugger. The other processes run with `--disable-sigusr1`, which blocks the signal. The master
// reopens its logs on it, so it has a listener from the first line on.
process.on('SIGUSR1', () => {})
// Without one SIGUSR2 ends the process: it asks for an upgrade, and is too early until the program serves.
process.on('SIGUSR2', () => {})

const started = takeStarted(process.env)

/** Each part is loaded only if it is needed: another program's words, a command to a running program, a question, or the program itself. */
async function run(words: readonly string[]): Promise<number> {
  const other = programOf(words, started.program)
  if (other !== null) return (await import('./adapted.ts')).runAdapted(other, started)
  // An application of that name is `adapt:app`, or its path.
  if (words[0] === 'adapt') return (await import('./adapt.ts')).runAdapt(words.slice(1))
  if (words[0] === 'password' || (words[0] === 'help' && words[1] === 'password'))
    return (await import('./password/run.ts')).runPassword(words[0] === 'help' ? ['--help'] : words.slice(1))
  const asked = commandOf(words)
  if (asked !== null) return (await import('./admin/run.ts')).runCommand(asked.command, asked.rest)
  const explained = explainWords(words)
  if (explained !== null) return (await import('./explain/run.ts')).runExplain(explained)
  const { answered } = await import('./questions.ts')
  return (await answered(words)) ? 0 : (await import('./run.ts')).runCommandLine(words, started)
}

/** For a last write, when all else has ended. */
const LAST_WRITE_MS = 500

const problem = explainOldNode(process.versions.node)
if (problem !== null) {
  process.stderr.write(`jumak: ${problem}\n`)
  process.exitCode = 1
} else {
  // In a checkout: to strip the types of all files takes longer than most of the start.
  if (import.meta.filename.endsWith('.ts')) module.enableCompileCache(`${import.meta.dirname}/../../.cache/compiled`)
  const words = process.argv.slice(2)
  const code = await run(words)
  process.exitCode = code
  // A log whose reader is stuck keeps a write open. Nothing else can be left when the master has ended.
  setTimeout(() => process.exit(code), LAST_WRITE_MS).unref()
}
