/**
 * What runs on one multiplexed link, by the number that the wire knows it by. The low bits of a number are its place in an array,
 * and a number is only given while its place is free: so nothing is searched, and nothing is made anew for each request.
 *
 * Not a `Map`: V8 rebuilds one that much comes to and goes from, and each table that it leaves behind points to the next and still to
 * all that was in it. When the collector has taken one of them for old, each keeps the next alive until the next full collection: of
 * 64 requests at a time thousands were carried along (12 % of an ASGI hello, 90 MB).
 */
const FIRST_SIZE = 64
const MAX_ID = 0xffffffff

export class CallTable<T extends { readonly id: number }> {
  size = 0
  #places: (T | null)[] = new Array(FIRST_SIZE).fill(null)
  #last = 0
  #hasWrapped = false

  /** A number that nothing has; `add` what gets it. */
  newId(): number {
    const mask = this.#places.length - 1
    // Half of the places are free (`add`).
    do {
      this.#hasWrapped ||= this.#last === MAX_ID
      this.#last = this.#last === MAX_ID ? 1 : this.#last + 1
    } while (this.#places[this.#last & mask] !== null)
    return this.#last
  }

  /** With the number that `newId` has given last. */
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

  /** Of numbers that have been given, and some that were passed over. */
  mayHaveBeen(id: number): boolean {
    return this.#hasWrapped || id <= this.#last
  }

  /** A copy, in no order. */
  values(): T[] {
    return this.#places.filter(one => one !== null)
  }

  clear(): void {
    this.#places.fill(null)
    this.size = 0
  }

  /** Numbers that differ in few low bits differ in more of them. */
  #grow(): void {
    const places: (T | null)[] = new Array(this.#places.length * 2).fill(null)
    for (const one of this.#places) if (one !== null) places[one.id & (places.length - 1)] = one
    this.#places = places
  }
}
