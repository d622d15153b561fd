/**
 * All proxied requests of a thread while they run: looks once a second for clients that have left, and ends event streams when the gateway
 * drains. Runs in the gateway. As large as the number of requests, which `limit-connections` bounds.
 *
 * A client that has sent FIN may only have no more to send. So it counts as gone when nothing has come for it for a while since.
 */

/** What is watched. */
export interface WatchedCall {
  /** Its place among the calls; -1: it is not there. Only `CallWatch` writes it. */
  watchedAt: number
  /** A second has passed. */
  tick(): void
  /** The gateway drains: what would never end by itself ends now. */
  drain(): void
}

const TICK_MS = 1000

class CallWatch {
  /**
   * No Set: a table of V8 that is full is replaced, and keeps what it had and the one behind it. Once it is in the old generation, half of all requests
   * would outlive their collections by it.
   */
  readonly #calls: WatchedCall[] = []
  #timer: NodeJS.Timeout | null = null

  add(call: WatchedCall): void {
    call.watchedAt = this.#calls.push(call) - 1
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref()
  }

  delete(call: WatchedCall): void {
    const at = call.watchedAt
    if (at < 0) return
    call.watchedAt = -1
    const last = this.#calls.pop()!
    if (last === call) return
    this.#calls[at] = last
    last.watchedAt = at
  }

  drain(): void {
    for (const call of [...this.#calls]) call.drain()
  }

  #tick(): void {
    for (const call of [...this.#calls]) call.tick()
    if (this.#calls.length > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }
}

/** One for the thread: a configuration that was replaced may still have calls. */
export const callWatch = new CallWatch()
