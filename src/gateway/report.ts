/**
 * What the gateway tells for `jumak status`: its connections, each pool, each worker with what it runs. Runs in the gateway.
 *
 * Invariants: it is made when somebody asks, from what the pools have anyway; a request pays nothing for it. Twice a second the answered
 * requests are added up, for the rate. A report is bounded, however much runs.
 */
import type { AppPool } from '../apps/pool/pool.ts'
import { reportWorkers } from '../apps/pool/running.ts'
import type { TrafficReport } from '../control/messages.ts'
import type { ConnectionCounts } from './connections/connections.ts'

/** Requests that one report names: half a megabyte. */
export const MAX_IN_ALL = 2000
/** Samples of the rate: ten seconds of them. */
const SAMPLES = 21

/** A pool, and whose it is. */
export interface NamedPool {
  readonly app: string
  /** Empty: the main pool. */
  readonly name: string
  readonly pool: AppPool
}

interface Sample {
  readonly answered: number
  readonly at: number
}

export class Reports {
  readonly #pools: () => Iterable<NamedPool>
  readonly #connections: () => ConnectionCounts
  readonly #clock: () => number
  readonly #samples = new WeakMap<AppPool, Sample[]>()

  constructor(
    pools: () => Iterable<NamedPool>,
    connections: () => ConnectionCounts,
    clock: () => number = () => performance.now(),
  ) {
    this.#pools = pools
    this.#connections = connections
    this.#clock = clock
  }

  /** To be called twice a second. */
  sample(): void {
    const at = this.#clock()
    for (const { pool } of this.#pools()) {
      const samples = this.#samples.get(pool) ?? []
      if (samples.push({ answered: pool.answered, at }) > SAMPLES) samples.shift()
      this.#samples.set(pool, samples)
    }
  }

  make(): Omit<TrafficReport, 'upstreams'> {
    const all = [...this.#pools()]
    const workers = all.flatMap(({ pool }) => pool.workers)
    return {
      ...this.#connections(),
      pools: all.map(({ app, name, pool }) => ({
        app,
        pool: name,
        waiting: pool.waiting,
        answered: pool.answered,
        perSecond: this.#perSecond(pool),
      })),
      workers: reportWorkers(workers, MAX_IN_ALL, this.#clock()),
    }
  }

  #perSecond(pool: AppPool): number {
    const first = this.#samples.get(pool)?.[0]
    const elapsed = this.#clock() - (first?.at ?? 0)
    if (first === undefined || elapsed <= 0) return 0
    return Math.round(((pool.answered - first.answered) * 10_000) / elapsed) / 10
  }
}
