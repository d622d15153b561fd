/** Entry of the program. Loads the rest only when this Node can. */
import { explainOldNode } from './node-version.ts'

const problem = explainOldNode(process.versions.node)
if (problem !== null) {
  process.stderr.write(`jumak: ${problem}\n`)
  process.exitCode = 1
} else {
  const { runCommandLine } = await import('./run.ts')
  process.exitCode = await runCommandLine(process.argv.slice(2))
}
