/** String literals (RFC7541§5.2), as strings of their own: none keeps the bytes in memory that it came with. */
import { HpackError } from './errors.ts'
import { type Decoded, decodedRoom, decodeHuffman, isForbidden } from './huffman.ts'
import { Reader } from './integers.ts'

const HUFFMAN = 0x80

/** For all strings but long ones. The decoder of one connection has done with it before that of another begins. */
const shared: Decoded = { characters: Buffer.allocUnsafeSlow(4096), length: 0, hasForbidden: false }

export class StringReader extends Reader {
  /** The last string has a character that no field value may have. */
  hasForbidden = false

  /** Latin-1. */
  string(): string {
    const { bytes } = this
    if (this.at >= bytes.length) throw new HpackError('A header block ends before a string', 'RFC7541§5.2')
    const isHuffman = bytes[this.at]! >= HUFFMAN
    const length = this.integer(HUFFMAN - 1)
    const from = this.at
    const to = from + length
    if (to > bytes.length) throw new HpackError('A header block ends within a string', 'RFC7541§5.2')
    this.at = to
    return isHuffman ? this.#decode(from, to) : this.#slice(from, to)
  }

  #decode(from: number, to: number): string {
    const room = decodedRoom(to - from)
    const decoded =
      room <= shared.characters.length
        ? shared
        : { characters: Buffer.allocUnsafe(room), length: 0, hasForbidden: false }
    decodeHuffman(this.bytes, from, to, decoded)
    this.hasForbidden = decoded.hasForbidden
    return decoded.characters.toString('latin1', 0, decoded.length)
  }

  #slice(from: number, to: number): string {
    const { bytes } = this
    this.hasForbidden = false
    for (let i = from; i < to; i++) if (isForbidden(bytes[i]!)) this.hasForbidden = true
    return bytes.toString('latin1', from, to)
  }
}
