/**
 * What must be exact over all threads of the gateway about the servers of one group: requests at once, failures. Words of
 * shared memory, a place for each member. Runs in each event loop of the gateway; the main thread makes the memory, and forgets what a dead
 * thread had.
 *
 *     lock, then for each place
 *     tag │ fails │ first failed at │ out since │ back since │ requests │ failures │ unhealthy │ 7 of outlier ejection │ running requests │ users
 *                                                                                                     each of thread 0 … T-1
 *
 * Invariants:
 * - A thread changes its own word of requests alone. It counts a request first and looks at the sum then, so never more than `max-conns` run;
 *   of two that come at the same moment both may be refused, and look at another server.
 * - Whether a member is out is one word, and changes by one atomic operation.
 * - Moments are milliseconds of the clock that all threads have, 32 bits. 0 means none. Those more than 24 days apart are compared wrongly.
 * - The first failure after a quiet time begins a new count. A failure of another thread in the same moment may be missed by it.
 * - A place is another member's only when no thread uses it, and none of its requests run. Who looks for a place has the lock; a failure that
 *   is told just then may be counted for the new member.
 * Bounds: members beyond the places are counted in each thread by itself; so is one that finds the lock taken for MAX_SPINS looks: a thread
 * has died within, and the main thread frees it.
 * Not here: what the words mean for a choice (`member.ts`), who has the memory (`group-memories.ts`).
 */
import { crc32 } from 'node:zlib'
import { TO_COMMON_MS } from '../../base/common-clock.ts'

/** Words of a place before those of the threads. */
export const FAILS = 1
export const FIRST_FAILED_AT = 2
export const OUT_SINCE = 3
export const BACK_SINCE = 4
/** Since the memory was made, modulo 2^32. */
export const REQUESTS = 5
export const FAILURES = 6
/** 1: it is not well, says who asks it (`health.ts`). */
export const UNHEALTHY = 7
/** Of `ejection.ts`. When it was ejected last, and for how many milliseconds. */
export const EJECTED_AT = 8
export const EJECTED_FOR = 9
/** Ejections that have followed one another. */
export const EJECTIONS = 10
export const FAILURES_IN_ROW = 11
/** The window that is counted now: its beginning, requests, failures. */
export const WINDOW_AT = 12
export const WINDOW_REQUESTS = 13
export const WINDOW_FAILURES = 14
const TAG = 0
const OWN_WORDS = 15
/** Of the memory: 0, or the number of the thread that looks for a place, from 1. */
const LOCK = 0
const FIRST_PLACE = 1
/** Some milliseconds; a look takes microseconds. */
const MAX_SPINS = 1_000_000

/** Words of a place. Of each thread: its running requests, and in how many groups of it the member is. */
function wordsOfPlace(threads: number): number {
  return OWN_WORDS + 2 * threads
}

const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT

/** Zeroed. `places`: as many members have words in it. `isShared`: several threads use it. */
export function makeGroupMemory(threads: number, places: number, isShared: boolean): ArrayBufferLike {
  const bytes = (FIRST_PLACE + places * wordsOfPlace(threads)) * WORD_BYTES
  return isShared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes)
}

/** The thread is dead, and its requests with it. It uses no place any more. */
export function forgetRequests(memory: ArrayBufferLike, threads: number, thread: number): void {
  const words = new Int32Array(memory)
  for (let at = FIRST_PLACE; at < words.length; at += wordsOfPlace(threads)) {
    Atomics.store(words, at + OWN_WORDS + thread, 0)
    Atomics.store(words, at + OWN_WORDS + threads + thread, 0)
  }
  Atomics.compareExchange(words, LOCK, thread + 1, 0)
}

/** A moment of `performance.now()` of this thread, as all threads have it. Never 0. */
export function momentOf(now: number): number {
  return Math.floor(now + TO_COMMON_MS) | 0 || 1
}

/** Milliseconds since `moment`. */
export function since(moment: number, now: number): number {
  return (momentOf(now) - moment) | 0
}

