/** What stands behind a `(`: which kind of group begins, by pcre2pattern(3). */
import { type Options, readOptions } from './options.ts'
import type { Reader } from './reader.ts'

export type GroupStart =
  | { readonly kind: 'capture'; readonly name: string | null }
  | { readonly kind: 'plain'; readonly options: Options }
  | { readonly kind: 'atomic' }
  | { readonly kind: 'look'; readonly isAhead: boolean; readonly isNegative: boolean }
  /** `(?i)`: no group, but options for what follows. */
  | { readonly kind: 'options'; readonly options: Options }

/** PCRE's own. */
const LONGEST_NAME = 32

const isName = (character: string) => /^[A-Za-z0-9_]$/.test(character)

/** `reader` stands behind the `(`, and is left at the content of the group. */
export function readGroupStart(reader: Reader, options: Options): GroupStart {
  const at = reader.at - 1
  if (!reader.takes('?')) return { kind: 'capture', name: null }
  if (reader.takes(':')) return { kind: 'plain', options }
  if (reader.takes('>')) return { kind: 'atomic' }
  if (reader.takes('=')) return { kind: 'look', isAhead: true, isNegative: false }
  if (reader.takes('!')) return { kind: 'look', isAhead: true, isNegative: true }
  if (reader.takes('<=')) return { kind: 'look', isAhead: false, isNegative: false }
  if (reader.takes('<!')) return { kind: 'look', isAhead: false, isNegative: true }
  const refused = whyRefused(reader)
  if (refused !== null) throw reader.error(refused, at)
  if (reader.takes('<') || reader.takes('P<')) return { kind: 'capture', name: readName(reader, '>') }
  if (reader.takes("'")) return { kind: 'capture', name: readName(reader, "'") }
  const changed = readOptions(reader, options)
  return reader.take() === ':' ? { kind: 'plain', options: changed } : { kind: 'options', options: changed }
}

function whyRefused(reader: Reader): string | null {
  if (reader.sees('P='))
    return "'(?P=…)' refers back to what a group has captured, which is not supported: write out what may stand there"
  if (
    reader.sees('P>') ||
    reader.sees('&') ||
    reader.sees('R') ||
    /^[+-]?[0-9]/.test(reader.bytes.slice(reader.at, reader.at + 2))
  )
    return 'calls a group again (recursion), which is not supported: write its content once more'
  if (reader.sees('(')) return "a condition '(?(…)…)' is not supported: write the cases as alternatives"
  if (reader.sees('|'))
    return "'(?|…)' is not supported: give each group a number of its own, or capture outside of the alternatives"
  if (reader.sees('C')) return "a call-out '(?C)' is not supported: leave it out"
  if (reader.sees('*')) return "'(?*…)' and its like are not supported: write '(?=…)'"
  if (reader.sees('<*')) return "'(?<*…)' is not supported: write '(?<=…)'"
  return null
}

function readName(reader: Reader, end: string): string {
  const start = reader.at
  const name = reader.takeWhile(isName)
  if (name === '') throw reader.error('a name of a group is letters, digits and underscores', start)
  if (name[0]! >= '0' && name[0]! <= '9') throw reader.error('a name of a group does not begin with a digit', start)
  if (name.length > LONGEST_NAME) throw reader.error(`a name of a group has at most ${LONGEST_NAME} characters`, start)
  if (!reader.takes(end)) throw reader.error(`'${end}' is missing behind the name of a group`)
  return name
}
