/**
 * Writes CPython marshal bytes: what Python loads in C in about a microsecond. Runs in the gateway, sans-IO. Only the
 * codes that every Python from 3.8 on reads alike: a dict of strings, nothing interned and nothing shared.
 *
 *   dict   '{' key value key value … '0'
 *   string 'z' u8 length · ASCII      short
 *          'a' u32 length · ASCII     long
 *          'u' u32 length · UTF-8     anything else; a latin-1 header value arrives as code points up to 255
 *
 * One writer serves all links of the process: bytes collect from `start()` to `bytes()`. It is not a general marshal.
 */

const DICT = 0x7b
const DICT_END = 0x30
const SHORT_ASCII = 0x7a
const LONG_ASCII = 0x61
const UNICODE = 0x75

/** Up to this length a loop in JavaScript is cheaper than the call into C++ that `write` makes. */
const LOOP_LENGTH = 16
const INITIAL_SIZE = 64 * 1024
/** A buffer that grew beyond this for one large request is not kept for the next. */
const KEEP_SIZE = 1024 * 1024

export class MarshalWriter {
  buffer: Buffer = Buffer.allocUnsafeSlow(INITIAL_SIZE)
  position = 0

  /** Forgets what was written. */
  start(): void {
    if (this.buffer.length > KEEP_SIZE) this.detach()
    this.position = 0
  }

  /** What was written: a view, valid until `start()`, unless `detach()` is called first. */
  bytes(): Buffer {
    return this.buffer.subarray(0, this.position)
  }

  /** Somebody else (a socket whose kernel buffer is full) keeps the bytes: go on in a new buffer. */
  detach(): void {
    this.buffer = Buffer.allocUnsafeSlow(INITIAL_SIZE)
    this.position = 0
  }

  reserve(bytes: number): void {
    const needed = this.position + bytes
    if (needed <= this.buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2))
    grown.set(this.buffer.subarray(0, this.position))
    this.buffer = grown
  }

  startDict(): void {
    this.u8(DICT)
  }

  endDict(): void {
    this.u8(DICT_END)
  }

  u8(value: number): void {
    this.reserve(1)
    this.buffer[this.position++] = value
  }

  u32(value: number): void {
    this.reserve(4)
    this.patchU32(this.position, value)
    this.position += 4
  }

  /** Writes over four bytes that are there already: a length that is known only now. */
  patchU32(position: number, value: number): void {
    const { buffer } = this
    buffer[position] = value
    buffer[position + 1] = value >>> 8
    buffer[position + 2] = value >>> 16
    buffer[position + 3] = value >>> 24
  }

  /** Bytes as they are: strings that were encoded before, or content. */
  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.buffer.set(bytes, this.position)
    this.position += bytes.length
  }

  /** Text as it is, a byte each: no character is above U+00FF. */
  latin1(text: string): void {
    this.reserve(text.length)
    this.position += this.buffer.write(text, this.position, 'latin1')
  }

  string(text: string): void {
    const { length } = text
    // Three bytes is the most that UTF-8 makes of one unit of a JavaScript string.
    this.reserve(5 + length * 3)
    if (length <= LOOP_LENGTH && this.#shortAscii(text)) return
    const { buffer, position } = this
    const written = buffer.write(text, position + 5)
    // As many bytes as characters: all of them are ASCII.
    buffer[position] = written === length ? LONG_ASCII : UNICODE
    this.patchU32(position + 1, written)
    this.position = position + 5 + written
  }

  #shortAscii(text: string): boolean {
    const { length } = text
    const { buffer, position } = this
    let bits = 0
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      bits |= code
      buffer[position + 2 + i] = code
    }
    if (bits > 0x7f) return false
    buffer[position] = SHORT_ASCII
    buffer[position + 1] = length
    this.position = position + 2 + length
    return true
  }
}

/** The bytes of one string, for those that are written again and again. */
export function marshalString(text: string): Buffer {
  const writer = new MarshalWriter()
  writer.string(text)
  return Buffer.from(writer.bytes())
}
