/**
 * Coarse deadlines for very many holders (a timer wheel). All deadlines of a list share one duration and one timer. Made for time-outs
 * of seconds. Runs in the gateway.
 *
 * A list has one bucket for each tick (50 ms to 1 s). A deadline that is armed again, as a busy connection does all the time, stays in its
 * bucket and only gets another number. Its bucket moves it on when its tick comes. So arming reads no clock and moves nothing.
 *
 * Invariants:
 * - A deadline is never early, and late by two ticks at most. Time in which the process itself stood still does not count.
 * - One turn of the event loop expires only a few, however many are due. Ending a connection takes a fraction of a millisecond, so a
 *   thousand at once would hold up everybody else.
 */

/** Deadlines that expire in one turn. The others follow in the next turns. */
const EXPIRED_AT_ONCE = 16
/** Milliseconds. A duration of hours has longer ticks: otherwise it would need thousands of buckets. */
const [MIN_TICK, MAX_TICK] = [50, 1000]
const MAX_TICKS = 256

/** A holder embeds this. It belongs to at most one list at a time. */
export class Deadline {
  /** It expires at this tick of its list; 0: not armed. */
  at = 0
  /** The list that it is in, armed or at rest. */
  list: DeadlineList | null = null
  previous: Deadline | null = null
  next: Deadline | null = null
  readonly onExpired: () => void

  constructor(onExpired: () => void) {
    this.onExpired = onExpired
  }

  get isArmed(): boolean {
    return this.at > 0
  }

  /** The list forgets the deadline, and so its holder. */
  disarm(): void {
    this.list?.disarm(this)
  }

  /** It expires no more, but stays in its bucket until the list looks there. Cheaper than `disarm` if it is soon armed again. */
  rest(): void {
    this.at = 0
  }
}

export class DeadlineList {
  readonly #tickMs: number
  /** Ticks from arming to expiring: one more than the duration, because the current tick has already begun. */
  readonly #span: number
  /** A ring of deadlines for each tick at which the list looks at them. */
  readonly #buckets: Deadline[]
  #tick = 0
  #linked = 0
  #timer: NodeJS.Timeout | null = null
  /** More were due than one turn expires: further turns follow. */
  #isCatchingUp = false

  /** A duration of 0 means that there is no deadline: `arm` only disarms. */
  constructor(durationMs: number) {
    const sixteenth = Math.min(MAX_TICK, Math.max(MIN_TICK, durationMs / 16))
    // Node's timers drop fractions of a millisecond.
    this.#tickMs = Math.ceil(Math.max(sixteenth, durationMs / MAX_TICKS))
    this.#span = durationMs === 0 ? 0 : Math.ceil(durationMs / this.#tickMs) + 1
    this.#buckets = Array.from({ length: this.#span + 1 }, () => {
      const head = new Deadline(() => {})
      head.previous = head.next = head
      return head
    })
  }

  /** Starts or restarts the deadline: it expires when the duration is over. */
  arm(deadline: Deadline): void {
    if (deadline.list !== this) {
      deadline.list?.disarm(deadline)
      if (this.#span === 0) return
      deadline.list = this
      this.#link(deadline, this.#tick + this.#span)
      this.#timer ??= setInterval(() => this.#advance(), this.#tickMs).unref()
    }
    deadline.at = this.#tick + this.#span
  }

  disarm(deadline: Deadline): void {
    if (deadline.list !== this) return
    this.#unlink(deadline)
    deadline.at = 0
    deadline.list = null
  }

  #link(deadline: Deadline, tick: number): void {
    const head = this.#buckets[tick % this.#buckets.length]!
    const last = head.previous!
    deadline.previous = last
    deadline.next = head
    last.next = head.previous = deadline
    this.#linked++
  }

  #unlink(deadline: Deadline): void {
    deadline.previous!.next = deadline.next
    deadline.next!.previous = deadline.previous
    deadline.previous = deadline.next = null
    this.#linked--
  }

  #advance(): void {
    // The deadlines of the last tick are still expiring: the next tick waits.
    if (!this.#isCatchingUp) {
      this.#tick++
      this.#expire()
    }
    if (this.#linked === 0 && this.#timer !== null) {
      clearInterval(this.#timer)
      this.#timer = null
    }
  }

  #expire(): void {
    const head = this.#buckets[this.#tick % this.#buckets.length]!
    let left = EXPIRED_AT_ONCE
    // Deadlines that were armed again move to other buckets. So this bucket becomes empty.
    for (let found = head.next!; found !== head && left > 0; found = head.next!) {
      if (found.at > this.#tick) {
        this.#unlink(found)
        this.#link(found, found.at)
        continue
      }
      const isDue = found.isArmed
      this.disarm(found)
      if (!isDue) continue
      left--
      found.onExpired()
    }
    this.#isCatchingUp = head.next !== head
    if (this.#isCatchingUp) setImmediate(() => this.#expire())
  }
}
