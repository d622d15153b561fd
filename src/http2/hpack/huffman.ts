/**
 * The Huffman code of strings (RFC7541§5.2, §B). Runs in the gateway, for literal strings of header blocks.
 *
 * The code is canonical: codes of one length are consecutive numbers, in the order of their characters. So the lengths alone make it.
 * The characters of nearly all strings have 5 to 8 bits: a table of 256 places, indexed by the next eight bits, has their character and
 * length. Longer codes are found by their length. A table of states by bytes is a third faster in a loop that does nothing else, but has
 * 256 KiB, which the caches of the processor do not hold beside the rest of the gateway, and takes 10 ms to make; one by nibbles has
 * 16 KiB and is no faster.
 */
import { NOT_IN_VALUE } from '../../http/headers.ts'
import { HpackError } from './errors.ts'

/** Bits of the code of each character, and of EOS (256). */
// biome-ignore format: 32 in a line
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
]
const EOS = 256
/** The longest codes that the table knows. */
const SHORT = 8
/** The shortest code. */
const MIN_LENGTH = 5
/** The shortest code that is not short. No character that a value must not have is short. */
const FIRST_LONG = 10
const MAX_LENGTH = 30

/** Characters, and EOS, in the order of their codes. */
const IN_ORDER: readonly number[] = LENGTHS.map((_, character) => character).sort(
  (a, b) => LENGTHS[a]! - LENGTHS[b]! || a - b,
)
const CODES = new Uint32Array(EOS + 1)
/** By length: its first code, how many codes it has, and the place of the first in IN_ORDER. */
const FIRST_CODE = new Int32Array(MAX_LENGTH + 1)
const COUNT = new Int32Array(MAX_LENGTH + 1)
const PLACE = new Int32Array(MAX_LENGTH + 1)
/** By eight bits: length << 8 | character, or 0: they begin a longer code. */
const SHORT_CODES = new Uint16Array(1 << SHORT)

let code = 0
let lengthBefore = 0
for (const [place, character] of IN_ORDER.entries()) {
  const length = LENGTHS[character]!
  code <<= length - lengthBefore
  lengthBefore = length
  if (COUNT[length] === 0) {
    FIRST_CODE[length] = code
    PLACE[length] = place
  }
  COUNT[length]!++
  CODES[character] = code
  if (length <= SHORT)
    SHORT_CODES.fill((length << 8) | character, code << (SHORT - length), (code + 1) << (SHORT - length))
  code++
}

/** No short character is one: then the loop would have to look. */
const IS_FORBIDDEN = Uint8Array.from({ length: EOS }, (_, i) => (NOT_IN_VALUE.test(String.fromCharCode(i)) ? 1 : 0))

/** Whether a byte is a character that no field value may have. */
export function isForbidden(byte: number): boolean {
  return IS_FORBIDDEN[byte] === 1
}

/** The most characters that `bytes` of code can hold. */
export function decodedRoom(bytes: number): number {
  return Math.floor((bytes * 8) / MIN_LENGTH)
}

/** The string that was decoded last. */
export interface Decoded {
  readonly characters: Buffer
  length: number
  /** It has a character that no field value may have. */
  hasForbidden: boolean
}

/** Decodes `bytes` from `at` to `end`. `decoded` has room for `decodedRoom(end - at)` characters. */
export function decodeHuffman(bytes: Buffer, at: number, end: number, decoded: Decoded): void {
  const into = decoded.characters
  let hasForbidden = false
  let length = 0
  // The lowest `bits` of `queue` are still to be read. Those above them are of codes that were read.
  let queue = 0
  let bits = 0
  for (;;) {
    if (bits < SHORT) {
      if (at + 1 < end) {
        queue = (queue << 16) | (bytes[at]! << 8) | bytes[at + 1]!
        at += 2
        bits += 16
      } else if (at < end) {
        queue = (queue << 8) | bytes[at++]!
        bits += 8
      } else {
        // The last code, and padding behind it. Eight ones are no short code, so these are no code that was not sent.
        const short = SHORT_CODES[((queue << (SHORT - bits)) | (0xff >> bits)) & 0xff]!
        if (short === 0 || short >> 8 > bits) break
        into[length++] = short
        bits -= short >> 8
        continue
      }
    }
    const short = SHORT_CODES[(queue >>> (bits - SHORT)) & 0xff]!
    if (short !== 0) {
      into[length++] = short
      bits -= short >> 8
      continue
    }
    // The first eight bits are set aside, so that the queue has room for the rest of any code.
    const begin = (queue >>> (bits - SHORT)) & 0xff
    bits -= SHORT
    while (bits <= 24 && at < end) {
      queue = (queue << 8) | bytes[at++]!
      bits += 8
    }
    const character = longCharacter(begin, queue, bits)
    if (character < 0) throw new HpackError('A string has more than 7 bits of padding', 'RFC7541§5.2')
    if (character === EOS) throw new HpackError('A string has the symbol EOS', 'RFC7541§5.2')
    if (IS_FORBIDDEN[character] === 1) hasForbidden = true
    into[length++] = character
    bits -= LENGTHS[character]! - SHORT
  }
  const padding = (1 << bits) - 1
  if ((queue & padding) !== padding) throw new HpackError('The padding of a string is not ones', 'RFC7541§5.2')
  decoded.length = length
  decoded.hasForbidden = hasForbidden
}

/** The character, or EOS, whose code is `begin`, eight bits, and then the first of `bits` bits of the queue; -1: it has more than these. */
function longCharacter(begin: number, queue: number, bits: number): number {
  for (let length = FIRST_LONG; length <= MAX_LENGTH && length - SHORT <= bits; length++) {
    const more = length - SHORT
    const code = (begin << more) | ((queue >>> (bits - more)) & ((1 << more) - 1))
    const place = code - FIRST_CODE[length]!
    // Codes of a length follow those of all smaller ones, so `place` is not negative where there is one.
    if (place < COUNT[length]!) return IN_ORDER[PLACE[length]! + place]!
  }
  return -1
}

/** Bytes of `text` in code. */
export function huffmanLength(text: string): number {
  let bits = 0
  for (let i = 0; i < text.length; i++) bits += LENGTHS[text.charCodeAt(i)]!
  return Math.ceil(bits / 8)
}

/** Writes `text`, latin-1, in code into `into` from `at`. Returns the end. */
export function encodeHuffman(text: string, into: Buffer, at: number): number {
  let queue = 0
  let bits = 0
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i)
    let left = LENGTHS[character]!
    // At most 16 bits at once, so that the queue does not overflow.
    while (left > 0) {
      const taken = Math.min(left, 16)
      left -= taken
      queue = (queue << taken) | ((CODES[character]! >>> left) & ((1 << taken) - 1))
      bits += taken
      while (bits >= 8) {
        bits -= 8
        into[at++] = queue >>> bits
      }
    }
  }
  if (bits > 0) into[at++] = (queue << (8 - bits)) | (0xff >> bits)
  return at
}
