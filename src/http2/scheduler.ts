/**
 * Which stream is written next, and how much of it: windows (RFC9113§5.2) and priorities (RFC9218§10). Runs in the gateway; one for each
 * connection.
 *
 * The most urgent streams go first. Of the same urgency those that are of use only as a whole go one after the other, in the order in which they
 * were asked for, and incremental ones take turns, a frame each.
 *
 * Invariants: a stream is in one of the lists exactly while it has content and a window for it; no window is overdrawn.
 */
import { FRAME_HEADER, INITIAL_WINDOW, MAX_WINDOW, MIN_MAX_FRAME_SIZE } from './frames.ts'
import { type Priority, URGENCIES } from './priority.ts'

/**
 * Larger frames would let a stream keep its more urgent sisters waiting. With its header such a frame fills a record of TLS, and four of them what
 * OpenSSL is given at once.
 */
export const MAX_CONTENT = MIN_MAX_FRAME_SIZE - FRAME_HEADER

export interface ScheduledStream {
  readonly id: number
  readonly priority: Priority
  /** It is in a list. */
  isReady: boolean
  /** What it may send now: the smaller of its content and its window. */
  readonly sendable: number
  /** Writes one frame with so many bytes of content. */
  writeContent(bytes: number): void
}

export class Scheduler {
  /** Of the connection. It is never negative, as the window of a stream may be (RFC9113§6.9.2). */
  window = INITIAL_WINDOW
  /** Content of all streams, so far. */
  sentBytes = 0
  readonly #lists: ScheduledStream[][] = []
  #count = 0

  /** No stream waits to be written. */
  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** No other stream waits to be written. */
  hasOnly(stream: ScheduledStream): boolean {
    return this.#count === (stream.isReady ? 1 : 0)
  }

  /** Streams have content, and the client has no window for it. */
  get isStalled(): boolean {
    return this.#count > 0 && this.window === 0
  }

  /** The stream has content and a window now. */
  add(stream: ScheduledStream): void {
    if (stream.isReady) return
    stream.isReady = true
    this.#count++
    const list = this.#listOf(stream)
    list.push(stream)
    // Asked for earlier, but ready later: a short list is nearly in order.
    if (stream.priority.isIncremental) return
    for (let i = list.length - 1; i > 0 && list[i - 1]!.id > stream.id && !list[i - 1]!.priority.isIncremental; i--) {
      list[i] = list[i - 1]!
      list[i - 1] = stream
    }
  }

  #listOf({ priority }: ScheduledStream): ScheduledStream[] {
    // Most connections use one urgency only.
    let list = this.#lists[priority.urgency]
    if (list === undefined) {
      while (this.#lists.length < URGENCIES) this.#lists.push([])
      list = this.#lists[priority.urgency]!
    }
    return list
  }

  /** Before its priority changes, and when it ends. */
  remove(stream: ScheduledStream): void {
    if (!stream.isReady) return
    stream.isReady = false
    this.#count--
    const list = this.#listOf(stream)
    list.splice(list.indexOf(stream), 1)
  }

  /** False: the window would be larger than windows may be. */
  openWindow(bytes: number): boolean {
    this.window += bytes
    return this.window <= MAX_WINDOW
  }

  /** So much content leaves. */
  take(bytes: number): void {
    this.window -= bytes
    this.sentBytes += bytes
  }

  /** Writes one frame of the stream whose turn it is. False: none can be written. */
  writeNext(): boolean {
    if (this.#count === 0 || this.window === 0) return false
    const list = this.#lists.find(({ length }) => length > 0)!
    const stream = list[0]!
    const bytes = Math.min(stream.sendable, this.window, MAX_CONTENT)
    this.take(bytes)
    stream.writeContent(bytes)
    if (!stream.isReady) return true
    if (stream.sendable <= 0) this.remove(stream)
    else if (stream.priority.isIncremental && list.length > 1) list.push(list.shift()!)
    return true
  }
}
