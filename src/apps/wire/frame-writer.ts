/**
 * Collects frames for workers in one buffer, from `start()` to `bytes()`. One writer serves all links of WSGI workers; each link of an
 * ASGI worker has its own. Sans-IO. `frames.ts` and `multiplex.ts` say what the bytes mean. All numbers are little-endian.
 */

const INITIAL_SIZE = 64 * 1024
/** A larger buffer, grown for one large request, is not kept for the next. */
const KEEP_SIZE = 1024 * 1024

export class FrameWriter {
  buffer: Buffer
  position = 0

  constructor(size: number = INITIAL_SIZE) {
    this.buffer = Buffer.allocUnsafeSlow(size)
  }

  /** Forgets what was written. */
  start(): void {
    if (this.buffer.length > KEEP_SIZE) this.detach()
    this.position = 0
  }

  /** A view of what was written. It is valid until `start()`, or for good after `detach()`. */
  bytes(): Buffer {
    return this.buffer.subarray(0, this.position)
  }

  /** Goes on in a new buffer: a socket whose kernel buffer is full keeps this one. */
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

  u8(value: number): void {
    this.reserve(1)
    this.buffer[this.position++] = value
  }

  u32(value: number): void {
    this.reserve(4)
    this.patchU32(this.position, value)
    this.position += 4
  }

  /** Overwrites four bytes with a length that is known only now. */
  patchU32(position: number, value: number): void {
    const { buffer } = this
    buffer[position] = value
    buffer[position + 1] = value >>> 8
    buffer[position + 2] = value >>> 16
    buffer[position + 3] = value >>> 24
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.buffer.set(bytes, this.position)
    this.position += bytes.length
  }

  /** A byte for each character: none may be above U+00FF. */
  latin1(text: string): void {
    this.reserve(text.length)
    this.position += this.buffer.write(text, this.position, 'latin1')
  }
}
