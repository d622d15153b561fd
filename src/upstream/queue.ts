/**
 * Requests that wait until a server of a group has room (`queue`): all have `max-conns`. Loaded only where a group has it. Runs in the gateway, one
 * for each group and thread.
 *
 * Invariants: first come, first served within a thread, but one that has tried servers already lets others pass while those that it may still ask
 * are full. A request is here until it has a server, its time is over, or its client has gone.
 * Bounds: `most` requests, each for `timeout`. They are each thread's own, so that no thread asks another one.
 */
import { DeadlineList } from '../base/deadlines.ts'
import { Line, type Place } from '../base/line.ts'
import type { QueueSettings } from '../sites/upstream-model.ts'

/** Places that other threads give back, and servers that are well again, come without a word. */
const LOOK_MS = 50
/** Lines about refused requests: there may be thousands a second. */
const TELL_MS = 10_000

export interface QueuedCall {
  /**
   * A server may have room now. It leaves the queue if it has got one. False: no server has room for any request, so the others need not be
   * asked.
   */
  placeCame(): boolean
}

export class UpstreamQueue {
  readonly settings: QueueSettings
  /** How long one waits. */
  readonly deadlines: DeadlineList
  readonly #waiting = new Line<QueuedCall>()
  #timer: NodeJS.Timeout | null = null
  #isNext = false
  #refused = 0
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(settings: QueueSettings) {
    this.settings = settings
    this.deadlines = new DeadlineList(settings.timeout)
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Null: it is full. */
  enter(call: QueuedCall): Place<QueuedCall> | null {
    if (this.#waiting.size >= this.settings.most) return null
    this.#timer ??= setInterval(() => this.#wake(), LOOK_MS).unref()
    return this.#waiting.enter(call)
  }

  /** It does not wait any more. */
  leave(place: Place<QueuedCall>): void {
    this.#waiting.leave(place)
    if (this.#waiting.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  /** A server has one request less, or there are other servers. Not within the call: who ends a request may be about to begin another one. */
  placeCame(): void {
    if (this.#waiting.size === 0 || this.#isNext) return
    this.#isNext = true
    setImmediate(() => {
      this.#isNext = false
      this.#wake()
    })
  }

  /** One more request is refused. What the log should say of them; null: it has been said just now. `now`: of `performance.now()`. */
  refused(now: number): string | null {
    this.#refused++
    if (now - this.#toldAt < TELL_MS) return null
    const count = this.#refused
    this.#refused = 0
    this.#toldAt = now
    return `all of its servers have max-conns: ${count === 1 ? 'a request was' : `${count} requests were`} answered with 503 (queue)`
  }

  #wake(): void {
    this.#waiting.walk(call => call.placeCame())
  }
}
