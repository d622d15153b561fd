/**
 * Open files that connections to upstreams may take. They are counted with temporary files and files that are sent (`base/open-files.ts`), so that
 * connections to upstreams never take the part of clients' connections: accepting does not fail. Runs in the gateway, one for each thread.
 *
 * Without room an idle connection is closed first; with none a call waits here, in order. Bounds: MAX_WAITING calls, each until its
 * `proxy-connect-timeout`.
 */
import { Line, type Place } from '../base/line.ts'
import type { OpenFiles } from '../base/open-files.ts'

/** Calls that wait: more would only wait until their time is over. */
const MAX_WAITING = 1024
/** Files of others, and of other threads, come free without a word. */
const LOOK_MS = 100

export interface WaitingCall {
  /** There may be room: it is not in the queue any more. */
  roomCame(): void
}

export class ConnectionRoom {
  readonly #files: OpenFiles
  readonly #waiting = new Line<WaitingCall>()
  /** Closes one that waits for a request; in the order of their pools. */
  readonly #idle = new Set<{ closeIdle(): boolean }>()
  #timer: NodeJS.Timeout | null = null
  #isNext = false

  constructor(files: OpenFiles) {
    this.#files = files
  }

  /** For a new connection. It is counted until `remove`. */
  add(): void {
    this.#files.add()
  }

  /** Its socket is closed. */
  remove(): void {
    this.#files.remove()
    this.#wakeSoon()
  }

  /** False: not now. An idle connection is being closed, if there is one: its room comes a little later. */
  get isFree(): boolean {
    if (this.#files.hasRoom) return true
    for (const pool of this.#idle) if (pool.closeIdle()) break
    return false
  }

  /** The pool has connections that wait for a request. */
  hasIdle(pool: { closeIdle(): boolean }): void {
    this.#idle.add(pool)
  }

  hasNoIdle(pool: { closeIdle(): boolean }): void {
    this.#idle.delete(pool)
  }

  /** Null: too many wait. */
  wait(call: WaitingCall): Place<WaitingCall> | null {
    if (this.#waiting.size >= MAX_WAITING) return null
    this.#timer ??= setInterval(() => this.#wake(), LOOK_MS).unref()
    return this.#waiting.enter(call)
  }

  /** It does not wait any more. */
  leave(place: Place<WaitingCall>): void {
    this.#waiting.leave(place)
    if (this.#waiting.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  /** Not within `remove`: a call that is woken may close a connection itself. */
  #wakeSoon(): void {
    if (this.#waiting.size === 0 || this.#isNext) return
    this.#isNext = true
    setImmediate(() => {
      this.#isNext = false
      this.#wake()
    })
  }

  #wake(): void {
    for (let place = this.#waiting.first; place !== null && this.#files.hasRoom; place = this.#waiting.first) {
      this.leave(place)
      place.item.roomCame()
    }
  }
}
