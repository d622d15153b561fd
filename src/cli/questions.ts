/** `-h`, `--help`, `--version`: answered at once, without loading the code that serves. */
import { version } from '../base/version.ts'
import { describeTerminal, writeTo } from './terminal.ts'

const VERSION: readonly string[] = ['--version', '-V']
const HELP: readonly string[] = ['--help', '-h', '--usage']

/** Answers a question on standard output. False: it was none. */
export async function answered(words: readonly string[]): Promise<boolean> {
  const text = await answer(words)
  if (text !== null) writeTo(process.stdout, text)
  return text !== null
}

async function answer(words: readonly string[]): Promise<string | null> {
  if (words.length === 1 && VERSION.includes(words[0]!)) return sayVersion()
  if (!words.some(word => VERSION.includes(word) || HELP.includes(word))) return null
  // `-h` may be the value of a flag.
  const { parseArguments } = await import('../config/sources/arguments.ts')
  const { actions } = parseArguments(words)
  const { formatHelp, formatUsage } = await import('./help.ts')
  const terminal = describeTerminal(process.stdout, process.env)
  if (actions.has('help')) return formatHelp(terminal)
  if (actions.has('usage')) return formatUsage(terminal)
  return actions.has('version') ? sayVersion() : null
}

function sayVersion(): string {
  return `jumak ${version} (Node ${process.versions.node})\n`
}
