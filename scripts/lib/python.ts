/**
 * Finds Python interpreters and makes virtual environments, for the example and for tests. If something is missing, one sentence
 * (`SetupError`) says what, and how to get it.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { run } from './command.ts'

/** The oldest minor version of Python 3 that Jumak runs. */
const OLDEST_MINOR = 9

/** Something that the user has to provide; the message is one sentence for them. */
export class SetupError extends Error {}

export interface Interpreter {
  /** The real executable, no wrapper of a version manager. */
  readonly executable: string
  /** `3.11.7`. */
  readonly version: string
}

export type Probe = { readonly found: Interpreter } | { readonly found: null; readonly problem: string }

/** Runs the interpreter once: is it there, new enough, and able to make virtual environments? */
export async function probePython(command: string): Promise<Probe> {
  // Debian's python3 has no ensurepip; there `venv` alone can be imported.
  const code =
    'import sys, importlib.util as u; print("%d.%d.%d" % sys.version_info[:3], sys.executable,' +
    ' all(u.find_spec(m) for m in ("venv", "ensurepip")), sep="\\n")'
  const { code: exit, output } = await run(command, ['-I', '-c', code])
  const [version = '', executable = '', complete] = output.trim().split('\n')
  if (exit !== 0 || !/^\d+\.\d+\.\d+$/.test(version))
    return { found: null, problem: `there is no '${command}' that runs` }
  const [major, minor] = version.split('.').map(Number) as [number, number]
  if (major !== 3 || minor < OLDEST_MINOR) return { found: null, problem: `'${command}' is Python ${version}` }
  if (complete !== 'True') {
    return { found: null, problem: `Python ${version} comes without its venv and ensurepip modules` }
  }
  return { found: { executable, version } }
}

/** The python3 on PATH, or a SetupError that says how to get one. */
export async function pythonOnPath(): Promise<Interpreter> {
  const probe = await probePython('python3')
  if (probe.found) return probe.found
  throw new SetupError(
    `${probe.problem}: install Python 3.${OLDEST_MINOR} or newer with pip and venv` +
      ' (Debian and Ubuntu: apt install python3 python3-venv; macOS: brew install python) and run this again',
  )
}

/**
 * Puts the directory of the Python that `python3` is before all others on PATH, unless it is there. A wrapper of a version manager starts
 * twenty processes before Python runs, and each start of the program calls it twice.
 */
export async function passWrapper(): Promise<void> {
  const { found } = await probePython('python3')
  const path = process.env['PATH'] ?? ''
  if (found === null || path.split(':').includes(dirname(found.executable))) return
  process.env['PATH'] = `${dirname(found.executable)}:${path}`
}

/**
 * Every Python from 3.9 on at hand, oldest first, one for each minor version: those of pyenv, and `python3.N` on PATH.
 * `limit: 'ends'` looks no further than the oldest and the newest that work.
 */
export async function pythonsAtHand(limit: 'all' | 'ends'): Promise<Interpreter[]> {
  const candidates = [...candidatesByMinor().entries()].sort(([a], [b]) => a - b).map(([, commands]) => commands)
  if (limit === 'all') return (await Promise.all(candidates.map(firstThatWorks))).filter(one => one !== null)
  const oldest = await firstOf(candidates)
  if (!oldest) {
    const { found } = await probePython('python3')
    return found ? [found] : []
  }
  const newest = await firstOf(candidates.reverse())
  return newest && newest.version !== oldest.version ? [oldest, newest] : [oldest]
}

async function firstOf(candidates: readonly string[][]): Promise<Interpreter | null> {
  for (const commands of candidates) {
    const found = await firstThatWorks(commands)
    if (found) return found
  }
  return null
}

async function firstThatWorks(commands: readonly string[]): Promise<Interpreter | null> {
  for (const command of commands) {
    const { found } = await probePython(command)
    if (found) return found
  }
  return null
}

/** Minor version → commands whose names say that they are it. */
function candidatesByMinor(): Map<number, string[]> {
  const found = new Map<number, string[]>()
  const add = (minor: number, command: string) => {
    if (minor >= OLDEST_MINOR) found.set(minor, [...(found.get(minor) ?? []), command])
  }
  const pyenv = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions')
  for (const name of namesIn(pyenv)) {
    const match = /^3\.(\d+)\.\d+$/.exec(name)
    if (match) add(Number(match[1]), join(pyenv, name, 'bin/python3'))
  }
  for (const directory of (process.env['PATH'] ?? '').split(':')) {
    for (const name of namesIn(directory)) {
      const match = /^python3\.(\d+)$/.exec(name)
      if (match) add(Number(match[1]), join(directory, name))
    }
  }
  return found
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

export interface VenvOptions {
  readonly interpreter: Interpreter
  readonly directory: string
  readonly requirements: string
  /** What is installed, for messages: `Django`. */
  readonly what: string
  /** Called before each step that takes time. */
  readonly onStep?: (step: string) => void
}

/**
 * A virtual environment with the requirements installed; returns its interpreter. At once, and without network, when
 * it is there already: a marker, written last, holds the hash of the requirements and of the interpreter.
 */
export async function ensureVenv(options: VenvOptions): Promise<string> {
  const { interpreter, directory, requirements, what } = options
  const python = join(directory, 'bin/python')
  const marker = join(directory, 'installed')
  const wanted = hashOf([readFileSync(requirements, 'utf8'), interpreter.executable, interpreter.version])
  if (existsSync(python) && existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return python

  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  options.onStep?.(`making a virtual environment for Python ${interpreter.version}`)
  const made = await run(interpreter.executable, ['-m', 'venv', directory])
  if (made.code !== 0) {
    throw new SetupError(
      `Python ${interpreter.version} could not make a virtual environment (Debian and Ubuntu: apt install python3-venv):` +
        ` ${lastLine(made.output)}`,
    )
  }
  options.onStep?.(`installing ${what}`)
  const arguments_ = ['-m', 'pip', 'install', '--quiet', '--no-input', '--retries=2', '--disable-pip-version-check']
  const installed = await run(python, [...arguments_, '-r', requirements])
  if (installed.code !== 0) {
    throw new SetupError(
      `pip could not install ${what}: it needs the Python package index once, so check the network and run this again` +
        ` (${lastLine(installed.output)})`,
    )
  }
  writeFileSync(marker, wanted)
  return python
}

export function hashOf(parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex')
}

function lastLine(output: string): string {
  return output.trim().split('\n').pop() ?? ''
}
