/**
 * The slots that a pool's dispatchers may use, as an interface: with one thread all slots of the workers are its own (`OWN_SLOTS`); with
 * several gateway threads each has links to all slots, and takes one for itself before it sends anything there (`apps/threads/`). Runs in
 * the gateway.
 *
 * Invariant: with one thread nothing of it costs more than a call of one known function, and nothing is allocated.
 * Not here: the rules (`dispatch-rules.ts`), the queues (`dispatcher.ts`).
 */
import type { Call } from './call.ts'
import { aheadSlot, idleSlot } from './dispatch-rules.ts'
import { type ClientTable, HomeTable } from './home-table.ts'
import type { CallQueue } from './queue.ts'
import type { PoolLink, PoolWorker, WorkerAddress, WorkerShare } from './worker.ts'

/** The slots as one dispatcher takes them. */
export interface SlotLane {
  /** Other threads may take slots, and must know what waits here: each call that waits is told at the end of its turn of the event loop. */
  readonly isShared: boolean
  /**
   * A free slot, the best of these workers; null: there is none for this thread. The caller sends a call on it at once. `queue`: has the call
   * whose turn it is; null: for a new call. `suspectsSinceBefore`: as for `idleSlot`.
   */
  free(workers: readonly PoolWorker[], queue: CallQueue<Call> | null, suspectsSinceBefore: number): PoolLink | null
  /** As `aheadSlot`. */
  ahead(workers: readonly PoolWorker[], allowed: number, now: number, budgetMicros: number): PoolLink | null
  /** What waits has changed. True: other threads see only now that something waits, so the caller looks for a slot once more. */
  publish(suspects: CallQueue<Call>, queue: CallQueue<Call>): boolean
  /** Newest first: a call of another thread has waited for too long. */
  isOverloadedElsewhere(): boolean
}

export interface SlotSource {
  /** For a dispatcher whose calls wait for any worker (null), or for this one only. */
  lane(worker: PoolWorker | null): SlotLane
  /** Calls of other threads that wait for the pool. */
  readonly othersWaiting: number
  /** Calls of this thread that wait, as the limit of the queue counts them. */
  count(waiting: number): void
  /** Which worker each client belongs to, for a pool with affinity. */
  clients(): ClientTable
  /** Called for each worker that comes, when it has its links. Null: no other thread has links to it. */
  share(address: WorkerAddress, worker: PoolWorker): WorkerShare | null
  /** The link is open: a new one, or one that has been made again. Nothing runs on it. */
  opened(link: PoolLink): void
  /** A call on the link is over, or there is room for one more. `isWanted`: calls of this thread wait, and `endTurn` follows in this turn. */
  freed(link: PoolLink, isWanted: boolean): void
  /** What waits has got its slots: the others are given back. */
  endTurn(): void
  /** The pool is closed. */
  close(): void
}

/** The pool that the slots are for. */
export interface SlotUser {
  /** A list that the pool keeps up to date. */
  readonly workers: readonly PoolWorker[]
  /** Calls that wait. */
  readonly waiting: number
  /** Another thread has given a slot, or may have: sends what waits. */
  look(): void
}

export type SlotSourceFactory = (user: SlotUser) => SlotSource

class OwnSlots implements SlotSource, SlotLane {
  readonly isShared = false
  readonly othersWaiting = 0

  free(workers: readonly PoolWorker[], _queue: CallQueue<Call> | null, suspectsSinceBefore: number): PoolLink | null {
    return idleSlot(workers, suspectsSinceBefore)
  }

  ahead(workers: readonly PoolWorker[], allowed: number, now: number, budgetMicros: number): PoolLink | null {
    return aheadSlot(workers, allowed, now, budgetMicros)
  }

  publish(): boolean {
    return false
  }

  isOverloadedElsewhere(): boolean {
    return false
  }

  lane(): SlotLane {
    return this
  }

  clients(): ClientTable {
    return new HomeTable()
  }

  share(): null {
    return null
  }

  count(): void {}
  opened(): void {}
  freed(): void {}
  endTurn(): void {}
  close(): void {}
}

/** With one thread: nobody else has links to the workers. */
export const OWN_SLOTS: SlotSource & SlotLane = new OwnSlots()
