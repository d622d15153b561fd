/**
 * Coarse deadlines for very many holders: all of one list share one duration, so arming is an append to a linked list
 * and one timer serves all. Precision is the tick (a sixteenth of the duration, 50 ms to 1 s): made for time-outs of seconds.
 *
 * Invariant: a turn of the event loop expires few, however many are due. To end a connection costs a fraction of a millisecond, and
 * a thousand that came together would hold up everybody else.
 */

/** Of those that are due; the others follow in the next turns. */
const EXPIRED_AT_ONCE = 16

/** What a holder embeds; belongs to at most one list at a time. */
export class Deadline {
  /** performance.now() milliseconds; 0: not armed. */
  at = 0
  previous: Deadline | null = null
  next: Deadline | null = null
  list: DeadlineList | null = null
  readonly onExpired: () => void

  constructor(onExpired: () => void) {
    this.onExpired = onExpired
  }

  disarm(): void {
    this.list?.disarm(this)
  }
}

export class DeadlineList {
  readonly #durationMs: number
  readonly #tickMs: number
  #first: Deadline | null = null
  #last: Deadline | null = null
  #timer: NodeJS.Timeout | null = null
  /** Turns follow for those that were too many for one. */
  #isCatchingUp = false

  /** A duration of 0 means none: `arm` only disarms. */
  constructor(durationMs: number) {
    this.#durationMs = durationMs
    this.#tickMs = Math.min(1000, Math.max(50, durationMs / 16))
  }

  /** (Re)starts the deadline: `durationMs` from now. */
  arm(deadline: Deadline): void {
    deadline.list?.disarm(deadline)
    if (this.#durationMs === 0) return
    deadline.at = performance.now() + this.#durationMs
    deadline.list = this
    deadline.previous = this.#last
    if (this.#last) this.#last.next = deadline
    else this.#first = deadline
    this.#last = deadline
    if (this.#timer === null) {
      this.#timer = setInterval(() => this.#tick(), this.#tickMs)
      this.#timer.unref()
    }
  }

  disarm(deadline: Deadline): void {
    if (deadline.list !== this) return
    if (deadline.previous) deadline.previous.next = deadline.next
    else this.#first = deadline.next
    if (deadline.next) deadline.next.previous = deadline.previous
    else this.#last = deadline.previous
    deadline.previous = deadline.next = deadline.list = null
    deadline.at = 0
  }

  #tick(): void {
    if (!this.#isCatchingUp) this.#expire()
    if (this.#first === null && this.#timer !== null) {
      clearInterval(this.#timer)
      this.#timer = null
    }
  }

  #expire(): void {
    const now = performance.now()
    for (let left = EXPIRED_AT_ONCE; left > 0; left--) {
      const expired = this.#first
      if (expired === null || expired.at > now) break
      this.disarm(expired)
      expired.onExpired()
    }
    this.#isCatchingUp = this.#first !== null && this.#first.at <= now
    if (this.#isCatchingUp) setImmediate(() => this.#expire())
  }
}
