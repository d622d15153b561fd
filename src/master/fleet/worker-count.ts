/**
 * How many workers a generation should have. By default a WSGI application has one for each core, and an ASGI application has one. TTIN and TTOU change
 * the number. Pure.
 */
import type { AppConfig } from '../../config/types.ts'
import type { Interface } from './generation.ts'

type Counts = Pick<AppConfig, 'workers' | 'asgiWorkers'>

export class WorkerCount {
  #counts: Counts
  /** What TTIN and TTOU have added. */
  #added = 0

  constructor(counts: Counts) {
    this.#counts = counts
  }

  /** Keeps what TTIN and TTOU have added, unless the setting changed. */
  configure(counts: Counts, isChanged: boolean): void {
    this.#counts = counts
    if (isChanged) this.#added = 0
  }

  /** At least one worker stays. */
  change(kind: Interface | null, by: number): void {
    this.#added += Math.max(1 - this.of(kind), by)
  }

  /** Null: the application is not known yet, and has the smaller number, which is right in both cases. */
  of(kind: Interface | null): number {
    const { workers, asgiWorkers } = this.#counts
    const ofAsgi = asgiWorkers ?? workers
    const count = kind === 'wsgi' ? workers : kind === 'asgi' ? ofAsgi : Math.min(workers, ofAsgi)
    return Math.max(1, count + this.#added)
  }
}
