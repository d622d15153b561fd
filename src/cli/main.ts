/** Entry of the program. Loads the rest only when this Node can. */
import { explainOldNode } from './node-version.ts'

// Without a listener SIGUSR1 opens a debugger. The master reopens its logs on it, so `--disable-sigusr1`, which blocks the
// signal, is for the other processes only; here there is a listener from the first line on.
process.on('SIGUSR1', () => {})

const problem = explainOldNode(process.versions.node)
if (problem !== null) {
  process.stderr.write(`jumak: ${problem}\n`)
  process.exitCode = 1
} else {
  const { runCommandLine } = await import('./run.ts')
  process.exitCode = await runCommandLine(process.argv.slice(2))
}
