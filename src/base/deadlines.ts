/**
 * Coarse deadlines for very many holders: all of one list share one duration and one timer. A wheel of buckets, one for each tick
 * (50 ms to 1 s): a deadline that is armed again and again, as that of a busy connection, stays where it
 * is, and is looked at once in a duration. So arming costs no more than a number, and reads no clock. Made for time-outs of seconds.
 *
 * Invariants: never early, and late by two ticks at most, unless the process itself stood still: that time counts for nobody.
 * A turn of the event loop expires few, however many are due. To end a connection costs a fraction of a millisecond, and
 * a thousand that came together would hold up everybody else.
 */

/** Of those that are due; the others follow in the next turns. */
const EXPIRED_AT_ONCE = 16
/** Milliseconds. Durations of hours have longer ticks, or they would have thousands of buckets. */
const [MIN_TICK, MAX_TICK] = [50, 1000]
const MAX_TICKS = 256

/** What a holder embeds; belongs to at most one list at a time. */
export class Deadline {
  /** The tick of its list at which it expires; 0: not armed. */
  at = 0
  /** Where it is, armed or at rest. */
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

  /** The list forgets it, and its holder. */
  disarm(): void {
    this.list?.disarm(this)
  }

  /** Does not expire, but is soon armed anew: the list keeps it until its next look. */
  rest(): void {
    this.at = 0
  }
}

export class DeadlineList {
  readonly #tickMs: number
  /** Ticks from arming to expiring: one more than the duration, since the present one has begun already. */
  readonly #span: number
  /** By the tick at which they are looked at; each bucket is a ring through its head. */
  readonly #buckets: Deadline[]
  #tick = 0
  #linked = 0
  #timer: NodeJS.Timeout | null = null
  /** Turns follow for those that were too many for one. */
  #isCatchingUp = false

  /** A duration of 0 means none: `arm` only disarms. */
  constructor(durationMs: number) {
    const sixteenth = Math.min(MAX_TICK, Math.max(MIN_TICK, durationMs / 16))
    // Timers have whole milliseconds.
    this.#tickMs = Math.ceil(Math.max(sixteenth, durationMs / MAX_TICKS))
    this.#span = durationMs === 0 ? 0 : Math.ceil(durationMs / this.#tickMs) + 1
    this.#buckets = Array.from({ length: this.#span + 1 }, () => {
      const head = new Deadline(() => {})
      head.previous = head.next = head
      return head
    })
  }

  /** (Re)starts the deadline: it expires when the duration is over. */
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
    // Those of the last tick are still coming: time waits for them.
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
    // Those that were armed anew go to other buckets: this one becomes empty.
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
