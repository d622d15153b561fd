/** The last streams of a connection that have ended: frames for them may still be on their way (RFC9113§5.1). Bounded. Runs in the gateway. */

export class RecentStreams {
  /** Made with the first: most connections need none. */
  #ids: Uint32Array | null = null
  readonly #most: number
  #next = 0

  /** `most`: as many as may be open at a time. All of them may be reset at once, and their content be on its way. */
  constructor(most: number) {
    this.#most = most
  }

  add(id: number): void {
    this.#ids ??= new Uint32Array(this.#most)
    this.#ids[this.#next] = id
    this.#next = (this.#next + 1) % this.#most
  }

  has(id: number): boolean {
    return this.#ids?.includes(id) ?? false
  }
}
