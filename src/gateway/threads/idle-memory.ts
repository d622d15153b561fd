/**
 * Shrinks a thread's heap when the thread has become idle. V8 looks for garbage only while something is allocated, and keeps as much room for
 * new objects as the work before has needed: some MB after the start of a thread, tens of MB after a busy hour, in each thread. Runs in each
 * thread of the gateway.
 */

/** Milliseconds of work in a second. A thread with less is idle: hardly anybody meets the pause, which is some 20 ms. */
const IDLE_MS = 10
/** Seconds for which the thread has been idle. */
const AFTER = 2

export class IdleMemory {
  readonly #shrink: () => void
  #idle = 0

  constructor(shrink: () => void) {
    this.#shrink = shrink
  }

  /** Called once a second. `busyMs`: of that second, in which the event loop had something to do. */
  check(busyMs: number): void {
    // What follows a collection is its own work.
    this.#idle = busyMs <= IDLE_MS || this.#idle === AFTER ? this.#idle + 1 : 0
    if (this.#idle === AFTER) this.#shrink()
  }
}
