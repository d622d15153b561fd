/**
 * What the dispatchers of one pool share: the end of a turn of the event loop, run times, deadlines in the queue, and whether anything may
 * be sent at all. Runs in the gateway.
 *
 * Invariant: nothing is written during a turn of the event loop. At its end waiting calls get the slots that were freed, and the requests
 * to one link leave in one write.
 * Not here: the queues (`dispatcher.ts`).
 */
import { Deadline, DeadlineList } from '../../base/deadlines.ts'
import type { AppLimits, AppTimeouts, QueueOrder } from '../../config/types.ts'
import { HttpError } from '../../http/errors.ts'
import { AddressFullError, type AddressLimit, countRequest, NO_LIMIT } from './address-limit.ts'
import type { Call, FailCall } from './call.ts'
import { RunTimes } from './dispatch-rules.ts'
import { OWN_SLOTS, type SlotSource } from './slots.ts'
import type { PoolLink, PoolWorker } from './worker.ts'

export interface DispatchOptions {
  readonly limits: AppLimits
  readonly timeouts: AppTimeouts
  /** `fifo` by default. */
  readonly queueOrder?: QueueOrder
  /** False: a request that may have been started is not sent again. Nothing is sent ahead then, so that it is known which ones were started. */
  readonly retry?: boolean
  /** Development: called before each dispatch. */
  readonly beforeDispatch?: (() => void) | undefined
  /** Left out: an address may have any number of requests. */
  readonly perAddress?: AddressLimit
  /** Left out: no other thread has links to the workers. */
  readonly slots?: SlotSource
}

export class DispatchState {
  readonly runTimes = new RunTimes()
  readonly slots: SlotSource
  /** Development: the code changes, so nothing is sent. */
  isHeld = false
  /** Development: the code does not load, and this answers every request. */
  refusal: HttpError | null = null
  readonly #workers: readonly PoolWorker[]
  readonly #fail: FailCall
  readonly #deadlines: DeadlineList
  readonly #perAddress: AddressLimit
  #unflushed: PoolLink[] = []
  #isTurnEnding = false
  readonly #endTurn: () => void

  /** `workers`: all of the pool. `pump`: sends what waits, at the end of a turn. */
  constructor(
    { timeouts, slots = OWN_SLOTS, perAddress = NO_LIMIT }: DispatchOptions,
    workers: readonly PoolWorker[],
    fail: FailCall,
    pump: () => void,
  ) {
    this.slots = slots
    this.#workers = workers
    this.#fail = fail
    this.#perAddress = perAddress
    this.#deadlines = new DeadlineList(timeouts.queue)
    this.#endTurn = () => {
      pump()
      this.slots.endTurn()
      this.#isTurnEnding = false
      const links = this.#unflushed
      this.#unflushed = []
      for (const link of links) link.flush()
    }
  }

  /** The link has something to write. As `endTurnSoon`, without a second call for each request. */
  flushSoon(link: PoolLink): void {
    this.#unflushed.push(link)
    if (this.#isTurnEnding) return
    this.#isTurnEnding = true
    setImmediate(this.#endTurn)
  }

  /** `pump` is called at the end of this turn. */
  endTurnSoon(): void {
    if (this.#isTurnEnding) return
    this.#isTurnEnding = true
    setImmediate(this.#endTurn)
  }

  /** A call on the link is over, or there is room for one more. `isWanted`: calls wait, and the pump at the end of this turn sends them. */
  freed(link: PoolLink, isWanted: boolean): void {
    this.slots.freed(link, isWanted)
    if (isWanted) this.endTurnSoon()
  }

  /** A call that is sent in the turn in which it came has not waited, and needs no deadline. */
  startWaiting(call: Call, now: number): void {
    call.waitsSince = now
    call.waiting ??= new Deadline(() => this.#waitedTooLong(call))
    this.#deadlines.arm(call.waiting)
  }

  #waitedTooLong(call: Call): void {
    if (this.#workers.some(({ isDebugged }) => isDebugged)) {
      this.#deadlines.arm(call.waiting!)
      return
    }
    const seconds = this.#retryAfter(call.queue!.length + this.slots.othersWaiting)
    this.#fail(call, new HttpError(503, 'No worker was free in time', 'operator', seconds))
  }

  /** A new call has to wait behind `waiting` others. False: its client's address has enough that do, and the call was refused. */
  mayWait(call: Call, waiting: number): boolean {
    call.counted ??= countRequest(this.#perAddress, call.exchange)
    if (call.counted === null) this.#fail(call, new AddressFullError(this.#retryAfter(waiting)))
    return call.counted !== null
  }

  /** For a call that finds `waiting` others of all threads, and no room. */
  tooMany(waiting: number): HttpError {
    return new HttpError(503, 'Too many requests are waiting', 'operator', this.#retryAfter(waiting))
  }

  /** Seconds until the queue is probably empty. */
  #retryAfter(waiting: number): number {
    const slots = this.#workers.reduce((sum, { usableSlots }) => sum + usableSlots, 0)
    const seconds = (waiting * this.runTimes.mean) / Math.max(1, slots) / 1e6
    return Math.min(60, Math.max(1, Math.ceil(seconds)))
  }
}
