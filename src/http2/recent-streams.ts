/** The last streams of a connection that have ended: frames for them may still be on their way (RFC9113§5.1). Bounded. Runs in the gateway. */

/** As many as a client may have open, by default, and some. */
const MOST = 128

export class RecentStreams {
  /** Made with the first: most connections need none. */
  #ids: Uint32Array | null = null
  #next = 0

  add(id: number): void {
    this.#ids ??= new Uint32Array(MOST)
    this.#ids[this.#next] = id
    this.#next = (this.#next + 1) % MOST
  }

  has(id: number): boolean {
    return this.#ids?.includes(id) ?? false
  }
}
