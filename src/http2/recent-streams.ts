/** The last streams of a connection that have ended: frames for them may still be on their way (RFC9113§5.1). Bounded. Runs in the gateway. */

const FIRST_PLACES = 16

export class RecentStreams {
  /** A ring, once it has `#most` places. Made with the first: most connections need few. */
  #ids: Uint32Array | null = null
  readonly #most: number
  #next = 0

  /** `most`: how many streams may have ended whose frames are still on their way. */
  constructor(most: number) {
    this.#most = most
  }

  add(id: number): void {
    let ids = this.#ids
    if (ids === null || this.#next === ids.length) ids = this.#withRoom(ids)
    ids[this.#next++] = id
  }

  #withRoom(ids: Uint32Array | null): Uint32Array {
    const places = ids?.length ?? 0
    if (ids !== null && places === this.#most) {
      this.#next = 0
      return ids
    }
    const larger = new Uint32Array(Math.min(this.#most, Math.max(FIRST_PLACES, places * 2)))
    if (ids !== null) larger.set(ids)
    this.#ids = larger
    return larger
  }

  has(id: number): boolean {
    return this.#ids?.includes(id) ?? false
  }
}
