/**
 * Which worker each client belongs to, for clients that do not tell it themselves; and which worker a client gets that is not known.
 * Runs in the gateway.
 *
 * Bound: `MAX_CLIENTS`; the client that has been silent for longest is forgotten. It mostly finds the same worker again: rendezvous hashing
 * gives a client the same worker for as long as that worker is there, and other workers take from it only its share.
 * Keys are short: hashes, or names that we made.
 */
import { createHmac } from 'node:crypto'

/** Some 7 MB. More clients than these within a few minutes are a flood, or a shop that four workers cannot serve. */
export const MAX_CLIENTS = 65_536
/** Bytes of a hash: nobody finds two values with the same one. */
const HASH_BYTES = 16

export interface ClientTable {
  /** Number of the client's worker; 0: not known. */
  get(key: string): number
  set(key: string, worker: number): void
}

export class HomeTable implements ClientTable {
  /** In the order of the last request. */
  readonly #workers = new Map<string, number>()

  get size(): number {
    return this.#workers.size
  }

  get(key: string): number {
    const worker = this.#workers.get(key)
    if (worker === undefined) return 0
    this.set(key, worker)
    return worker
  }

  set(key: string, worker: number): void {
    this.#workers.delete(key)
    if (this.#workers.size >= MAX_CLIENTS) this.#workers.delete(this.#workers.keys().next().value!)
    this.#workers.set(key, worker)
  }
}

/** What a client says of itself, as a short key. Without the secret nobody can tell which worker a value leads to. */
export function keyedHash(secret: Buffer, value: string): string {
  return createHmac('sha256', secret).update(value).digest('latin1').slice(0, HASH_BYTES)
}

/** The candidate with the highest hash of client and worker: when workers come or go, most clients keep theirs. */
export function rendezvous<Worker extends { readonly id: number }>(
  key: string,
  workers: readonly Worker[],
): Worker | null {
  let best: Worker | null = null
  let highest = -1
  for (const worker of workers) {
    const height = mix(key, worker.id)
    if (height <= highest) continue
    highest = height
    best = worker
  }
  return best
}

/** FNV-1a over the key, and the last steps of MurmurHash3, so that every bit of the worker's number changes every bit of the result. */
function mix(key: string, worker: number): number {
  let hash = 0x811c9dc5 ^ worker
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
