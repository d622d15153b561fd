/**
 * Which worker each client belongs to, for all threads of the gateway: for an application with affinity, where a client's connections may be
 * in several threads. Runs in the threads of the gateway. What `apps/pool/home-table.ts` is for one thread.
 *
 * A client has one word: its worker's number (the low 16 bits), 12 bits of its key's hash, and the time of its last request (4 bits, units of
 * 3.5 minutes). Another 13 bits of the hash say in which set of eight words it is.
 *
 * Bound: 65,536 clients; sets fill unevenly, so the first full ones are met at some 30,000. In a full set the client that has been silent for
 * longest is forgotten, so far as four bits tell. It mostly finds the same worker again, by rendezvous hashing.
 * Definition: keys are hashes with a secret, or names that we made: nobody chooses what they lead to. Two clients with the same 25 bits have one home. That is one in 500 clients of a full table, and both have a worker all the same.
 * Not here: which worker a client gets (`apps/pool/homes.ts`).
 */

import { hashOf } from '../base/hash.ts'
import { type Cells, sharedWords } from './cells.ts'
import { poolWords } from './pool-waits.ts'

const WAYS = 8
const SETS = 8192
const WORKER_SHIFT = 16
const WORKER_MASK = 0xffff
const TAG_MASK = 0xfff0
const AGE_MASK = 0xf
/** Ticks to units of an age. */
const AGE_SHIFT = 21

/** For a pool in so many threads: who waits (`pool-waits.ts`), and behind that the clients. Memory that nobody uses costs nothing. */
export function poolMemory(threads: number): SharedArrayBuffer {
  return sharedWords(poolWords(threads) + WAYS * SETS)
}

export class ClientHomes {
  readonly #cells: Cells
  readonly #from: number

  /** `cells`: of `poolMemory`. */
  constructor(cells: Cells, threads: number) {
    this.#cells = cells
    this.#from = poolWords(threads)
  }

  /** The low 16 bits of the worker's number; 0: the client is not known. `now`: a tick. */
  get(key: string, now: number): number {
    const hash = hashOf(key)
    const index = this.#find(hash)
    if (index < 0) return 0
    const word = this.#cells.load(index)
    const touched = (word & ~AGE_MASK) | ageOf(now)
    if (touched !== word) this.#cells.compareExchange(index, word, touched)
    return word >>> WORKER_SHIFT
  }

  set(key: string, worker: number, now: number): void {
    const hash = hashOf(key)
    const word = ((worker & WORKER_MASK) << WORKER_SHIFT) | tagOf(hash) | ageOf(now)
    const found = this.#find(hash)
    this.#cells.store(found < 0 ? this.#idlest(hash, now) : found, word)
  }

  #find(hash: number): number {
    const first = this.#first(hash)
    const tag = tagOf(hash)
    for (let index = first; index < first + WAYS; index++) {
      const word = this.#cells.load(index)
      if (word !== 0 && (word & TAG_MASK) === tag) return index
    }
    return -1
  }

  #idlest(hash: number, now: number): number {
    const first = this.#first(hash)
    let idlest = first
    let most = -1
    for (let index = first; index < first + WAYS; index++) {
      const word = this.#cells.load(index)
      if (word === 0) return index
      const silent = (ageOf(now) - word) & AGE_MASK
      if (silent <= most) continue
      idlest = index
      most = silent
    }
    return idlest
  }

  #first(hash: number): number {
    return this.#from + (hash & (SETS - 1)) * WAYS
  }
}

function tagOf(hash: number): number {
  return (hash >>> 16) & TAG_MASK
}

function ageOf(now: number): number {
  return (now >> AGE_SHIFT) & AGE_MASK
}
