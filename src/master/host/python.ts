/**
 * Which Python runs the application: `--python`, the virtual environment of the project (`virtual-environments.ts`), or `python3` on PATH.
 * The first one that exists is used, and it must work. Runs in the master, at the start and at each reload.
 *
 * Invariant: symbolic links in the path are never resolved. Python finds its virtual environment by the path that it is started with,
 * and a link may point to another one at the next reload.
 */
import { execFile } from 'node:child_process'
import { accessSync, constants, lstatSync, statSync } from 'node:fs'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import type { Identity } from '../../config/types.ts'
import { OperatorError } from '../errors.ts'
import { describeIdentity } from './identity.ts'
import { BECOME, firstBytes, otherUser } from './start-as.ts'
import { virtualEnvironments } from './virtual-environments.ts'

export interface Python {
  /** Absolute, links not resolved. */
  readonly path: string
  /** `3.13.0`. */
  readonly version: string
  /** Why this one, for the start-up line: `.venv in the application's directory`. */
  readonly reason: string
  /** A warning for the log, or empty. */
  readonly note: string
}

export interface PythonSearch {
  /** The value of `--python`, or null. */
  readonly explicit: string | null
  /** The application's directory. */
  readonly directory: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Who runs it: the Python may be this user's own. Null: we ourselves. */
  readonly identity?: Identity | null
}

interface Candidate {
  readonly path: string
  readonly reason: string
}

const OLDEST_MINOR = 9
const NEWEST_MINOR = 14
/** A cold start from a slow disk takes a second or two. A Python that needs longer than this is broken. */
const CHECK_MS = 20_000
const ADVICE = 'give the path of a Python 3.9 to 3.14 with --python'
/** Without site and environment variables Python answers even when the installation's start-up files are broken. */
const CHECK_ARGUMENTS = [
  '-E',
  '-S',
  '-c',
  'import sys; print(sys.implementation.name, ".".join(str(part) for part in sys.version_info[:3]))',
]

/**
 * Throws an OperatorError with one sentence when there is no Python, or the chosen one cannot be used. `signal` aborts the search, and
 * kills a Python that hangs.
 */
export async function findPython(search: PythonSearch, signal?: AbortSignal): Promise<Python> {
  const candidate = chooseCandidate(search)
  const { name, version } = await askVersion(candidate, search, signal)
  const minor = Number(version.split('.')[1])
  if (name !== 'cpython')
    throw new OperatorError(
      `${candidate.path} (${candidate.reason}) is ${name}, and only CPython is supported: ${ADVICE}`,
    )
  if (!version.startsWith('3.') || minor < OLDEST_MINOR)
    throw new OperatorError(`${candidate.path} (${candidate.reason}) is Python ${version}, which is too old: ${ADVICE}`)
  const note = minor > NEWEST_MINOR ? `Python ${version} is newer than what Jumak was tested with (3.9 to 3.14)` : ''
  return { ...candidate, version, note }
}

function chooseCandidate(search: PythonSearch): Candidate {
  if (search.explicit !== null) return chooseExplicit(search.explicit, search.environment)
  const { directory, environment } = search
  for (const found of virtualEnvironments(directory, environment, process.platform)) {
    const path = findInVirtualEnvironment(found.directory)
    if (path !== null) return { path, reason: found.reason }
    if (found.namedBy !== null)
      throw new OperatorError(
        `${found.namedBy} names ${found.directory}, which has no bin/python: activate another environment or ${ADVICE}`,
      )
  }
  const path = findOnPath('python3', search.environment)
  if (path === null)
    throw new OperatorError(
      `there is no virtual environment (looked for .venv and venv in ${directory} and above it) and no python3 on PATH: install Python 3 (python.org), or ${ADVICE}`,
    )
  return { path, reason: 'python3 on PATH' }
}

/** A path, a name on PATH, or the directory of a virtual environment. */
function chooseExplicit(explicit: string, environment: PythonSearch['environment']): Candidate {
  const reason = '--python'
  const found = explicit.includes('/') ? resolve(explicit) : findOnPath(explicit, environment)
  if (found !== null && exists(found)) {
    if (!isDirectory(found)) return { path: found, reason }
    const path = findInVirtualEnvironment(found)
    if (path === null) throw new OperatorError(`--python ${explicit} is a directory without bin/python: ${ADVICE}`)
    return { path, reason }
  }
  // `--python .venv`: a directory, and no command.
  const local = findInVirtualEnvironment(resolve(explicit))
  if (local !== null) return { path: local, reason }
  const where = explicit.includes('/') ? 'does not exist' : 'is not on PATH'
  throw new OperatorError(`--python ${explicit} ${where}: ${ADVICE}`)
}

/** A link to a missing Python counts as found: the operator must hear of it. */
function findInVirtualEnvironment(directory: string): string | null {
  for (const name of ['python', 'python3']) {
    const path = join(directory, 'bin', name)
    if (exists(path)) return path
  }
  return null
}

function findOnPath(name: string, environment: PythonSearch['environment']): string | null {
  for (const directory of (environment['PATH'] ?? '').split(delimiter)) {
    if (!isAbsolute(directory)) continue
    const path = join(directory, name)
    try {
      accessSync(path, constants.X_OK)
      if (!isDirectory(path)) return path
    } catch {
      // Not in this one.
    }
  }
  return null
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function askVersion(
  candidate: Candidate,
  { identity = null, environment }: PythonSearch,
  signal: AbortSignal | undefined,
): Promise<{ name: string; version: string }> {
  const user = otherUser(identity)
  const command = [candidate.path, ...CHECK_ARGUMENTS] as const
  const [file, ...args] = user === null ? command : BECOME
  const by = user === null ? '' : ` as ${describeIdentity(user)}`
  const which = `${candidate.path} (${candidate.reason})`
  return new Promise((resolve, reject) => {
    const env = user === null ? process.env : {}
    const options = { timeout: CHECK_MS, killSignal: 'SIGKILL', signal, env } as const
    const child = execFile(file, args, options, (error, output, errors) => {
      const answer = /^(\w+) (\d+\.\d+\.\d+)$/.exec(output.trim())
      if (!error && answer) return resolve({ name: answer[1]!, version: answer[2]! })
      reject(
        new OperatorError(
          `${which} ${explainFailure(error, errors)}${by}: ${ADVICE}, or make the virtual environment anew`,
        ),
      )
    })
    if (user === null) return
    // It may have died.
    child.stdin?.on('error', () => {})
    child.stdin?.end(firstBytes(user, command, environment))
  })
}

function explainFailure(error: (Error & { code?: unknown; killed?: boolean }) | null, errors: string): string {
  // As numbers: from the process that becomes the user.
  if (error?.code === 'ENOENT' || error?.code === 127) return 'points to a Python that does not exist'
  if (error?.code === 'EACCES' || error?.code === 126) return 'may not be executed'
  if (error?.killed) return `did not start within ${CHECK_MS / 1000} s`
  const last = errors.trim().split('\n').at(-1)
  return last ? `does not run (${last})` : 'does not behave like Python'
}
