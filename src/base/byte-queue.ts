/**
 * Chunks of bytes in order. Small chunks are copied into blocks: a stream of single bytes costs about its own size, not a hundred times
 * that in Buffer objects. Runs in the gateway.
 *
 * Not here: a bound. The owner looks at `bytes` and stops writing.
 */

/** Bytes. Smaller chunks are copied into a block. */
const SMALL = 2048
const BLOCK_SIZE = 16 * 1024
/** Bytes of memory that a Buffer object costs besides its data. */
const CHUNK_COST = 200

export class ByteQueue {
  bytes = 0
  #chunks: Buffer[] = []
  /** The last chunk is a view of this block. Null: the last chunk is a buffer that was pushed. */
  #block: Buffer | null = null
  #blockStart = 0
  #blockEnd = 0

  get first(): Buffer | undefined {
    return this.#chunks[0]
  }

  /** Bytes of memory that it uses: `bytes`, the free part of the block, and the objects. */
  get memory(): number {
    const room = this.#block === null ? 0 : BLOCK_SIZE - (this.#blockEnd - this.#blockStart)
    return this.bytes + room + this.#chunks.length * CHUNK_COST
  }

  /** The queue owns `chunk` from now on. */
  push(chunk: Buffer): void {
    const { length } = chunk
    this.bytes += length
    if (length >= SMALL || this.#chunks.length === 0) {
      this.#chunks.push(chunk)
      this.#block = null
      return
    }
    if (this.#block !== null && this.#blockEnd + length <= BLOCK_SIZE) {
      this.#chunks.pop()
    } else {
      this.#block = Buffer.allocUnsafeSlow(BLOCK_SIZE)
      this.#blockStart = this.#blockEnd = 0
    }
    this.#blockEnd += chunk.copy(this.#block, this.#blockEnd)
    this.#chunks.push(this.#block.subarray(this.#blockStart, this.#blockEnd))
  }

  shift(): Buffer | undefined {
    const chunk = this.#chunks.shift()
    if (chunk !== undefined) this.bytes -= chunk.length
    if (this.#chunks.length === 0) this.#block = null
    return chunk
  }

  /** The chunks at the front, at most `maximum` bytes in all; at least the first one. They stay in the queue. */
  front(maximum: number): Buffer[] {
    let count = 1
    let bytes = this.#chunks[0]!.length
    while (count < this.#chunks.length && bytes + this.#chunks[count]!.length <= maximum) {
      bytes += this.#chunks[count++]!.length
    }
    return this.#chunks.slice(0, count)
  }

  /** Up to `maximum` bytes from the front, in one buffer; more if the first chunk is larger. They stay in the queue. */
  peek(maximum: number): Buffer {
    const chunks = this.front(maximum)
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  }

  /** Removes up to `maximum` bytes from the front, at least one. Returns one buffer, which may be a view of a chunk. */
  take(maximum: number): Buffer | undefined {
    if (this.#chunks.length === 0) return undefined
    const all = this.peek(maximum)
    const taken = all.length > maximum ? all.subarray(0, maximum) : all
    this.drop(taken.length)
    return taken
  }

  /** Removes `length` bytes from the front. */
  drop(length: number): void {
    this.bytes -= length
    let left = length
    let whole = 0
    while (left > 0 && left >= this.#chunks[whole]!.length) left -= this.#chunks[whole++]!.length
    if (whole > 0) this.#chunks.splice(0, whole)
    if (this.#chunks.length === 0) this.#block = null
    if (left === 0) return
    this.#chunks[0] = this.#chunks[0]!.subarray(left)
    // If the only chunk left is the block's view, that view now begins later.
    if (this.#chunks.length === 1 && this.#block !== null) this.#blockStart += left
  }

  /** Removes everything, in one buffer. */
  takeAll(): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.bytes)
    this.clear()
    return all
  }

  clear(): void {
    this.#chunks = []
    this.#block = null
    this.bytes = 0
  }
}
