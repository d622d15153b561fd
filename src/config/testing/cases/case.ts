/** What the test of every setting knows of one: texts and the values that come of them. A time is the same everywhere. */
import type { Config } from '../../types.ts'

/** One setting, from all sources. */
export interface Case {
  readonly of: (config: Config) => unknown
  /** Value of the default. */
  readonly standard: unknown
  /** Text → value; `$` is the directory. The first one is tried from a file as well, as `toml`. */
  readonly texts: readonly (readonly [text: string, value: unknown])[]
  readonly toml: string
  /** Some text that is refused, and what is said to be allowed. */
  readonly wrong: readonly [text: string, allowed: RegExp]
  /** More of the command line that it needs to be seen. */
  readonly with?: readonly string[]
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
