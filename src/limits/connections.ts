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

/** Of threads, in the word that says whose a place is. */
const THREAD_BITS = 8
const TAG_MASK = ~((1 << THREAD_BITS) - 1)
/** As many threads may share a table. */
export const MOST_THREADS = (1 << THREAD_BITS) - 1

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

  /** A request of `key` begins. False: `most` run already, and it does not count. Otherwise `remove` when it is over. */
  add(key: string, most: number): boolean {
    const words = this.#words
    const at = this.#take(key)
    if (at < 0) return false
    Atomics.add(words, at + 1, 1)
    if (this.#sum() <= most) return true
    this.#release(at)
    return false
  }

  remove(key: string): void {
    this.#places.find(key)
    const at = this.#find(this.#own())
    if (at >= 0) this.#release(at)
  }

  /** How many requests of the key run. */
  count(key: string): number {
    this.#places.find(key)
    return this.#sum()
  }

  /** The place of the key in this thread; -1: there is no room. */
  #take(key: string): number {
    this.#places.find(key)
    const own = this.#own()
    for (;;) {
      const known = this.#find(own)
      if (known >= 0) return known
      const free = this.#find(0)
      if (free < 0) return -1
      if (Atomics.compareExchange(this.#words, free, 0, own) === 0) return free
    }
  }

  /** What the first word of this thread's place says. */
  #own(): number {
    return (this.#places.tag & TAG_MASK) | this.#owner
  }

  #find(whose: number): number {
    const { first } = this.#places
    for (let at = first; at < first + WAYS * WORDS; at += WORDS) if (Atomics.load(this.#words, at) === whose) return at
    return -1
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

  /** Only this thread writes here. */
  #release(at: number): void {
    if (Atomics.sub(this.#words, at + 1, 1) === 1) Atomics.store(this.#words, at, 0)
  }
}
