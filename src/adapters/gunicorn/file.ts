/**
 * gunicorn's configuration file: which one it is, and what its names mean. It is Python; who evaluates it hands its names over as JSON.
 * Runs in the command line, and in the master when it reloads. Looks whether a file is there, and reads none.
 */
import { basename, resolve } from 'node:path'
import type { Diagnostic } from '../../config/diagnostics.ts'
import { statOrNull } from '../../config/machine/files.ts'
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
  const stats = statOrNull(path)
  // So nothing is read: the usual file neither.
  if (stats?.isCharacterDevice()) return null
  if (stats !== null && !stats.isDirectory()) return { path, module: null, display, directory }
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

/** A file has variables of its own, so only a name that is nearly one of a setting, or of its flag, is told. */
function resembling(name: string, display: string): string[] {
  if (name.length < MIN_RESEMBLING || name.startsWith('_') || SETTINGS.some(option => option.name === name)) return []
  const meant = nearest(name)
  if (meant === null) return []
  return [`${shortName(display)}: ${name} is no setting of gunicorn, and does nothing; did you mean ${meant}?`]
}

/** The setting that a name resembles; null: none. */
export function nearest(written: string): string | null {
  const typed = plain(written)
  let best: string | null = null
  let least = typed.length < SHORT ? 2 : 3
  for (const option of SETTINGS) {
    // People write `keep_alive`, as the flag is spelt.
    for (const spelt of [option.name, ...option.flags].map(plain)) {
      // `use_loglevel`, `max_workers` are made on purpose.
      if (typed.includes(spelt) && typed.length > spelt.length + 1) continue
      const different = spelt === typed ? 0 : differentLetters(typed, spelt)
      if (different > least || (different === least && best !== null)) continue
      best = option.name
      least = different
    }
  }
  return best
}

/** Two mistakes change more of a shorter name. */
const SHORT = 7

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '')
}

/** How many letters one has and the other has not: `treads`, `wrokers`; five of `worker_path` and `workers`. */
function differentLetters(one: string, other: string): number {
  const left = [...other]
  let missing = 0
  for (const letter of one) {
    const at = left.indexOf(letter)
    if (at < 0) missing++
    else left.splice(at, 1)
  }
  return missing + left.length
}

function shortName(display: string): string {
  return display.startsWith('python:') ? display : basename(display)
}
