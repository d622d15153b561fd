/** Integers (RFC7541§5.1): some bits of the first byte, then groups of seven bits. `mask` has a one for each bit of the first byte. */
import { HpackError } from './errors.ts'

/** No length and no index of ours is larger, and it stays a small integer of V8. */
export const MAX_INTEGER = 2 ** 31 - 1
/** That many hold MAX_INTEGER. More would be zeros, of which a client could send any number. */
export const MAX_INTEGER_BYTES = 6

/** What is read, and how far. */
export class Reader {
  readonly bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** The caller knows that there is a first byte. */
  integer(mask: number): number {
    const { bytes } = this
    const value = bytes[this.at++]! & mask
    return value < mask ? value : this.#longInteger(mask)
  }

  #longInteger(mask: number): number {
    const { bytes } = this
    const first = this.at
    let value = mask
    let unit = 1
    for (;;) {
      if (this.at === bytes.length) throw new HpackError('A header block ends within a number', 'RFC7541§5.1')
      if (this.at - first === MAX_INTEGER_BYTES - 1)
        throw new HpackError(`A number has more than ${MAX_INTEGER_BYTES} bytes`, 'RFC7541§5.1')
      const byte = bytes[this.at++]!
      value += (byte & 0x7f) * unit
      if (value > MAX_INTEGER) throw new HpackError(`A number is larger than ${MAX_INTEGER}`, 'RFC7541§5.1')
      if (byte < 0x80) return value
      unit *= 0x80
    }
  }
}

/** `pattern`: the bits before the number. Returns the end. */
export function writeInteger(value: number, mask: number, pattern: number, into: Buffer, at: number): number {
  if (value < mask) {
    into[at] = pattern | value
    return at + 1
  }
  into[at++] = pattern | mask
  let rest = value - mask
  while (rest >= 0x80) {
    into[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  into[at++] = rest
  return at
}
