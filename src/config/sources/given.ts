/**
 * A value as the user wrote it, with its place, which every message about it names. Runs in the command line, and in the master when
 * it reloads. Pure.
 */
import type { Diagnostic } from '../diagnostics.ts'
import { labelOf, type Setting, type Source } from '../settings/setting.ts'

/** Where a value was given. */
export type Origin =
  | { readonly from: 'default' }
  | { readonly from: 'flag' }
  /** `JUMAK_…`, or a platform's: `PORT`. */
  | { readonly from: 'variable'; readonly name: string }
  /** What another program's option became: its name at its place, as in `--graceful-timeout` or `gunicorn.conf.py: graceful_timeout`. */
  | { readonly from: 'other'; readonly name: string }
  | { readonly from: 'file'; readonly file: string; readonly directory: string; readonly position: Position }

/** As editors count: from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** A value as the user wrote it. */
export interface Given {
  readonly text: string
  readonly origin: Origin
}

/** `jumak.toml:3:9`. */
export function formatPlace(file: string, { line, column }: Position): string {
  return `${file}:${line}:${column}`
}

/** A problem with a setting, at the place where it was given. `problem`: a phrase that follows the setting's name. */
export function problemWith(setting: Setting, origin: Origin, problem: string): Diagnostic {
  if (origin.from === 'file') {
    const subject = formatPlace(origin.file, origin.position)
    return { subject, message: `${subject}: ${setting.name} ${problem}` }
  }
  const subject = nameOf(setting, origin)
  return { subject, message: `${subject} ${problem}` }
}

/** `--workers must be a number from 1 to 1024, or auto, not 'many'`. */
export function wrongValue(setting: Setting, given: Given, problem: string): Diagnostic {
  // A variable of `env` may be a secret, and the message goes to a log.
  const text = setting.kind.table === 'only' ? given.text.replace(/=.*/s, '=…') : given.text
  return problemWith(setting, given.origin, `${problem}, not '${show(text)}'`)
}

/** The setting's name at that place: `--workers`, `JUMAK_WORKERS`, `workers`. */
export function nameOf(setting: Setting, origin: Origin): string {
  if (origin.from === 'variable' || origin.from === 'other') return origin.name
  return origin.from === 'file' ? setting.name : labelOf(setting)
}

/** For `--print-config`: `--workers`, `JUMAK_WORKERS`, `jumak.toml:3`. */
export function describeOrigin(setting: Setting, origin: Origin): string {
  if (origin.from === 'default') return 'default'
  if (origin.from === 'file') return `${origin.file}:${origin.position.line}`
  return origin.from === 'variable' || origin.from === 'other' ? origin.name : labelOf(setting)
}

/** The parts of a list. Commas separate them in variables, and everywhere if the setting says so. */
export function splitCommas(setting: Setting, text: string, source: Source): string[] {
  const isList = setting.repeatable === 'commas' || (setting.repeatable === 'words' && source === 'variable')
  return isList ? text.split(',').map(part => part.trim()) : [text]
}

/** Longer values are cut. Control characters are shown, not sent to the terminal. */
const MAX_SHOWN = 200

export function show(text: string): string {
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
  return cut.replace(/[\x00-\x1f\x7f]/g, character => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
