/** Options that a pattern sets for a part of itself: `(?i)`, `(?s-m:…)`. */
import type { Reader } from './reader.ts'

export interface Options {
  /** Case does not count. */
  readonly i: boolean
  /** `^` and `$` are at each line. */
  readonly m: boolean
  /** `.` matches a newline, too. */
  readonly s: boolean
  /** Blanks and `# comments` mean nothing; `xx`: blanks in classes as well. */
  readonly x: boolean
  readonly xx: boolean
  /** Groups without a name do not capture. */
  readonly n: boolean
  /** Loops are lazy, and greedy with a `?`. */
  readonly U: boolean
}

const NONE = { i: false, m: false, s: false, x: false, xx: false, n: false }

/** Letters up to `)` or `:`, which is not read. `reader` stands behind `(?`. */
export function readOptions(reader: Reader, options: Options): Options {
  const start = reader.at
  const changed: { -readonly [name in keyof Options]: Options[name] } = { ...options }
  let isOn = true
  const isReset = reader.takes('^')
  if (isReset) Object.assign(changed, NONE)
  while (!reader.isAtEnd && reader.next !== ')' && reader.next !== ':') {
    const letter = reader.take()
    if (letter === '-' && isOn && !isReset) isOn = false
    else if (letter === 'x') {
      const isDouble = reader.takes('x')
      changed.x = isOn
      changed.xx = isOn && isDouble
    } else if (letter === 'i' || letter === 'm' || letter === 's' || letter === 'n' || letter === 'U')
      changed[letter] = isOn
    else if (letter === 'J') throw reader.error("'(?J)' is not supported: give each group a name of its own", start - 2)
    else throw reader.error(`'(?${letter}' begins no group that is known`, start - 2)
  }
  if (reader.isAtEnd) throw reader.error("')' is missing for this group", start - 2)
  return changed
}
