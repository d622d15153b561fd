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
  /** Behind the length of the string that `endOfString` looked at. */
  #from = 0

  /** Latin-1. */
  string(): string {
    const isHuffman = this.bytes[this.at]! >= HUFFMAN
    const end = this.endOfString()
    const from = this.#from
    this.at = end
    return isHuffman ? this.#decode(from, end) : this.#slice(from, end)
  }

  /** Where the string ends that begins here. Reads nothing. */
  endOfString(): number {
    const { bytes, at } = this
    if (at >= bytes.length) throw new HpackError('A header block ends before a string', 'RFC7541§5.2')
    const length = this.integer(HUFFMAN - 1)
    this.#from = this.at
    this.at = at
    const end = this.#from + length
    if (end > bytes.length) throw new HpackError('A header block ends within a string', 'RFC7541§5.2')
    return end
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
