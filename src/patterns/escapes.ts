/**
 * What stands behind a backslash, outside and inside of classes, by pcre2pattern(3). A backslash before a letter or digit without a meaning is an
 * error for PCRE, and here: `\A` and `\z` in JavaScript are the letters, which nobody means.
 */
import { ANY, type ByteSet, DIGIT, HORIZONTAL, NOT_NEWLINE, not, SPACE, VERTICAL, WORD } from './byte-set.ts'
import type { Reader } from './reader.ts'
import type { Assertion } from './syntax.ts'

export type Escape =
  | { readonly byte: number }
  | { readonly set: ByteSet }
  | { readonly assertion: Assertion['kind'] }
  | { readonly anyNewline: true }

const CONTROLS: Readonly<Record<string, number>> = { a: 0x07, e: 0x1b, f: 0x0c, n: 0x0a, r: 0x0d, t: 0x09 }

const SETS: Readonly<Record<string, ByteSet>> = {
  d: DIGIT,
  D: not(DIGIT),
  w: WORD,
  W: not(WORD),
  s: SPACE,
  S: not(SPACE),
  h: HORIZONTAL,
  H: not(HORIZONTAL),
  v: VERTICAL,
  V: not(VERTICAL),
}

const ASSERTIONS: Readonly<Record<string, Assertion['kind']>> = {
  A: 'start',
  // The end of the match before: nginx begins each search at the start.
  G: 'start',
  z: 'end',
  Z: 'last-line-end',
  b: 'word-boundary',
  B: 'no-word-boundary',
}

const REFUSED: Readonly<Record<string, string>> = {
  K: "'\\K' is not supported: write what stands before it as a look-behind, '(?<=…)', or capture what stands behind it",
  X: "'\\X' needs Unicode, and paths and headers are bytes: write '.' or a class",
  p: "'\\p{…}' needs Unicode, and paths and headers are bytes: write a class such as '[[:alpha:]]' or '[\\x80-\\xff]'",
}

const REFERENCE =
  'refers back to what a group has captured: no way is known to match that in time that is bounded; write out what may stand there'

const QUANTIFIER = /^\{[0-9]+(?:,[0-9]*)?\}/

const isOctal = (character: string) => character >= '0' && character <= '7'
const isHex = (character: string) => '0123456789abcdefABCDEF'.includes(character)
const isDigit = (character: string) => character >= '0' && character <= '9'
const isLetter = (character: string) => /^[A-Za-z]$/.test(character)

/** `reader` stands behind the backslash. `groups`: how many have begun so far: they decide what `\11` means. */
export function readEscape(reader: Reader, place: 'pattern' | 'class', groups: number): Escape {
  const start = reader.at - 1
  if (reader.isAtEnd) throw reader.error("'\\' at the end of the pattern: write '\\\\' for a backslash", start)
  const character = reader.take()
  if (isDigit(character)) return { byte: readNumber(reader, character, place, groups, start) }
  if (!isLetter(character)) return { byte: character.charCodeAt(0) }
  const control = CONTROLS[character]
  if (control !== undefined) return { byte: control }
  const set = SETS[character]
  if (set !== undefined) return { set }
  if (character === 'x') return { byte: readHex(reader, start) }
  if (character === 'o') return { byte: readBraced(reader, 8, isOctal, start) }
  if (character === 'c') return { byte: readControl(reader, start) }
  if (character === 'k' || (character === 'g' && place === 'pattern')) {
    if (character === 'g' && "<'".includes(reader.next) && !reader.isAtEnd)
      throw reader.error("calls a group again ('\\g<…>'), which is not supported: write its content once more", start)
    throw reader.error(`'\\${character}' ${REFERENCE}`, start)
  }
  const refused = REFUSED[character === 'P' ? 'p' : character]
  if (refused !== undefined) throw reader.error(refused, start)
  if (place === 'class') {
    if (character === 'b') return { byte: 0x08 }
    // PCRE's own exception.
    if (character === 'g') return { byte: 0x67 }
    throw reader.error(`'\\${character}' has no meaning in a class`, start)
  }
  const assertion = ASSERTIONS[character]
  if (assertion !== undefined) return { assertion }
  if (character === 'R') return { anyNewline: true }
  if (character === 'C') return { set: ANY }
  // `\N{2}` is repeated; any other brace would name a character of Unicode.
  if (character === 'N' && (reader.next !== '{' || QUANTIFIER.test(reader.bytes.slice(reader.at))))
    return { set: NOT_NEWLINE }
  throw reader.error(`'\\${character}' has no meaning: write '${character}' for the letter`, start)
}

/** A reference, or up to three octal digits. */
function readNumber(reader: Reader, first: string, place: string, groups: number, start: number): number {
  if (first !== '0' && place === 'pattern') {
    const digits = first + reader.bytes.slice(reader.at).match(/^[0-9]{0,9}/)![0]
    if (first >= '8' || Number(digits) < 10 || Number(digits) <= groups)
      throw reader.error(`'\\${digits}' ${REFERENCE}`, start)
  }
  if (first >= '8') return first.charCodeAt(0)
  const value = Number.parseInt(first + reader.takeWhile(isOctal, 2), 8)
  if (value > 0xff) throw reader.error(`'\\${value.toString(8)}' is more than a byte, which ends at \\377`, start)
  return value
}

function readHex(reader: Reader, start: number): number {
  if (reader.next === '{') return readBraced(reader, 16, isHex, start)
  return Number.parseInt(`0${reader.takeWhile(isHex, 2)}`, 16)
}

function readBraced(reader: Reader, base: number, isPart: (character: string) => boolean, start: number): number {
  const letter = base === 16 ? 'x' : 'o'
  const digits = reader.takes('{') ? reader.takeWhile(isPart) : ''
  if (digits === '' || !reader.takes('}'))
    throw reader.error(`digits and '}' are missing: write '\\${letter}{${base === 16 ? '2f' : '57'}}'`, start)
  const value = Number.parseInt(digits, base)
  if (value > 0xff)
    throw reader.error(
      `'\\${letter}{${digits.slice(0, 20)}}' is more than a byte: write the character itself, or its bytes in UTF-8`,
      start,
    )
  return value
}

function readControl(reader: Reader, start: number): number {
  const character = reader.take()
  if (character < ' ' || character > '~' || character === '')
    throw reader.error("'\\c' needs a printable ASCII character behind it", start)
  return character.toUpperCase().charCodeAt(0) ^ 0x40
}
