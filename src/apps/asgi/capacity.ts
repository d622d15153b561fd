/**
 * How many exchanges a worker has room for: slots for exchanges without a response head, and ten times as many places for streams
 * and WebSockets. When all of those places are taken, further streams keep their slot until a place is free.
 */

/** With 1000 slots: 10,000 tasks and their buffers in one process. */
const STREAMS_PER_SLOT = 10

export interface Occupant {
  /** True: it has a slot. False: it has a place among the streams. */
  holdsSlot: boolean
}

export class Capacity<T extends Occupant> {
  readonly capacity: number
  /** Slots that are held. */
  inFlight = 0
  streams = 0
  readonly #streamPlaces: number
  /** Streams without a place of their own: they keep their slot. */
  readonly #crowd = new Set<T>()

  /** `links`: to the worker. The places for streams are divided among them. */
  constructor(capacity: number, links: number) {
    this.capacity = capacity
    this.#streamPlaces = Math.ceil((capacity * STREAMS_PER_SLOT) / links)
  }

  /** `one` takes a slot. */
  enter(one: T): void {
    one.holdsSlot = true
    this.inFlight++
  }

  /** The exchange has its head. True: its slot is free now. */
  becomeStream(one: T): boolean {
    if (this.streams >= this.#streamPlaces) {
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
