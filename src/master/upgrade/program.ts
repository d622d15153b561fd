/**
 * Which program an upgrade starts: the path that was started, resolved anew, with the same words, in the same directory. A link that was
 * switched leads to the new version, and its start script finds the new Node. Runs in the master.
 *
 * Invariant: root starts no program that another user could have put there.
 */
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { asErrno, OperatorError } from '../errors.ts'
import { stepOfOthers } from '../host/safe-path.ts'

/** How the present program was started. */
export interface StartedProgram {
  /** Absolute; null: Node was started with the script. */
  readonly program: string | null
  /** The working directory, by the name that the user gave it. */
  readonly directory: string
}

/** The program and its words. Throws an OperatorError when it is not there, or not safe to start. */
export function commandOf({ program, directory }: StartedProgram): [string, ...string[]] {
  const [node, script, ...words] = [process.execPath, process.argv[1]!, ...process.argv.slice(2)]
  const flags = process.execArgv.includes('--') ? process.execArgv : [...process.execArgv, '--']
  const command: [string, ...string[]] = program === null ? [node, ...flags, script, ...words] : [program, ...words]
  if (!existsSync(directory)) throw new OperatorError(`the directory ${directory}, where it was started, is not there`)
  for (const path of program === null ? [node, script] : [program, ...startedBy(program)]) checkSafe(path)
  return command
}

/** Files that `bin/jumak` runs: they lie beside it, not behind it. */
function startedBy(program: string): string[] {
  let root: string
  try {
    root = dirname(dirname(realpathSync(program)))
  } catch {
    return []
  }
  return ['scripts/node', 'src/cli/main.ts', 'dist/cli/main.js'].map(name => join(root, name)).filter(existsSync)
}

function checkSafe(path: string): void {
  let step: string | null = null
  try {
    if (!existsSync(path)) throw new OperatorError(`${path} is not there`)
    step = process.geteuid?.() === 0 ? stepOfOthers(path) : null
  } catch (error) {
    if (error instanceof OperatorError) throw error
    throw new OperatorError(`${path} cannot be read: ${asErrno(error).message}`)
  }
  if (step !== null)
    throw new OperatorError(
      `root does not start ${path}: others than root may change ${step}; give it to root and take the right to write from all others`,
    )
}
