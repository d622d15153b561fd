/**
 * Which program an upgrade starts: the path that was started, resolved anew, with the same words, in the same directory. A link that was
 * switched leads to the new version, and its start script finds the new Node. Runs in the master.
 *
 * Invariant: root starts no program that another user could have put there.
 */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { asErrno, OperatorError } from '../errors.ts'
import { changeableByOthers, stepOfOthers } from '../host/safe-path.ts'

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
  for (const path of program === null ? [node, script] : [program]) checkSafe(path)
  if (process.geteuid?.() !== 0) return command
  const root = program === null ? dirname(dirname(dirname(script))) : rootOf(program)
  if (root === null) return command
  const paths = [...PARTS.map(name => join(root, name)), ...(program === null ? [] : nodesOf(root, directory))]
  for (const path of paths) if (existsSync(path)) checkSafe(path)
  return command
}

/** What `bin/jumak` runs, and processes of ours later: it lies beside it, not behind it. Packages of others are not looked at. */
const PARTS = ['bin', 'scripts', 'src', 'dist', 'python', 'package.json', 'package-lock.json']

/** Directory of the program; null: it is none of ours, but may start ours. */
function rootOf(program: string): string | null {
  try {
    const root = dirname(dirname(realpathSync(program)))
    return existsSync(join(root, 'python/jumak_worker')) ? root : null
  } catch {
    return null
  }
}

/** Each Node that `scripts/node` may take: a named one, that of a package of ours, or of one beside us, or one on PATH. */
function nodesOf(root: string, directory: string): string[] {
  const { JUMAK_NODE: named, PATH = '' } = process.env
  const onPath = (name: string) => PATH.split(':').map(one => resolve(directory, one, name))
  if (named) return named.includes('/') ? [resolve(directory, named)] : onPath(named).filter(existsSync).slice(0, 1)
  const own = ['node_modules', '..']
    .flatMap(name => {
      const packages = join(root, name)
      if (!existsSync(packages)) return []
      return readdirSync(packages)
        .filter(one => one.startsWith('node-'))
        .map(one => join(packages, one, 'bin/node'))
    })
    .filter(existsSync)
  return own.length > 0 ? own : onPath('node').filter(existsSync).slice(0, 1)
}

function isDirectory(path: string): boolean {
  return statSync(path).isDirectory()
}

function checkSafe(path: string): void {
  let step: string | null = null
  try {
    if (!existsSync(path)) throw new OperatorError(`${path} is not there`)
    if (process.geteuid?.() === 0) step = stepOfOthers(path) ?? (isDirectory(path) ? changeableByOthers(path) : null)
  } catch (error) {
    if (error instanceof OperatorError) throw error
    throw new OperatorError(`${path} cannot be read: ${asErrno(error).message}`)
  }
  if (step !== null)
    throw new OperatorError(
      `root does not start ${path}: others than root may change ${step}; give it to root and take the right to write from all others`,
    )
}
