/**
 * What the given options of another program become in our settings, while it is put together. Each `apply` of a table writes here. Runs in
 * the command line, and in the master when it reloads. Pure.
 *
 * Invariant: every message names the option at the place where it was given.
 */
import { resolve } from 'node:path'
import type { Secret } from '../base/secret.ts'
import type { Diagnostic } from '../config/diagnostics.ts'
import type { Given } from '../config/sources/given.ts'
import type { Variables } from '../config/sources/variables.ts'

/** Of one option of the other program: the value that counts, and where it was given. */
export interface GivenValue {
  readonly value: unknown
  /** For messages: `--timeout`, `GUNICORN_CMD_ARGS: --timeout`, `gunicorn.conf.py: timeout`. */
  readonly place: string
}

export class Translation {
  /** By the names of our settings. */
  readonly values = new Map<string, Given[]>()
  /** The other program's defaults, where they are not ours: anything that is given wins over them. */
  readonly defaults = new Map<string, Given[]>()
  /** Told once, in the log. */
  readonly notes: string[] = []
  /** Told once, too, for what nobody needs to change. */
  readonly remarks: string[] = []
  /** The start stops. */
  readonly problems: Diagnostic[] = []
  /** The start stops, unless it is lenient. */
  readonly refusals: Diagnostic[] = []
  /** The password of the private key; null: none was given. It is in no value, for these are printed. */
  keyPassword: Secret | null = null
  readonly variables: Variables
  /** Where relative paths of the other program begin. */
  readonly directory: string
  /** By the name of the option. */
  readonly #given: ReadonlyMap<string, GivenValue>
  /** Of the option that is translated now. */
  #place = ''

  constructor(given: ReadonlyMap<string, GivenValue>, directory: string, variables: Variables) {
    this.#given = given
    this.directory = directory
    this.variables = variables
  }

  /** What follows is about the option that was given there. */
  begin({ place }: GivenValue): void {
    this.#place = place
  }

  /** The value of another option; undefined: it was not given. */
  valueOf<Value>(name: string): Value | undefined {
    return this.#given.get(name)?.value as Value | undefined
  }

  isGiven(name: string): boolean {
    return this.#given.has(name)
  }

  /** The values of one of our settings, as a user would write them. */
  set(setting: string, ...texts: readonly string[]): void {
    this.values.set(setting, this.#from(texts))
  }

  /** More values of one of our settings that may have several. */
  add(setting: string, ...texts: readonly string[]): void {
    this.values.set(setting, [...(this.values.get(setting) ?? []), ...this.#from(texts)])
  }

  /** A default of the other program. `place`: for `--print-config`. */
  standard(place: string, setting: string, ...texts: readonly string[]): void {
    this.defaults.set(
      setting,
      texts.map(text => ({ text, origin: { from: 'other', name: place } })),
    )
  }

  /** The application, or what else has no option: `place` is its name in messages. */
  named(place: string, app: string): void {
    this.values.set('app', [{ text: app, origin: { from: 'other', name: place } }])
  }

  /** A phrase that follows the option's name. */
  tell(phrase: string): void {
    this.notes.push(`${this.#place} ${phrase}`)
  }

  /** The value cannot be: the start stops in any case. `problem`: a phrase (`must be …`). */
  reject(problem: string): void {
    this.problems.push({ subject: this.#place, message: `${this.#place} ${problem}` })
  }

  /** `would`: `would …`, what it does there. `instead`: what to write here. */
  refuse(would: string, instead: string): void {
    this.refusals.push({
      subject: this.#place,
      message: `${this.#place} is not supported: it ${would}; ${instead}`,
    })
  }

  /** An absolute path. */
  path(written: string): string {
    return resolve(this.directory, written)
  }

  #from(texts: readonly string[]): Given[] {
    return texts.map(text => ({ text, origin: { from: 'other', name: this.#place } }))
  }
}
