/** The bytes of one request's parameters, while they come in pieces. Runs in the gateway. Bound: the caller's, before it adds. */
const FIRST = 2 * 1024
const NOTHING = Buffer.alloc(0)

export class ParameterBytes {
  #bytes: Buffer = NOTHING
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Copies a part of `chunk`. */
  add(chunk: Buffer, from: number, to: number): void {
    const length = this.#length + to - from
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(FIRST, length, 2 * this.#bytes.length))
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    chunk.copy(this.#bytes, this.#length, from, to)
    this.#length = length
  }

  /** All of them, once; it is empty then. */
  take(): Buffer {
    const all = this.#bytes.subarray(0, this.#length)
    this.#bytes = NOTHING
    this.#length = 0
    return all
  }
}
