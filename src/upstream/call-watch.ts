/**
 * All proxied requests of a thread while they run: looks once a second for clients that have left, and ends event streams when the gateway
 * drains. Runs in the gateway. As large as the number of requests, which `limit-connections` bounds.
 *
 * A client that has sent FIN may only have no more to send. So it counts as gone when nothing has come for it for a while since.
 */

import { Line, type Place } from '../base/line.ts'

/** What is watched. */
export interface WatchedCall {
  /** A second has passed. */
  tick(): void
  /** The gateway drains: what would never end by itself ends now. */
  drain(): void
}

const TICK_MS = 1000

class CallWatch {
  readonly #calls = new Line<WatchedCall>()
  #timer: NodeJS.Timeout | null = null

  add(call: WatchedCall): Place<WatchedCall> {
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref()
    return this.#calls.enter(call)
  }

  delete(place: Place<WatchedCall>): void {
    this.#calls.leave(place)
  }

  drain(): void {
    for (const call of this.#all()) call.drain()
  }

  #tick(): void {
    for (const call of this.#all()) call.tick()
    if (this.#calls.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  /** A call that hears of something may end others. */
  #all(): WatchedCall[] {
    const all: WatchedCall[] = []
    this.#calls.walk(call => all.push(call) > 0)
    return all
  }
}

/** One for the thread: a configuration that was replaced may still have calls. */
export const callWatch = new CallWatch()
