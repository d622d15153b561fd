/**
 * How many exchanges a worker has room for: slots for those without a response head, and ten times as many places for streams
 * and WebSockets. When there are too many of these the next ones keep their slot until there are fewer.
 */

/** With 1000 slots: 10,000 tasks and their buffers in one process. */
const STREAMS_PER_SLOT = 10

export interface Occupant {
  /** It has a slot; else a place among the streams. */
  holdsSlot: boolean
}

export class Capacity<T extends Occupant> {
  readonly capacity: number
  /** Slots that are held. */
  inFlight = 0
  streams = 0
  /** Streams that keep their slot. */
  readonly #crowd = new Set<T>()

  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** `one` comes with a slot. */
  enter(one: T): void {
    one.holdsSlot = true
    this.inFlight++
  }

  /** It has its head. True when its slot is free. */
  becomeStream(one: T): boolean {
    if (this.streams >= this.capacity * STREAMS_PER_SLOT) {
      this.#crowd.add(one)
      return false
    }
    this.#move(one)
    return true
  }

  leave(one: T): void {
    if (one.holdsSlot) {
      if (this.#crowd.size > 0) this.#crowd.delete(one)
      this.inFlight--
      return
    }
    this.streams--
    if (this.#crowd.size === 0) return
    const [next] = this.#crowd
    this.#move(next!)
  }

  clear(): void {
    this.#crowd.clear()
    this.inFlight = this.streams = 0
  }

  #move(one: T): void {
    this.#crowd.delete(one)
    one.holdsSlot = false
    this.inFlight--
    this.streams++
  }
}
