/** Entry of the program. Loads the rest only when this Node can. */
import module from 'node:module'
import { explainOldNode } from './node-version.ts'

// Without a listener SIGUSR1 opens a debugger. The master reopens its logs on it, so `--disable-sigusr1`, which blocks the
// signal, is for the other processes only; here there is a listener from the first line on.
process.on('SIGUSR1', () => {})

/** For a write that is in flight when all else has ended. */
const LAST_WRITE_MS = 500

const problem = explainOldNode(process.versions.node)
if (problem !== null) {
  process.stderr.write(`jumak: ${problem}\n`)
  process.exitCode = 1
} else {
  // In a checkout: taking the types out of all files costs more than most of what the program does at its start.
  if (import.meta.filename.endsWith('.ts')) module.enableCompileCache(`${import.meta.dirname}/../../.cache/compiled`)
  const words = process.argv.slice(2)
  const { answered } = await import('./questions.ts')
  const code = (await answered(words)) ? 0 : await (await import('./run.ts')).runCommandLine(words)
  process.exitCode = code
  // A log whose reader is stuck holds a write open: nothing else can be left when the master has ended.
  setTimeout(() => process.exit(code), LAST_WRITE_MS).unref()
}
