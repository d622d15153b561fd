/**
 * Who may use Node's thread pool, and how much of it. The pool is one for the whole process, with every thread of the gateway, and its jobs
 * run in the order in which they come. So what takes long asks here first. Runs in the gateway; each event loop has its own.
 *
 *     compression  a third of the pool, in equal parts for the event loops
 *     files        do not ask: the rest is theirs
 *
 * Of the six threads for one event loop that leaves four for files; a reader of the access log that is stuck keeps one of them.
 *
 * Invariant: jobs start in the order of `run`.
 * Not here: how long a job may be. Whoever has much to do gives it in pieces, so that the others have their turns. Passwords, which have a
 * thread of their own (`access/hashes/hasher.ts`).
 */

/** Threads of the pool for each event loop, two more than Node has by itself. The master sets it (`master/fleet/gateway-handle.ts`). */
export const POOL_OF_A_LOOP = 6
/** Jobs that wait. A client that comes later than these would wait for seconds. */
const MAX_WAITING = 256

export interface PoolSize {
  /** Threads of the pool, as `UV_THREADPOOL_SIZE` says. */
  readonly threads: number
  /** Event loops that use it. */
  readonly loops: number
}

/** Too many jobs wait. The caller answers that it is busy, or does without. */
export class PoolBusyError extends Error {
  constructor() {
    super('too many jobs wait for the thread pool')
  }
}

export class PoolShares {
  readonly #limit: number
  readonly #queue: (() => void)[] = []
  #running = 0

  constructor({ threads, loops }: PoolSize = { threads: POOL_OF_A_LOOP, loops: 1 }) {
    this.#limit = Math.max(1, Math.floor(threads / 3 / loops))
  }

  /** Jobs of this event loop that have not started. */
  get waiting(): number {
    return this.#queue.length
  }

  /**
   * Runs the job when there is a place, at once if there is one. `job` starts one job of the pool, and its promise settles when that is
   * over. Rejects with PoolBusyError if too many wait.
   */
  run<Result>(job: () => Promise<Result>): Promise<Result> {
    if (this.#queue.length >= MAX_WAITING) return Promise.reject(new PoolBusyError())
    return new Promise((resolve, reject) => {
      this.#queue.push(() => {
        job().finally(this.#over).then(resolve, reject)
      })
      this.#next()
    })
  }

  #next(): void {
    while (this.#queue.length > 0 && this.#running < this.#limit) {
      this.#running++
      this.#queue.shift()!()
    }
  }

  readonly #over = (): void => {
    this.#running--
    this.#next()
  }
}
