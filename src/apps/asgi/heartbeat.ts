/**
 * Notices from outside that a worker's event loop does not turn: it was silent for a while although something waits for it, and
 * does not answer a PING. Runs in the gateway, on the tick of a link; time is an argument. Whether the application is slow is
 * not its question: a loop that turns answers, however long a request takes.
 */

/** Silence after which a loop is asked. */
const SILENCE_MS = 1000
/** Without an answer for this long the loop is blocked: what blocks it should not run in a coroutine. */
const BLOCKED_MS = 1000

export interface HeartbeatEvents {
  ping(token: number): void
  /** Once for each time: no answer for `ms`. */
  blocked(ms: number): void
  /** No answer within the deadline: it will not come. */
  stuck(ms: number): void
}

export class Heartbeat {
  readonly #events: HeartbeatEvents
  readonly #deadlineMs: number
  #silentMs = 0
  /** -1: nothing is asked. */
  #askedMs = -1
  /** It was reported, and nothing has come since. */
  isBlocked = false
  #hasHeard = false
  #token = 0

  /** `deadlineMs`: 0 for none. */
  constructor(deadlineMs: number, events: HeartbeatEvents) {
    this.#deadlineMs = deadlineMs
    this.#events = events
  }

  /** Whatever it sends comes from its loop. */
  heard(): void {
    this.#hasHeard = true
    this.isBlocked = false
  }

  /** `isAwaited`: an answer of any kind is due. `passedMs` since the last tick. */
  tick(passedMs: number, isAwaited: boolean): void {
    if (this.#hasHeard || !(isAwaited || this.#askedMs >= 0)) {
      this.#hasHeard = false
      this.#silentMs = 0
      this.#askedMs = -1
      return
    }
    if (this.#askedMs < 0) {
      this.#silentMs += passedMs
      if (this.#silentMs < SILENCE_MS) return
      this.#askedMs = 0
      this.#token = (this.#token + 1) >>> 0
      this.#events.ping(this.#token)
      return
    }
    this.#askedMs += passedMs
    const silent = this.#silentMs + this.#askedMs
    if (this.#askedMs >= BLOCKED_MS && !this.isBlocked) {
      this.isBlocked = true
      this.#events.blocked(silent)
    }
    if (this.#deadlineMs > 0 && this.#askedMs >= this.#deadlineMs) this.#events.stuck(silent)
  }
}
