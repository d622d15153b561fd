/** A row of the test of every setting: texts, and the values that come of them. */
import type { AppConfig, Config } from '../../types.ts'

/** One setting. */
export interface Case {
  readonly of: (config: Config, app: AppConfig) => unknown
  /** The value of the default. */
  readonly standard: unknown
  /** Text → value; `$` is the directory. The first is tried from a file as well, written as `toml`. */
  readonly texts: readonly (readonly [text: string, value: unknown])[]
  readonly toml: string
  /** A text that is refused, and the phrase that says what is allowed. */
  readonly wrong: readonly [text: string, allowed: RegExp]
  /** More words of the command line, if the value has an effect only with them. */
  readonly with?: readonly string[]
  /** Of the command line of the default, if `with` needs the setting. */
  readonly withDefault?: readonly string[]
}

export const SECONDS = 1000
export const GIB = 1024 ** 3
export const NUMBER_FROM = /must be a whole number from \d+ to \d+/
const TIME = /must be seconds \(30\) or a number with a unit/
export const SIZE = /must be bytes \(1048576\) or a number with a unit/

export function time(of: Case['of'], standard: number): Case {
  return {
    of,
    standard,
    texts: [
      ['1.5', 1500],
      ['2m', 120 * SECONDS],
      ['500ms', 500],
    ],
    toml: '1.5',
    wrong: ['2 minutes', TIME],
  }
}
