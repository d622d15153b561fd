/**
 * Who may use Node's thread pool, and how much of it. The pool is one for the whole process, with every thread of the gateway, and its jobs
 * run in the order in which they come: eight checks of a password made the read of a file wait 700 ms. So what takes long asks here first.
 * Runs in the gateway; each event loop has its own.
 *
 *     passwords    one job at a time, over all event loops
 *     compression  a third of the pool, in equal parts for the event loops
 *     files        do not ask: the rest is theirs
 *
 * Of the six threads for one event loop that leaves three for files; a reader of the access log that is stuck keeps one of them.
 *
 * Invariants: jobs of one use start in the order of `run`. A job that has started is never waited for by another use.
 * Not here: how long a job may be. Whoever has much to do gives it in pieces, so that the others of its use have their turns.
 */
import type { SharedTurn } from './other-threads.ts'

export type PoolUse = 'password' | 'compression'

/** Threads of the pool for each event loop, two more than Node has by itself. The master sets it (`master/fleet/gateway-handle.ts`). */
export const POOL_OF_A_LOOP = 6
/** Jobs of one use that wait. A client that comes later than these would wait for seconds. */
const MAX_WAITING = 256
/** With several event loops: how often one that waits looks whether another has finished. */
const LOOK_MS = 2
/** With several: as long a loop that has had its turn leaves it to the others. Longer than two of their looks. */
const LEAVE_MS = 5

export interface PoolSize {
  /** Threads of the pool, as `UV_THREADPOOL_SIZE` says. */
  readonly threads: number
  /** Event loops that use it. */
  readonly loops: number
}

/** Too many jobs of this use wait. The caller answers that it is busy, or does without. */
export class PoolBusyError extends Error {
  constructor(use: PoolUse) {
    super(`too many jobs wait for the thread pool (${use})`)
  }
}

export class PoolShares {
  readonly #shares: Readonly<Record<PoolUse, Share>>

  /** `turn`: for passwords, over all event loops. Null: there is one. */
  constructor({ threads, loops }: PoolSize = { threads: POOL_OF_A_LOOP, loops: 1 }, turn: SharedTurn | null = null) {
    this.#shares = {
      password: new Share('password', 1, turn),
      compression: new Share('compression', Math.max(1, Math.floor(threads / 3 / loops)), null),
    }
  }

  /**
   * Runs the job when its use has a place, at once if there is one. `job` starts one job of the pool, and its promise settles when that is
   * over. Rejects with PoolBusyError if too many wait.
   */
  run<Result>(use: PoolUse, job: () => Promise<Result>): Promise<Result> {
    return this.#shares[use].run(job)
  }

  /** Jobs of this event loop that have not started. */
  waiting(use: PoolUse): number {
    return this.#shares[use].waiting
  }
}

class Share {
  readonly #use: PoolUse
  readonly #limit: number
  readonly #turn: SharedTurn | null
  readonly #queue: (() => void)[] = []
  #running = 0
  #timer: NodeJS.Timeout | null = null

  constructor(use: PoolUse, limit: number, turn: SharedTurn | null) {
    this.#use = use
    this.#limit = limit
    this.#turn = turn
  }

  get waiting(): number {
    return this.#queue.length
  }

  run<Result>(job: () => Promise<Result>): Promise<Result> {
    if (this.#queue.length >= MAX_WAITING) return Promise.reject(new PoolBusyError(this.#use))
    return new Promise((resolve, reject) => {
      this.#queue.push(() => {
        job().finally(this.#over).then(resolve, reject)
      })
      this.#next()
    })
  }

  #next(): void {
    while (this.#timer === null && this.#queue.length > 0 && this.#running < this.#limit) {
      if (this.#turn?.take() === false) {
        this.#later(LOOK_MS)
        return
      }
      this.#running++
      this.#queue.shift()!()
    }
  }

  readonly #over = (): void => {
    this.#running--
    if (this.#turn !== null) {
      this.#turn.give()
      // Else it would have the turn again before anybody could see that it was free.
      if (this.#queue.length > 0) this.#later(LEAVE_MS)
    }
    this.#next()
  }

  #later(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      this.#next()
    }, ms)
  }
}
