/**
 * The slots of a pool's workers as one dispatcher of one gateway thread takes them, where all threads share them. Runs in the threads of
 * the gateway.
 *
 * The rule for a free slot is that of one thread (`pool/dispatch-rules.ts`), over all threads: the newest generation; no suspect on its
 * worker; the worker with the fewest busy places; the worker with the fewest streams of this thread. Among equals the worker that this
 * thread has used last.
 * Ahead of its turn a request is sent only on a place that this thread took in the same turn of the event loop, or while no call of another
 * thread waits that could use the place.
 */
import { tickOf } from '../../shared/clock.ts'
import type { PoolWaits } from '../../shared/pool-waits.ts'
import { KEPT, NONE } from '../../shared/slot-table.ts'
import type { Call } from '../pool/call.ts'
import type { CallQueue } from '../pool/queue.ts'
import type { SlotLane } from '../pool/slots.ts'
import type { PoolLink, PoolWorker } from '../pool/worker.ts'
import { type LinkPlaces, seatOf, type WorkerSeat } from './seat.ts'

/** Each failed try is a place that another thread took. A call that finds none after so many waits, and looks again 2 ms later. */
const MAX_TRIES = 64

/** What a lane needs of its pool's slots. */
export interface LaneSlots {
  readonly waits: PoolWaits
  /** All of the pool. */
  readonly workers: readonly PoolWorker[]
  /** Counts the turns of the event loop in which slots were given back. */
  readonly turn: number
  /** This thread has places on which nothing runs, until the end of this turn. */
  readonly hasSpare: boolean
  /** Looks at each place, though the worker seems to be full: a thread may have died before it set its count. */
  readonly isThorough: boolean
  /** The thread has a slot now; NONE: nobody has. */
  tell(thread: number): void
  /** Calls of this thread wait. */
  keepLooking(): void
}

export class SharedLane implements SlotLane {
  readonly isShared = true
  readonly #slots: LaneSlots
  /** The worker that its calls wait for; null: any. */
  readonly #worker: PoolWorker | null
  #last: WorkerSeat | null = null

  constructor(slots: LaneSlots, worker: PoolWorker | null) {
    this.#slots = slots
    this.#worker = worker
  }

  free(workers: readonly PoolWorker[], queue: CallQueue<Call> | null, suspectsSinceBefore: number): PoolLink | null {
    const now = tickOf(performance.now())
    // Workers that the caller has put in order: the first of equals.
    if (workers !== this.#slots.workers) this.#last = null
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const places = this.#best(workers, suspectsSinceBefore, now)
      if (places === null) return null
      if (places.spare > 0 ? this.#mayKeep(places, queue, now) : this.#take(places, now)) {
        places.takenIn = this.#slots.turn
        this.#last = seatOf(places.link.worker)
        return places.link
      }
    }
    return null
  }

  #take(places: LinkPlaces, now: number): boolean {
    const place = places.find(now)
    return place !== NONE && places.take(place, now)
  }

  /** A place that this thread has already: another one may wait longer for it. */
  #mayKeep(places: LinkPlaces, queue: CallQueue<Call> | null, now: number): boolean {
    // A new call came when none waited here.
    if (queue === null) return true
    this.#publish(queue.first!, queue.last!, queue.turn!)
    const heir = places.release(now, true)
    if (heir === KEPT) return true
    this.#slots.tell(heir)
    return false
  }

  #best(workers: readonly PoolWorker[], suspectsSinceBefore: number, now: number): LinkPlaces | null {
    const slots = this.#slots
    const unbeaten = workers === slots.workers ? this.#unbeaten(now) : null
    if (unbeaten !== null) return unbeaten
    let best: LinkPlaces | null = null
    let bestSeat: WorkerSeat | null = null
    let bestSuspect = false
    let bestBusy = 0
    for (const worker of workers) {
      const { suspectSince } = worker
      const hasSuspect = suspectSince > 0
      if (hasSuspect && suspectSince >= suspectsSinceBefore) continue
      const seat = seatOf(worker)
      const busy = slots.hasSpare ? seat.busy : seat.table.busy
      if (bestSeat !== null) {
        const difference = bestSeat.worker.generation - worker.generation || Number(hasSuspect) - Number(bestSuspect)
        const isWorse = difference > 0 || (difference === 0 && !this.#isFreer(seat, busy, bestSeat, bestBusy))
        if (isWorse) continue
      }
      const places = seat.offer(now, busy < seat.table.places || slots.isThorough)
      if (places === null) continue
      best = places
      bestSeat = seat
      bestSuspect = hasSuspect
      bestBusy = busy
    }
    return best
  }

  #isFreer(seat: WorkerSeat, busy: number, best: WorkerSeat, bestBusy: number): boolean {
    const difference = busy - bestBusy || seat.streams - best.streams
    return difference < 0 || (difference === 0 && seat === this.#last)
  }

  /** The worker that this thread used last, if it has nothing to do: then no other one of the pool is better. Saves a look at each. */
  #unbeaten(now: number): LinkPlaces | null {
    const last = this.#last
    if (last === null || last.table.busy > 0 || last.streams > 0 || last.worker.suspectSince > 0) return null
    for (const { generation } of this.#slots.workers) if (generation > last.worker.generation) return null
    return last.offer(now, true)
  }

  ahead(workers: readonly PoolWorker[], allowed: number, now: number, budgetMicros: number): PoolLink | null {
    const { turn } = this.#slots
    let best: PoolLink | null = null
    for (const worker of workers) {
      const { links, table } = seatOf(worker)
      if (table.isCondemned) continue
      let isWanted: boolean | null = null
      for (const { link, takenIn, hasSome } of links) {
        if (!hasSome || !link.usable || !link.takesAhead || link.inFlight > allowed) continue
        if (best !== null && link.inFlight >= best.inFlight) continue
        if (now - link.firstSince > budgetMicros / 1000) continue
        if (takenIn !== turn) {
          isWanted ??= table.isWanted(tickOf(now))
          if (isWanted) continue
        }
        best = link
      }
    }
    return best
  }

  publish(suspects: CallQueue<Call>, queue: CallQueue<Call>): boolean {
    const isSuspect = suspects.first !== null
    const { first, last, turn } = isSuspect ? suspects : queue
    if (first === null) return this.#publishNothing()
    const isNew = this.#publish(first, last!, turn!)
    this.#slots.keepLooking()
    return isNew
  }

  #publishNothing(): boolean {
    if (this.#worker === null) return this.#slots.waits.publish(0, 0)
    const seat = seatOf(this.#worker)
    if (seat.waitsSince === 0) return false
    seat.waitsSince = 0
    return seat.publish()
  }

  #publish(first: Call, last: Call, turn: Call): boolean {
    if (this.#worker !== null) {
      const seat = seatOf(this.#worker)
      seat.waitsSince = tickOfCall(turn)
      return seat.publish()
    }
    const { waits, workers } = this.#slots
    let isNew = waits.publish(tickOfCall(first), first.isReturned ? 0 : tickOfCall(last))
    for (const worker of workers) if (seatOf(worker).publish()) isNew = true
    return isNew
  }

  isOverloadedElsewhere(): boolean {
    return this.#slots.waits.isOverloaded(tickOf(performance.now()))
  }
}

/** Since when the call waits. One that comes back goes before calls that have not been sent, as in a queue. */
function tickOfCall(call: Call): number {
  return tickOf(call.isReturned ? call.exchange.receivedAt : call.waitsSince)
}
