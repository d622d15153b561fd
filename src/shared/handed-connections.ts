/**
 * What one thread of the gateway tells the main thread of the connections that it was handed: how many of them it has taken, which have
 * closed, and how busy it is. Nobody is woken: the main thread looks before it needs to know. Made by the main thread for each
 * thread, also for one that replaces another.
 *
 *     begun · taken · closed so far · busy · a ring of the indices of closed connections
 *
 * Invariants:
 * - Only the thread writes. `begun` is `taken`, or one more while the thread makes a socket of a descriptor: a thread that dies then may have
 *   left the descriptor open.
 * - The ring never overflows: an index is used again only when the main thread has read its close, so no more of them can be unread
 *   than connections are allowed.
 */
import type { Cells } from './cells.ts'

const BEGUN = 0
const TAKEN = 1
const CLOSED = 2
const BUSY = 3
const RING = 4

const BUSY_UNITS = 1000

/** `limit`: the most connections that a thread can have. */
export function handedWords(limit: number): number {
  return RING + limit
}

/** Runs in the thread. */
export class TakenConnections {
  readonly #cells: Cells
  readonly #limit: number

  /** `limit`: as given to `handedWords`. */
  constructor(cells: Cells, limit: number) {
    this.#cells = cells
    this.#limit = limit
  }

  begin(): void {
    this.#cells.add(BEGUN, 1)
  }

  taken(): void {
    this.#cells.add(TAKEN, 1)
  }

  /** `share`: of one core, that the thread has used lately, 0 to 1. */
  setBusy(share: number): void {
    this.#cells.store(BUSY, Math.round(share * BUSY_UNITS))
  }

  /** The connection with this index has closed. The index is the main thread's again. */
  closed(index: number): void {
    const count = this.#cells.load(CLOSED)
    this.#cells.store(RING + (count % this.#limit), index)
    this.#cells.store(CLOSED, next(count, this.#limit))
  }
}

/** Runs in the main thread. */
export class HandedConnections {
  readonly #cells: Cells
  readonly #limit: number
  #read = 0

  constructor(cells: Cells, limit: number) {
    this.#cells = cells
    this.#limit = limit
  }

  /** Of all that were handed to it, in their order. Wraps around as words of 32 bits do. */
  get begun(): number {
    return this.#cells.load(BEGUN)
  }

  get taken(): number {
    return this.#cells.load(TAKEN)
  }

  /** As of `setBusy`. */
  get busy(): number {
    return this.#cells.load(BUSY) / BUSY_UNITS
  }

  /** Calls `onClosed` once for each connection that has closed since the last time. */
  readClosed(onClosed: (index: number) => void): void {
    const closed = this.#cells.load(CLOSED)
    while (this.#read !== closed) {
      onClosed(this.#cells.load(RING + (this.#read % this.#limit)))
      this.#read = next(this.#read, this.#limit)
    }
  }
}

/** Counts to twice the ring, so that full and empty differ, and never becomes negative. */
function next(count: number, limit: number): number {
  return (count + 1) % (2 * limit)
}
