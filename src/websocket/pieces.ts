/**
 * The pieces of a frame that has not come whole, in the list that the receiver of `ws` keeps of them. It takes them from the front, which
 * costs as much as the list is long: a frame that had come in 128,000 reads stopped the event loop for 15 seconds. So the list is kept
 * short: pieces are copied together. Runs in the gateway, one for each WebSocket.
 */

/** As many may stand there as they came: nearly every frame comes in one read or two. */
const AS_THEY_CAME = 64
/** Blocks that pieces are copied into: each twice as large as the one before, so that a slow client's few bytes cost few. */
const FIRST_BLOCK = 4 * 1024
const LARGEST_BLOCK = 64 * 1024

export class Pieces {
  /** What the last piece of the list is a view of. */
  #block: Buffer | null = null
  #used = 0

  /** After each write to the receiver. `list`: its own, in which what is joined stands instead. */
  gather(list: Buffer[]): void {
    if (list.length <= AS_THEY_CAME) {
      this.#block = null
      return
    }
    const last = list.pop()!
    if (this.#block !== null && this.#used + last.length <= this.#block.length) {
      list.pop()
    } else {
      const size = this.#block === null ? FIRST_BLOCK : Math.min(2 * this.#block.length, LARGEST_BLOCK)
      this.#block = Buffer.allocUnsafeSlow(Math.max(size, last.length))
      this.#used = 0
    }
    this.#used += last.copy(this.#block, this.#used)
    list.push(this.#block.subarray(0, this.#used))
  }
}
