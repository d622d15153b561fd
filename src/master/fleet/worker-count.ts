/**
 * How many workers should serve. An ASGI application has one unless somebody says more, a WSGI one as many as there are cores; TTIN and
 * TTOU add to it. Runs in the master.
 */
import type { Config } from '../../config/types.ts'
import type { Interface } from './generation.ts'

type Counts = Pick<Config, 'workers' | 'asgiWorkers'>

export class WorkerCount {
  #counts: Counts
  /** What TTIN and TTOU have added. */
  #added = 0

  constructor(counts: Counts) {
    this.#counts = counts
  }

  /** As TTIN and TTOU left it, unless the setting changed. */
  configure(counts: Counts, isChanged: boolean): void {
    this.#counts = counts
    if (isChanged) this.#added = 0
  }

  /** At least one stays. */
  change(kind: Interface | null, by: number): void {
    this.#added += Math.max(1 - this.of(kind), by)
  }

  /** Null: an application that is not known yet has as many as are right whatever it is. */
  of(kind: Interface | null): number {
    const { workers, asgiWorkers } = this.#counts
    const ofAsgi = asgiWorkers ?? workers
    const count = kind === 'wsgi' ? workers : kind === 'asgi' ? ofAsgi : Math.min(workers, ofAsgi)
    return Math.max(1, count + this.#added)
  }
}
