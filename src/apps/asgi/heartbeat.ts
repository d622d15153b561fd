/**
 * Notices from outside that a worker's event loop does not turn: the worker was silent for a while although something waits for it, and
 * does not answer a PING. Runs in the gateway, on the tick of a link; time is an argument. A slow application is
 * not its concern: a loop that turns answers PING, however long a request takes.
 */

/** After so much silence a PING is sent. */
const SILENCE_MS = 1000
/** Without an answer for so long the loop is blocked: something runs in a coroutine that should not. */
const BLOCKED_MS = 1000

export interface HeartbeatEvents {
  ping(token: number): void
  /** No answer for `ms`. Once for each time that the loop is blocked. */
  blocked(ms: number): void
  /** No answer within the deadline: none is expected any more. */
  stuck(ms: number): void
}

export class Heartbeat {
  readonly #events: HeartbeatEvents
  readonly #deadlineMs: number
  #silentMs = 0
  /** Time since the PING; -1: none is unanswered. */
  #askedMs = -1
  /** The loop was reported as blocked, and nothing has come since. */
  isBlocked = false
  #hasHeard = false
  #token = 0

  /** `deadlineMs`: 0 for none. */
  constructor(deadlineMs: number, events: HeartbeatEvents) {
    this.#deadlineMs = deadlineMs
    this.#events = events
  }

  /** Bytes came from the worker: only a loop that turns sends any. */
  heard(): void {
    this.#hasHeard = true
    this.isBlocked = false
  }

  /** `passedMs`: since the last tick. `isAwaited`: something is expected of the worker. */
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
