/**
 * Who waits for a slot of a pool's workers: the words that all threads have in common for one pool, as one thread sees them. Each thread
 * writes its own words: since when its calls wait, and how many. Runs in the threads of the gateway.
 *
 *   first    tick since which the call waits whose turn it is, first come first served; 0: none waits
 *   newest   the same for its newest call; 0: the first one came back from a lost worker, and has its turn in either order
 *   count    how many wait, for the limit of the queue over all threads
 *   roused   1: a message is on its way to the thread, so no other one is needed
 *
 * Invariants: only its thread sets a thread's `first`, `newest` and `count`. Others set `roused`, and its thread clears it before it looks: so
 * while it is 1 the thread will look at whatever is free by now. What else is read of other threads decides about order only: nothing is
 * lost when it is old.
 * Not here: the slots (`slot-table.ts`), the calls (`apps/pool/queue.ts`).
 */
import type { QueueOrder } from '../config/types.ts'
import type { Cells } from './cells.ts'
import { ticksBetween } from './clock.ts'

/** Of all threads, newest-first begins when the oldest call has waited for so long: `OVERLOADED_MS` of `apps/pool/queue.ts`, in ticks. */
export const OVERLOADED_TICKS = 10_000

const FIRST = 0
const NEWEST = 1
const COUNT = 2
const ROUSED = 3
/** Words of one thread: a cache line, so that threads that wait do not slow others down. */
const STRIDE = 16

/** It waits for nothing: less than any other. */
export const NO_URGENCY = Number.NEGATIVE_INFINITY
/** Before all that waits by the ordinary order. */
const RETURNED_URGENCY = 2 ** 32

/** Words of a pool for so many threads. */
export function poolWords(threads: number): number {
  return threads * STRIDE
}

/** Of a thread that has died: it waits for nothing. */
export function forgetPoolWaits(cells: Cells, thread: number): void {
  for (const word of [FIRST, NEWEST, COUNT, ROUSED]) cells.store(thread * STRIDE + word, 0)
}

export class PoolWaits {
  readonly threads: number
  readonly thread: number
  readonly #cells: Cells
  readonly #isNewestFirst: boolean

  /** `thread`: whose view this is. A dead one may have had the same index: it waits no more. */
  constructor(cells: Cells, threads: number, thread: number, order: QueueOrder) {
    this.#cells = cells
    this.threads = threads
    this.thread = thread
    this.#isNewestFirst = order === 'newest-first'
    forgetPoolWaits(cells, thread)
  }

  /**
   * What of this thread waits for any worker. True: others could not see before that anything waits, so the caller looks for a free slot
   * once more: one that has come free since it looked is nobody's.
   */
  publish(first: number, newest: number): boolean {
    const at = this.thread * STRIDE
    const cells = this.#cells
    if (this.#isNewestFirst && cells.load(at + NEWEST) !== newest) cells.store(at + NEWEST, newest)
    const before = cells.load(at + FIRST)
    if (before !== first) cells.store(at + FIRST, first)
    return before === 0 && first !== 0
  }

  /** How many calls of this thread wait. */
  set count(count: number) {
    const index = this.thread * STRIDE + COUNT
    if (this.#cells.load(index) !== count) this.#cells.store(index, count)
  }

  /** How many calls of other threads wait. */
  get othersWaiting(): number {
    let sum = 0
    for (let thread = 0; thread < this.threads; thread++)
      if (thread !== this.thread) sum += this.#cells.load(thread * STRIDE + COUNT)
    return sum
  }

  /** Newest first: a call of any thread has waited for too long. */
  isOverloaded(now: number): boolean {
    if (!this.#isNewestFirst) return false
    for (let thread = 0; thread < this.threads; thread++) {
      const at = thread * STRIDE
      const first = this.#cells.load(at + FIRST)
      if (first === 0 || this.#cells.load(at + NEWEST) === 0) continue
      if (ticksBetween(first, now) >= OVERLOADED_TICKS) return true
    }
    return false
  }

  /** How urgent the thread's next call is: the greater goes first, and a difference is one of ticks. */
  urgency(thread: number, now: number, isOverloaded: boolean): number {
    const at = thread * STRIDE
    const first = this.#cells.load(at + FIRST)
    if (first === 0) return NO_URGENCY
    if (!isOverloaded) return ticksBetween(first, now)
    const newest = this.#cells.load(at + NEWEST)
    return newest === 0 ? RETURNED_URGENCY + ticksBetween(first, now) : -ticksBetween(newest, now)
  }

  /** True: the caller sends a message to the thread, which has a slot now. False: one is on its way. */
  rouse(thread: number): boolean {
    return this.#cells.compareExchange(thread * STRIDE + ROUSED, 0, 1) === 0
  }

  /** A message is on its way to the thread: it will look. */
  isRoused(thread: number): boolean {
    return this.#cells.load(thread * STRIDE + ROUSED) !== 0
  }

  /** This thread looks now. Whoever gives it a slot from here on sends a message. */
  awake(): void {
    const index = this.thread * STRIDE + ROUSED
    if (this.#cells.load(index) !== 0) this.#cells.store(index, 0)
  }
}
