/**
 * gunicorn's configuration file: which one it is, and what its names mean. It is Python; who evaluates it hands its names over as JSON.
 * Runs in the command line, and in the master when it reloads. Looks whether a file is there, and reads none.
 */
import { basename, resolve } from 'node:path'
import { closest } from '../../base/closest.ts'
import type { Diagnostic } from '../../config/diagnostics.ts'
import { isFile } from '../../config/machine/files.ts'
import type { EvaluatedFile, WantedFile } from '../adapted.ts'
import type { GivenOption } from '../option.ts'
import { SETTINGS } from './table.ts'

const USUAL = 'gunicorn.conf.py'
/** Shorter words are ordinary variables, and resemble everything. */
const MIN_RESEMBLING = 5

export type FoundFile = WantedFile | { readonly problem: string } | null

/**
 * `named`: of `--config`; undefined: none. Null: there is no file. Its path begins at the working directory, before `--chdir` of any
 * source, as it does there.
 */
export function findFile(named: string | undefined, directory: string): FoundFile {
  const display = named ?? USUAL
  if (named?.startsWith('python:')) {
    const module = named.slice('python:'.length)
    return module === '' ? { problem: 'must have a module after python:' } : { path: null, module, display, directory }
  }
  const path = resolve(directory, display.replace(/^file:/, ''))
  if (isFile(path)) return { path, module: null, display, directory }
  return named === undefined ? null : { problem: `must name a file that exists: there is no ${path}` }
}

export interface ReadFile {
  readonly given: ReadonlyMap<string, GivenOption>
  readonly problems: readonly Diagnostic[]
  /** Names that nobody reads, and that somebody may have meant. */
  readonly notes: readonly string[]
}

export function readFile({ display, values }: EvaluatedFile): ReadFile {
  const given = new Map<string, GivenOption>()
  const problems: Diagnostic[] = []
  for (const option of SETTINGS) {
    const value = Object.hasOwn(values, option.name) ? values[option.name] : null
    // None is the same as nothing.
    if (value === null) continue
    const place = `${shortName(display)}: ${option.name}`
    const parsed = option.shape.fromFile(value)
    if ('value' in parsed) given.set(option.name, { option, value: parsed.value, place })
    else problems.push({ subject: place, message: `${place} ${parsed.problem}` })
  }
  return { given, problems, notes: Object.keys(values).flatMap(name => resembling(name, display)) }
}

/** A file has variables of its own, so only a name that looks like a misspelt setting is told. */
function resembling(name: string, display: string): string[] {
  const names = SETTINGS.map(option => option.name)
  if (names.includes(name) || name.length < MIN_RESEMBLING || name.startsWith('_')) return []
  const meant = closest(name.toLowerCase(), names)
  if (meant === null || Math.abs(meant.length - name.length) > 2 || !isNear(name.toLowerCase(), meant)) return []
  return [`${shortName(display)}: ${name} is no setting of gunicorn, and does nothing; did you mean ${meant}?`]
}

/** As many letters as two mistakes may have changed. */
const MAX_DIFFERENT = 3

/** The same letters, but for a few: `treads`, `time_out`, `WORKERS`; not `worker_path` for `workers`. */
function isNear(name: string, meant: string): boolean {
  const [left, right] = [[...name].sort(), [...meant].sort()]
  let different = 0
  for (let i = 0, j = 0; i < left.length || j < right.length; ) {
    if (left[i] === right[j]) {
      i++
      j++
      continue
    }
    different++
    if (j >= right.length || (i < left.length && left[i]! < right[j]!)) i++
    else j++
  }
  return different <= MAX_DIFFERENT
}

function shortName(display: string): string {
  return display.startsWith('python:') ? display : basename(display)
}
