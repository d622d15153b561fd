/** Longer views (bytes) are made each time: a kept view costs 200 bytes. Heads of browsers and small responses are shorter. */
const MAX_KEPT = 2048

/** Views of one buffer from its beginning, kept by their length: making a small view costs more than using it. */
export class Views {
  readonly buffer: Buffer
  readonly #kept = new Array<Buffer | undefined>(MAX_KEPT + 1).fill(undefined)

  constructor(buffer: Buffer) {
    this.buffer = buffer
  }

  to(length: number): Buffer {
    if (length > MAX_KEPT) return this.buffer.subarray(0, length)
    let view = this.#kept[length]
    if (view === undefined) {
      view = this.buffer.subarray(0, length)
      this.#kept[length] = view
    }
    return view
  }
}
