/** Sets of bytes: what one item of a pattern may match. Each is 256 flags; nobody changes a set once it is made. */

export type ByteSet = Readonly<Uint8Array>

export function setOf(has: (byte: number) => boolean): ByteSet {
  return Uint8Array.from({ length: 256 }, (_, byte) => (has(byte) ? 1 : 0))
}

function setOfBytes(...bytes: readonly number[]): ByteSet {
  const flags = new Uint8Array(256)
  for (const byte of bytes) flags[byte] = 1
  return flags
}

export const not = (set: ByteSet): ByteSet => set.map(flag => 1 - flag)

export function union(sets: Iterable<ByteSet>): ByteSet {
  const flags = new Uint8Array(256)
  for (const set of sets) for (let byte = 0; byte < 256; byte++) flags[byte]! |= set[byte]!
  return flags
}

const SINGLES = Array.from({ length: 256 }, (_, byte) => setOfBytes(byte))

/** The set of one byte. */
export const single = (byte: number): ByteSet => SINGLES[byte]!

const isBetween = (first: string, last: string) => (byte: number) =>
  byte >= first.charCodeAt(0) && byte <= last.charCodeAt(0)
const isAmong = (characters: string) => (byte: number) => characters.includes(String.fromCharCode(byte))

export const DIGIT = setOf(isBetween('0', '9'))
const LOWER = setOf(isBetween('a', 'z'))
const UPPER = setOf(isBetween('A', 'Z'))
const LETTER = setOf(byte => LOWER[byte] === 1 || UPPER[byte] === 1)
const ALPHANUMERIC = setOf(byte => LETTER[byte] === 1 || DIGIT[byte] === 1)
/** PCRE without its UTF mode: ASCII only, whatever the locale. */
export const WORD = setOf(byte => ALPHANUMERIC[byte] === 1 || byte === 0x5f)
export const SPACE = setOf(isAmong('\t\n\v\f\r '))
export const HORIZONTAL = setOf(isAmong('\t \xa0'))
export const VERTICAL = setOf(isAmong('\n\v\f\r\x85'))
export const ANY = setOf(() => true)
export const NOT_NEWLINE = not(single(0x0a))

const GRAPHIC = setOf(isBetween('!', '~'))

export const POSIX: Readonly<Record<string, ByteSet>> = {
  alpha: LETTER,
  lower: LOWER,
  upper: UPPER,
  alnum: ALPHANUMERIC,
  ascii: setOf(byte => byte < 0x80),
  blank: setOf(isAmong('\t ')),
  cntrl: setOf(byte => byte < 0x20 || byte === 0x7f),
  digit: DIGIT,
  graph: GRAPHIC,
  print: setOf(isBetween(' ', '~')),
  punct: setOf(byte => GRAPHIC[byte] === 1 && ALPHANUMERIC[byte] === 0),
  space: SPACE,
  word: WORD,
  xdigit: setOf(isAmong('0123456789abcdefABCDEF')),
}

/** With each letter in upper and lower case: case is ASCII's, as for nginx. */
export function withoutCase(set: ByteSet): ByteSet {
  return setOf(byte => set[byte] === 1 || (LETTER[byte] === 1 && set[byte ^ 0x20] === 1))
}

const CASELESS = SINGLES.map((single, byte) => (LETTER[byte] === 1 ? setOfBytes(byte, byte ^ 0x20) : single))

/** The set of one byte; if it is a letter, in both cases. */
export const singleWithoutCase = (byte: number): ByteSet => CASELESS[byte]!
