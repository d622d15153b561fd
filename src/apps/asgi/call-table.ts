/**
 * What runs on one multiplexed link, by its number on the wire. The low bits of a number are its place in an array, and a number is
 * given only while its place is free. So nothing is searched, and nothing is allocated for a request.
 *
 * Not a `Map`: V8 rebuilds the table of a `Map` with many insertions and deletions. Each old table points to the next one, and to all
 * that was in it. Once one of them is in the old generation, it keeps all later ones alive until the next full collection: with 64
 * requests at a time thousands were kept (12 % of an ASGI hello, 90 MB).
 */
const FIRST_SIZE = 64
const MAX_ID = 0xffffffff

export class CallTable<T extends { readonly id: number }> {
  size = 0
  #places: (T | null)[] = new Array(FIRST_SIZE).fill(null)
  #last = 0
  #hasWrapped = false

  /** A number that is free. `add` must follow. */
  newId(): number {
    const mask = this.#places.length - 1
    // It ends: half of the places are free (`add`).
    do {
      this.#hasWrapped ||= this.#last === MAX_ID
      this.#last = this.#last === MAX_ID ? 1 : this.#last + 1
    } while (this.#places[this.#last & mask] !== null)
    return this.#last
  }

  /** `one` has the number that `newId` gave last. */
  add(one: T): void {
    this.#places[one.id & (this.#places.length - 1)] = one
    this.size++
    if (this.size * 2 > this.#places.length) this.#grow()
  }

  get(id: number): T | null {
    const one = this.#places[id & (this.#places.length - 1)]!
    return one !== null && one.id === id ? one : null
  }

  delete(one: T): void {
    if (this.get(one.id) !== one) return
    this.#places[one.id & (this.#places.length - 1)] = null
    this.size--
  }

  /** True for numbers that were given, and for some that were passed over. */
  mayHaveBeen(id: number): boolean {
    return this.#hasWrapped || id <= this.#last
  }

  /** A copy, in no particular order. */
  values(): T[] {
    return this.#places.filter(one => one !== null)
  }

  clear(): void {
    this.#places.fill(null)
    this.size = 0
  }

  /** Numbers with different places keep different places: one more low bit counts. */
  #grow(): void {
    const places: (T | null)[] = new Array(this.#places.length * 2).fill(null)
    for (const one of this.#places) if (one !== null) places[one.id & (places.length - 1)] = one
    this.#places = places
  }
}
