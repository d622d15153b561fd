/** How full a pool is, for tests: read from the workers for which it makes links. */
import type { LinkFactory } from '../pool/link-owner.ts'
import type { AppPool } from '../pool/pool.ts'
import type { PoolWorker } from '../pool/worker.ts'

export interface PoolStats {
  readonly queued: number
  /** Slots that run something. */
  readonly busy: number
  /** Slots that take new requests. */
  readonly slots: number
  /** Workers with a link. */
  readonly workers: number
}

export class PoolReader {
  readonly #made: PoolWorker[] = []

  /** The same factory, for the pool that is read. */
  links(factory: LinkFactory): LinkFactory {
    return (address, worker, owner) => {
      this.#made.push(worker)
      return factory(address, worker, owner)
    }
  }

  stats(pool: AppPool): PoolStats {
    // The pool forgets a worker with its last link.
    const workers = this.#made.filter(({ slots }) => slots.some(link => link.isAlive))
    const links = workers.flatMap(({ slots }) => slots)
    return {
      queued: pool.inFlight - sum(workers.map(({ inFlight }) => inFlight)),
      busy: sum(links.map(({ inFlight, capacity }) => Math.min(inFlight, capacity))),
      slots: sum(workers.map(({ usableSlots }) => usableSlots)),
      workers: workers.length,
    }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
