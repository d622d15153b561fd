/**
 * How many requests of each key run at once: nginx's `limit_conn`, over all threads of the gateway. Runs in each event loop of the gateway;
 * the main thread forgets what a dead thread had.
 *
 * A key has a place of two words for each thread that has requests of it: whose it is (24 bits of a hash, and the number of the thread), and
 * how many. The count of a key is the sum over its places.
 *
 *     31       8 7        0   31                0
 *     ┌─────────┬──────────┬──────────────────────┐
 *     │   tag   │ thread+1 │        count         │      0: the place is free
 *     └─────────┴──────────┴──────────────────────┘
 *
 * Invariants:
 * - A place that is taken is changed by its thread alone, while that lives.
 * - A thread counts a request first, and looks at the sum then. So never more than the limit run. Of two that come at the same moment in two
 *   threads, where one more would be allowed, both may be refused.
 * Bound: 131,072 keys and threads (`table.ts`). A request that finds its set full is refused, as in nginx: it could not be counted.
 */
import { Places, WAYS, WORDS } from './table.ts'

/** Of threads, in the word that says whose a place is: for 255 threads. `gateway-threads` allows fewer. */
const THREAD_BITS = 8
const TAG_MASK = ~((1 << THREAD_BITS) - 1)

/** The thread is dead, and its requests with it. `memory`: of `makeTable`. */
export function forgetConnections(memory: ArrayBufferLike, thread: number): void {
  const words = new Int32Array(memory)
  for (let at = Places.first; at < words.length; at += WORDS) {
    if ((words[at]! & ~TAG_MASK) !== thread + 1) continue
    Atomics.store(words, at + 1, 0)
    Atomics.store(words, at, 0)
  }
}

/** The count of one limit. */
export class ConnectionCount {
  readonly #words: Int32Array
  readonly #places: Places
  readonly #owner: number

  /** `memory`: of `makeTable`. `thread`: from 0. */
  constructor(memory: ArrayBufferLike, thread: number) {
    this.#words = new Int32Array(memory)
    this.#places = new Places(memory)
    this.#owner = thread + 1
  }

  /** A request of `key` begins. Returns what to `remove` when it is over; -1: `most` run already, or there is no room, and it does not count. */
  add(key: string, most: number): number {
    this.#places.find(key)
    const at = this.#take()
    if (at < 0) return -1
    Atomics.add(this.#words, at + 1, 1)
    if (this.#sum() <= most) return at
    this.remove(at)
    return -1
  }

  /** `place`: of `add`. Only this thread writes there. */
  remove(place: number): void {
    if (Atomics.sub(this.#words, place + 1, 1) === 1) Atomics.store(this.#words, place, 0)
  }

  /** How many requests of the key run. */
  count(key: string): number {
    this.#places.find(key)
    return this.#sum()
  }

  /** The place of the key in this thread; -1: there is no room. */
  #take(): number {
    const { first } = this.#places
    const own = this.#own()
    for (;;) {
      let free = -1
      for (let at = first; at < first + WAYS * WORDS; at += WORDS) {
        const whose = Atomics.load(this.#words, at)
        if (whose === own) return at
        if (whose === 0 && free < 0) free = at
      }
      if (free < 0) return -1
      if (Atomics.compareExchange(this.#words, free, 0, own) === 0) return free
    }
  }

  /** What the first word of this thread's place says. */
  #own(): number {
    return (this.#places.tag & TAG_MASK) | this.#owner
  }

  #sum(): number {
    const { first, tag } = this.#places
    let sum = 0
    for (let at = first; at < first + WAYS * WORDS; at += WORDS) {
      const whose = Atomics.load(this.#words, at)
      if (whose !== 0 && (whose & TAG_MASK) === (tag & TAG_MASK)) sum += Atomics.load(this.#words, at + 1)
    }
    return sum
  }
}
