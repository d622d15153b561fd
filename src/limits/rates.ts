/**
 * How often each key may come: nginx's `limit_req`, exact over all threads of the gateway. Runs in each event loop of the gateway.
 *
 * A key has one word of 64 bits: a tag of 20 bits, and 44 bits of a moment in microseconds, when all that the key has taken will be paid for.
 * That moment is later by one interval for each request (the generic cell rate algorithm, GCRA). What it is ahead of now, in intervals, is
 * nginx's `excess`. A request is refused if that is more than the burst.
 *
 *     63      44 43                    0
 *     ┌─────────┬──────────────────────┐
 *     │   tag   │   paid at (µs)       │      0: the place is free
 *     └─────────┴──────────────────────┘      The low half comes first, as on all machines that Node is built for.
 *
 * Invariants:
 * - Each change is one `compareExchange` of one word, so threads together let in as many as one thread would.
 * - A moment that has passed means the same as no entry: such a place may be taken by another key.
 * Bound: 131,072 keys (`table.ts`). In a full set the key whose moment comes first, the idlest, is forgotten, and begins anew: nobody is
 * refused because the table is full.
 * Definition: the clock wraps around after 203 days. A key that was silent for almost as long may be taken for one that has just come.
 */
import { TO_COMMON_MS } from '../base/common-clock.ts'
import { WRAP } from './bounds.ts'
import { Places, WAYS, WORDS } from './table.ts'

const US_PER_MS = 1000
const WORD_OF_TIME = 2 ** 32
/** Of a moment, in the high word. */
const TIME_BITS = 12
const TIME_MASK = (1 << TIME_BITS) - 1
const TAG_MASK = ~TIME_MASK

/** The rate of one limit. */
export class Rate {
  readonly #words: Int32Array
  readonly #long: BigInt64Array
  readonly #places: Places
  readonly #interval: number
  /** A moment that is further ahead is an old one: the clock has wrapped around. */
  #most = 0
  /** The word that was read last. */
  #high = 0
  #low = 0
  /** Two words of 64 bits, so that no BigInt is made from parts: the word that is expected, and the new one. */
  readonly #pair = new Int32Array(4)
  readonly #pairLong = new BigInt64Array(this.#pair.buffer)

  /** `memory`: of `makeTable`. `interval`: microseconds from one request to the next. */
  constructor(memory: ArrayBufferLike, interval: number) {
    this.#words = new Int32Array(memory)
    this.#long = new BigInt64Array(memory)
    this.#places = new Places(memory)
    this.#interval = interval
    this.prepareFor(0)
  }

  /** `take` will be called with this burst. `burst` + 2 times the interval is at most MOST_AHEAD (`bounds.ts`). */
  prepareFor(burst: number): void {
    this.#most = Math.max(this.#most, (burst + 2) * this.#interval)
  }

  /**
   * A request of `key` comes. `now`: milliseconds of performance.now() of this thread. Returns microseconds: how much is ahead of it, 0 or more,
   * if it is let in. Negative, -n: it is refused, and would be let in after n.
   */
  take(key: string, now: number, burst: number): number {
    const us = toMicroseconds(now)
    const interval = this.#interval
    const allowed = burst * interval
    for (;;) {
      this.#places.find(key)
      const at = this.#placeOf(us)
      const isKnown = isTag(this.#high, this.#places.tag)
      const ahead = isKnown ? this.#ahead(this.#high, this.#low, us) : 0
      // One more: moments are rounded to microseconds.
      if (ahead > allowed + 1) return allowed - ahead
      if (this.#replace(at, us + ahead + interval)) return ahead
    }
  }

  /** A request that was let in does not count after all. */
  giveBack(key: string, now: number): void {
    const us = toMicroseconds(now)
    for (;;) {
      this.#places.find(key)
      const at = this.#placeOf(us)
      if (!isTag(this.#high, this.#places.tag)) return
      const ahead = this.#ahead(this.#high, this.#low, us)
      if (ahead === 0 || this.#replace(at, us + Math.max(0, ahead - this.#interval))) return
    }
  }

  /** The key's place, else a free one, else that of the idlest. Reads it. */
  #placeOf(us: number): number {
    const { first, tag } = this.#places
    let idlest = first
    let least = Number.POSITIVE_INFINITY
    for (let at = first; at < first + WAYS * WORDS; at += WORDS) {
      const high = Atomics.load(this.#words, at + 1)
      if (isTag(high, tag)) {
        this.#read(at)
        if (isTag(this.#high, tag)) return at
      }
      if (least === 0) continue
      const ahead = high === 0 ? 0 : this.#ahead(high, Atomics.load(this.#words, at), us)
      if (ahead >= least) continue
      least = ahead
      idlest = at
    }
    this.#read(idlest)
    return idlest
  }

  /** Both halves of one word, of one moment. */
  #read(at: number): void {
    for (;;) {
      this.#high = Atomics.load(this.#words, at + 1)
      this.#low = Atomics.load(this.#words, at)
      if (Atomics.load(this.#words, at + 1) === this.#high) return
    }
  }

  /** How much later than `us` the moment is; 0: it has passed. */
  #ahead(high: number, low: number, us: number): number {
    let ahead = (high & TIME_MASK) * WORD_OF_TIME + (low >>> 0) - us
    if (ahead < 0) ahead += WRAP
    return ahead > this.#most ? 0 : ahead
  }

  /** The key's entry in place of the word that was read. False: another thread has changed it. */
  #replace(at: number, moment: number): boolean {
    const time = Math.round(moment) % WRAP
    const pair = this.#pair
    pair[0] = this.#low
    pair[1] = this.#high
    pair[2] = time % WORD_OF_TIME
    pair[3] = tagOf(this.#places.tag) | Math.floor(time / WORD_OF_TIME)
    const expected = this.#pairLong[0]!
    return Atomics.compareExchange(this.#long, at >> 1, expected, this.#pairLong[1]!) === expected
  }
}

/** Of a hash, in the high word. Never 0. */
function tagOf(hash: number): number {
  const tag = hash & TAG_MASK
  return tag === 0 ? 1 << TIME_BITS : tag
}

function isTag(high: number, hash: number): boolean {
  return (high & TAG_MASK) === tagOf(hash)
}

function toMicroseconds(now: number): number {
  return Math.floor((now + TO_COMMON_MS) * US_PER_MS) % WRAP
}
