/**
 * How many workers each pool of an application should have. By default a WSGI application has one in its main pool for each core, and an
 * ASGI application has one. TTIN, TTOU and `jumak workers` change a number, until its setting changes. Pure.
 */
import type { AppConfig, PoolConfig } from '../../config/types.ts'
import type { Interface } from './generation.ts'

type Counts = Pick<AppConfig, 'workers' | 'asgiWorkers' | 'workersReason' | 'pools'>

export interface PoolCount extends Pick<PoolConfig, 'name' | 'paths'> {
  readonly wanted: number
}

/** `kind`, everywhere: null: the application is not known yet. It has the smaller number then, which is right in both cases. */
export class WorkerCounts {
  #counts: Counts
  /** What TTIN, TTOU and commands have added to the main pool. */
  #added = 0
  /** What commands have said of other pools, by name. */
  readonly #said = new Map<string, number>()

  constructor(counts: Counts) {
    this.#counts = counts
  }

  /** The configuration was read again. Changes of a number whose setting is the same are kept. */
  configure(counts: Counts): void {
    const before = this.#counts
    this.#counts = counts
    const { workers, asgiWorkers, workersReason } = before
    const isSame =
      counts.workers === workers && counts.asgiWorkers === asgiWorkers && counts.workersReason === workersReason
    if (!isSame) this.#added = 0
    for (const { name, workers: was } of before.pools)
      if (counts.pools.find(pool => pool.name === name)?.workers !== was) this.#said.delete(name)
  }

  /** The main pool. At least one worker stays. */
  change(kind: Interface | null, by: number): void {
    this.#added += Math.max(1 - this.ofMain(kind), by)
  }

  /** So many workers in this pool. */
  set(kind: Interface | null, pool: string, count: number): void {
    if (pool === '') this.change(kind, count - this.ofMain(kind))
    else this.#said.set(pool, count)
  }

  ofMain(kind: Interface | null): number {
    const { workers, asgiWorkers } = this.#counts
    const ofAsgi = asgiWorkers ?? workers
    const count = kind === 'wsgi' ? workers : kind === 'asgi' ? ofAsgi : Math.min(workers, ofAsgi)
    return Math.max(1, count + this.#added)
  }

  /** The main pool comes first. */
  ofPools(kind: Interface | null): PoolCount[] {
    return this.#counts.pools.map(({ name, paths, workers }) => ({
      name,
      paths,
      wanted: workers === null ? this.ofMain(kind) : (this.#said.get(name) ?? workers),
    }))
  }

  /** Of all pools. */
  inAll(kind: Interface | null): number {
    return this.ofPools(kind).reduce((sum, { wanted }) => sum + wanted, 0)
  }
}
