/** Forms of values that click has, and no other program here. Pure. */
import type { Parsed } from '../../config/diagnostics.ts'
import type { AnyOption } from '../option.ts'
import { flag, oneOf, type Shape, text } from '../shapes.ts'

const TRUE: ReadonlySet<string> = new Set(['1', 'true', 't', 'yes', 'y', 'on'])
const FALSE: ReadonlySet<string> = new Set(['0', 'false', 'f', 'no', 'n', 'off'])

export function parseBoolean(written: string): Parsed<boolean> {
  const word = written.trim().toLowerCase()
  if (TRUE.has(word)) return { value: true }
  return FALSE.has(word) ? { value: false } : { problem: 'must be one of true, false, yes, no, on, off, 1, 0' }
}

/** A flag that takes its value as a word. */
export function boolean(): Shape<boolean> {
  return { ...flag(), takes: 'value', fromText: parseBoolean }
}

/** One of these words, or a class or a function as `module:name`. */
export function oneOfOrName<const Word extends string>(...words: readonly Word[]): Shape<string> {
  const { fromText, ...shape } = text()
  const known = oneOf(...words)
  return {
    ...shape,
    fromText: written => (/^[\w.]+:[\w.]+$/.test(written) ? { value: written } : known.fromText(written)),
  }
}

/** `--name` and `--no-name`: two lines of the table with one name. */
export function pair(make: (flags: readonly string[], shape: Shape<boolean>) => AnyOption, name: string): AnyOption[] {
  return [make([`--${name}`], flag()), make([`--no-${name}`], flag(false))]
}
