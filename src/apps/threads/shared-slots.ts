/**
 * The slots of one pool's workers, where several gateway threads share them: what this thread takes, gives back, and tells others. Runs in
 * the threads of the gateway, one object for each pool in each thread.
 *
 * A thread learns of a slot that another one gives it by `woken`; while its calls wait it looks in each turn and every 2 to 8 ms as well, for
 * what a thread that has died, or is busy, did not tell.
 * Invariants: what this thread has and does not need is given back in the same turn of the event loop: at once while none of its calls waits,
 * else at the end of the turn. The timer runs only while calls of this thread wait.
 * Not here: how a slot is chosen (`lane.ts`), the words (`shared/`), how a message reaches a thread (`gateway/threads/`).
 */
import type { QueueOrder } from '../../config/types.ts'
import { SharedCells } from '../../shared/cells.ts'
import { ClientHomes } from '../../shared/client-homes.ts'
import { tickOf } from '../../shared/clock.ts'
import { PoolWaits } from '../../shared/pool-waits.ts'
import type { ClientTable } from '../pool/home-table.ts'
import type { SlotLane, SlotSource, SlotSourceFactory, SlotUser } from '../pool/slots.ts'
import type { PoolLink, PoolWorker, WorkerAddress, WorkerShare } from '../pool/worker.ts'
import { type LaneSlots, SharedLane } from './lane.ts'
import { type LinkPlaces, seatOf, WorkerSeat } from './seat.ts'

export interface SharedSlotsOptions {
  /** Of the pool: `poolMemory(threads)`. */
  readonly cells: SharedArrayBuffer
  readonly threads: number
  /** Index of this thread. */
  readonly thread: number
  readonly order: QueueOrder
  /** Another thread has a slot of this pool now: its `woken` must be called. */
  readonly wake: (thread: number) => void
}

/** How long a slot stays idle that nobody was told of. */
const LOOK_EVERY_MS = 2
/** While requests come and go, each turn of the event loop looks. Then the timer is needed only for the moment at which that stops. */
const LOOK_SELDOM_MS = 8

export class SharedSlots implements SlotSource, LaneSlots {
  readonly waits: PoolWaits
  turn = 0
  isThorough = false
  readonly #wake: SharedSlotsOptions['wake']
  readonly #user: SlotUser
  readonly #homes: ClientHomes
  #spare: LinkPlaces[] = []
  #timer: NodeJS.Timeout | null = null
  #isLooking = false
  #isClosed = false

  constructor({ cells, threads, thread, order, wake }: SharedSlotsOptions, user: SlotUser) {
    const words = new SharedCells(cells)
    this.waits = new PoolWaits(words, threads, thread, order)
    this.#homes = new ClientHomes(words, threads)
    this.#wake = wake
    this.#user = user
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get hasSpare(): boolean {
    return this.#spare.length > 0
  }

  get workers(): readonly PoolWorker[] {
    return this.#user.workers
  }

  /** Another thread has given this one a slot. Sends what waits, and gives back what is not needed. */
  woken(): void {
    if (this.#isClosed) return
    this.waits.awake()
    const look = (): void => {
      if (this.#user.waiting > 0) this.#user.look()
    }
    this.#user.look()
    for (const worker of this.workers) for (const places of seatOf(worker).links) places.passGrants(look, this.tell)
    this.waits.count = this.#user.waiting
  }

  readonly tell = (thread: number): void => {
    if (thread >= 0 && this.waits.rouse(thread)) this.#wake(thread)
  }

  keepLooking(): void {
    if (this.#isLooking || this.#isClosed) return
    this.#isLooking = true
    this.#lookIn(LOOK_EVERY_MS)
  }

  #lookIn(ms: number): void {
    const { turn } = this
    this.#timer = setTimeout(() => {
      this.isThorough = true
      this.woken()
      this.isThorough = false
      const isWaiting = this.#user.waiting > 0 && !this.#isClosed
      if (isWaiting) this.#lookIn(this.turn === turn ? LOOK_EVERY_MS : Math.min(2 * ms, LOOK_SELDOM_MS))
      else this.#isLooking = false
    }, ms).unref()
  }

  lane(worker: PoolWorker | null): SlotLane {
    return new SharedLane(this, worker)
  }

  get othersWaiting(): number {
    return this.waits.othersWaiting
  }

  count(waiting: number): void {
    this.waits.count = waiting
  }

  clients(): ClientTable {
    const homes = this.#homes
    const { workers } = this
    return {
      get: key => {
        const known = homes.get(key, tickOf(performance.now()))
        return known === 0 ? 0 : (workers.find(({ id }) => (id & 0xffff) === known)?.id ?? 0)
      },
      set: (key, worker) => homes.set(key, worker, tickOf(performance.now())),
    }
  }

  share(address: WorkerAddress, worker: PoolWorker): WorkerShare {
    return new WorkerSeat(address, worker, this.waits)
  }

  opened(link: PoolLink): void {
    const places = seatOf(link.worker).placesOf(link)
    places.adopt()
    this.#giveBack(places)
  }

  freed(link: PoolLink, isWanted: boolean): void {
    const { worker } = link
    // Acquits the worker of a suspect that is over.
    void worker.suspectSince
    const places = seatOf(worker).placesOf(link)
    if (places.spare === 0) return
    if (isWanted) this.#spare.push(places)
    else this.#giveBack(places)
  }

  endTurn(): void {
    this.turn++
    if (this.#spare.length > 0) {
      const spare = this.#spare
      this.#spare = []
      for (const places of spare) this.#giveBack(places)
    }
    this.waits.count = this.#user.waiting
  }

  close(): void {
    this.#isClosed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.waits.publish(0, 0)
    this.waits.count = 0
    for (const worker of this.workers) seatOf(worker).table.withdraw()
  }

  #giveBack(places: LinkPlaces): void {
    const now = tickOf(performance.now())
    while (places.spare > 0) this.tell(places.release(now, false))
  }
}

/** For `slotSource` of a pool. `made`: gets the slots, whose `woken` is called when another thread says so. */
export function sharedSlots(options: SharedSlotsOptions, made: (slots: SharedSlots) => void): SlotSourceFactory {
  return user => {
    const slots = new SharedSlots(options, user)
    made(slots)
    return slots
  }
}