/** The words of one member. */
export class MemberState {
  readonly #words: Int32Array
  readonly #at: number
  readonly #threads: number
  readonly #own: number
  #isReleased = false

  /** `at`: of its place; `own`: of this thread's word in it. */
  constructor(words: Int32Array, at: number, threads: number, thread: number) {
    this.#words = words
    this.#at = at
    this.#threads = threads
    this.#own = at + OWN_WORDS + thread
  }

  /** For a member that nobody shares. */
  static alone(): MemberState {
    return new MemberState(new Int32Array(wordsOfPlace(1)), 0, 1, 0)
  }

  load(word: number): number {
    return Atomics.load(this.#words, this.#at + word)
  }

  store(word: number, value: number): void {
    Atomics.store(this.#words, this.#at + word, value)
  }

  /** Returns the sum. */
  add(word: number, value: number): number {
    return Atomics.add(this.#words, this.#at + word, value) + value
  }

  /** False: the word was not `before`, and nothing has changed. */
  replace(word: number, before: number, after: number): boolean {
    return Atomics.compareExchange(this.#words, this.#at + word, before, after) === before
  }

  /** Requests of all threads. */
  get active(): number {
    const first = this.#at + OWN_WORDS
    if (this.#threads === 1) return Atomics.load(this.#words, first)
    let sum = 0
    for (let at = first; at < first + this.#threads; at++) sum += Atomics.load(this.#words, at)
    return sum
  }

  /** A request begins. False: `most` run already, and nothing has changed. 0: any number may. */
  begin(most: number): boolean {
    Atomics.add(this.#words, this.#own, 1)
    if (most === 0 || this.active <= most) return true
    this.end()
    return false
  }

  end(): void {
    Atomics.sub(this.#words, this.#own, 1)
  }

  /** No request begins any more; those that run end. Nobody else of this thread has this object. */
  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    Atomics.sub(this.#words, this.#own + this.#threads, 1)
  }
}

/** The memory of one group, as one thread has it. */
export class GroupState {
  readonly #words: Int32Array
  readonly #threads: number
  readonly #thread: number

  /** `memory`: of `makeGroupMemory`, for as many threads. */
  constructor(memory: ArrayBufferLike, threads: number, thread: number) {
    this.#words = new Int32Array(memory)
    this.#threads = threads
    this.#thread = thread
  }

  /** The words of the member with this name: the same in all threads. It is used until its `release`. */
  of(name: string): MemberState {
    if (!this.#lock()) return MemberState.alone()
    const at = this.#placeFor(crc32(name) | 0 || 1)
    if (at >= 0) Atomics.add(this.#words, at + OWN_WORDS + this.#threads + this.#thread, 1)
    Atomics.store(this.#words, LOCK, 0)
    return at < 0 ? MemberState.alone() : new MemberState(this.#words, at, this.#threads, this.#thread)
  }

  #lock(): boolean {
    for (let i = 0; i < MAX_SPINS; i++)
      if (Atomics.compareExchange(this.#words, LOCK, 0, this.#thread + 1) === 0) return true
    return false
  }

  /** -1: there is none. A place that nobody has had comes first, so that a member that comes back finds what was known of it. */
  #placeFor(tag: number): number {
    let old = -1
    for (let at = FIRST_PLACE; at < this.#words.length; at += wordsOfPlace(this.#threads)) {
      const before = Atomics.load(this.#words, at + TAG)
      if (before === tag) return at
      if (before === 0) {
        Atomics.store(this.#words, at + TAG, tag)
        return at
      }
      if (old < 0 && this.#isUnused(at)) old = at
    }
    if (old < 0) return -1
    for (let word = TAG + 1; word < OWN_WORDS; word++) Atomics.store(this.#words, old + word, 0)
    Atomics.store(this.#words, old + TAG, tag)
    return old
  }

  #isUnused(at: number): boolean {
    for (let word = at + OWN_WORDS; word < at + wordsOfPlace(this.#threads); word++)
      if (Atomics.load(this.#words, word) !== 0) return false
    return true
  }
}
