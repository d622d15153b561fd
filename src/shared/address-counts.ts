/**
 * How many requests of each client network wait in all threads of the gateway, for `limit-requests-per-address`. Runs in the threads of the
 * gateway. What `OwnCounts` of `gateway/connections/addresses.ts` is for one thread.
 *
 *     word 0           a secret, so that nobody knows which networks have one word
 *     line t           of thread t: a word for each value of 14 bits of the hash of application and network
 *
 * Invariants:
 * - Each thread writes its own line only, while it lives; when it is dead the main thread clears the line. The count of a network is the sum
 *   over all threads.
 * - A thread counts a request first, and looks at the sum then. So never more than the limit are let in. Of two that come at the same
 *   moment in two threads, where one more would be allowed, both may be refused.
 * Definition: two networks with the same 14 bits have one count. Nobody is refused by that unless they have together what one may have.
 */
import { randomInt } from 'node:crypto'
import { hashOf } from '../base/hash.ts'
import { type Cells, SharedCells, sharedWords } from './cells.ts'

/** Each thread has so many words. Those that nobody uses cost nothing. */
const WORDS = 16_384
const SECRET = 0
const FIRST = 1

export function makeAddressCounts(threads: number): SharedArrayBuffer {
  const memory = sharedWords(FIRST + threads * WORDS)
  new SharedCells(memory).store(SECRET, randomInt(2 ** 31))
  return memory
}

/** The thread is dead, and its requests with it. */
export function forgetAddressCounts(memory: SharedArrayBuffer, thread: number): void {
  new Int32Array(memory).fill(0, FIRST + thread * WORDS, FIRST + (thread + 1) * WORDS)
}

export class AddressCounts {
  readonly #cells: Cells
  readonly #threads: number
  readonly #thread: number
  readonly #app: string
  readonly #secret: number

  /** `memory`: of `makeAddressCounts`. `app`: its networks are counted by themselves. */
  constructor(memory: SharedArrayBuffer, threads: number, thread: number, app: string) {
    this.#cells = new SharedCells(memory)
    this.#threads = threads
    this.#thread = thread
    this.#app = app
    this.#secret = this.#cells.load(SECRET)
  }

  /** Counts one more. Returns how many there are then, in all threads. */
  add(network: string): number {
    const at = this.#at(network)
    this.#cells.add(at + this.#thread * WORDS, 1)
    let sum = 0
    for (let thread = 0; thread < this.#threads; thread++) sum += this.#cells.load(at + thread * WORDS)
    return sum
  }

  remove(network: string): void {
    this.#cells.add(this.#at(network) + this.#thread * WORDS, -1)
  }

  #at(network: string): number {
    return FIRST + (hashOf(`${this.#app} ${network}`, this.#secret) & (WORDS - 1))
  }
}
