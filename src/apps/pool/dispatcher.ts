/**
 * Sends the calls of one application to its workers: at once to a free slot, else when their turn in the queue comes. Runs in the
 * gateway. Applies the rules of `dispatch-rules.ts` to real links; keeps the bounds and timeouts of the queue.
 *
 * Invariants: a call that waits is in one queue. Nothing is written during a turn of the event loop. At its end waiting calls get the
 * slots that were freed, and the requests to one link leave in one write.
 * Not here: which workers there are (`worker-lifecycle.ts`), what becomes of calls whose link is gone (`retry.ts`).
 */
import { Deadline, DeadlineList } from '../../base/deadlines.ts'
import type { AppLimits, AppTimeouts, QueueOrder } from '../../config/types.ts'
import { HttpError } from '../../http/errors.ts'
import type { Call, FailCall } from './call.ts'
import { aheadBudget, aheadSlot, idleSlot, probationMs, RunTimes } from './dispatch-rules.ts'
import { CallQueue } from './queue.ts'
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
}

export class Dispatcher {
  readonly #options: DispatchOptions
  readonly #workers: readonly PoolWorker[]
  readonly #fail: FailCall
  readonly #queue: CallQueue<Call>
  /** They go before all others. Each waits for a worker without another suspect. */
  readonly #suspects = new CallQueue<Call>('fifo')
  #suspectTimer: NodeJS.Timeout | undefined
  readonly #deadlines: DeadlineList
  readonly #runTimes = new RunTimes()
  #unflushed: PoolLink[] = []
  readonly #endTurn = () => this.#assignAndFlush()
  #isTurnEnding = false
  /** Development: the code changes, so nothing is sent. */
  #isHeld = false
  /** Development: the code does not load, and this answers every request. */
  #refusal: HttpError | null = null

  /** `workers`: a list that its owner keeps up to date. */
  constructor(options: DispatchOptions, workers: readonly PoolWorker[], fail: FailCall) {
    this.#options = options
    this.#workers = workers
    this.#fail = fail
    this.#queue = new CallQueue(options.queueOrder)
    this.#deadlines = new DeadlineList(options.timeouts.queue)
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#queue.length + this.#suspects.length
  }

  get isRefusing(): boolean {
    return this.#refusal !== null
  }

  /** Sends a new call, or lets it wait. Where the queue is full, the call is refused, or the oldest one is refused in its place. */
  dispatch(call: Call): void {
    const { queue: limit } = this.#options.limits
    // Slots that were freed in this turn belong to the calls that wait, and suspects go before this one.
    if (this.#queue.length >= limit || this.#suspects.length > 0) this.pump()
    const slot = this.#queue.length === 0 && this.#maySend() ? idleSlot(this.#workers) : null
    if (slot !== null) {
      call.exchange.queueMillis = 0
      this.send(slot, call)
      return
    }
    if (this.#queue.length >= limit) {
      const tooMany = this.#queue.replaceable ?? call
      this.#fail(tooMany, new HttpError(503, 'Too many requests are waiting', 'operator', this.#retryAfter()))
      if (tooMany === call) return
    }
    call.enter(this.#queue)
    this.#queue.push(call)
    // While requests are long none is sent ahead: the call's turn comes when another ends.
    if (this.#runTimes.allowedAhead(this.#aheadBudget) > 0 || this.#refusal !== null) this.pumpSoon()
    else this.#startWaitingNew(performance.now())
  }

  /** A call comes back from a link that is gone. It goes before calls that have not been sent yet. The caller pumps. */
  takeBack(call: Call): void {
    const queue = call.losses > 0 ? this.#suspects : this.#queue
    call.enter(queue)
    this.#startWaiting(call, performance.now())
    queue.unshift(call)
  }

  /** Sends the call on this link, whatever waits. */
  send(link: PoolLink, call: Call): void {
    if (call.losses > 0) link.worker.suspect(call)
    if (!link.send(call)) return
    this.#unflushed.push(link)
    this.#awaitEndOfTurn()
  }

  /** Sends what waits, in order. A call that may not be sent ahead holds back the calls behind it, or it would starve. */
  pump(): void {
    if (this.waiting === 0) return
    const now = performance.now()
    if (this.#suspects.length > 0) this.#pumpQueue(this.#suspects, now)
    if (this.#queue.length === 0) return
    this.#pumpQueue(this.#queue, now)
    this.#startWaitingNew(now)
  }

  /** Pumps at the end of this turn of the event loop. */
  pumpSoon(): void {
    if (this.waiting > 0) this.#awaitEndOfTurn()
  }

  /** A request has run for so long: how much may be sent ahead follows from it. */
  learn(runMicros: number): void {
    this.#runTimes.add(runMicros)
  }

  /** Development: everything waits until `release` or `refuse`. */
  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    this.#isHeld = false
    this.#refusal = null
    this.pump()
  }

  /** Answers all waiting and new requests with the error, until `hold` or `release`. */
  refuse(error: HttpError): void {
    this.#isHeld = false
    this.#refusal = error
    this.pump()
  }

  /** Closes the queue for good, and returns the calls that waited. */
  close(): Call[] {
    clearTimeout(this.#suspectTimer)
    const calls: Call[] = []
    for (const queue of [this.#suspects, this.#queue]) {
      for (let call = queue.first; call !== null; call = queue.first) {
        call.stopWaiting(performance.now())
        calls.push(call)
      }
    }
    return calls
  }

  #awaitEndOfTurn(): void {
    if (this.#isTurnEnding) return
    this.#isTurnEnding = true
    setImmediate(this.#endTurn)
  }

  #assignAndFlush(): void {
    this.pump()
    this.#isTurnEnding = false
    const links = this.#unflushed
    this.#unflushed = []
    for (const link of links) link.flush()
  }

  /** Starts the deadlines of all calls that came in this turn: they are the last in the queue. */
  #startWaitingNew(now: number): void {
    for (let call = this.#queue.last; call !== null && call.waitsSince === 0; call = call.previous as Call | null)
      this.#startWaiting(call, now)
  }

  /** A call that is sent in the turn in which it came has not waited, and needs no deadline. */
  #startWaiting(call: Call, now: number): void {
    call.waitsSince = now
    call.waiting ??= new Deadline(() => this.#waitedTooLong(call))
    this.#deadlines.arm(call.waiting)
  }

  #waitedTooLong(call: Call): void {
    if (this.#workers.some(({ isDebugged }) => isDebugged)) this.#deadlines.arm(call.waiting!)
    else this.#fail(call, new HttpError(503, 'No worker was free in time', 'operator', this.#retryAfter()))
  }

  /** In development `beforeDispatch` looks at the code now, and may call `hold`. */
  #maySend(): boolean {
    if (!this.#isHeld) this.#options.beforeDispatch?.()
    return !this.#isHeld && this.#refusal === null
  }

  #pumpQueue(queue: CallQueue<Call>, now: number): void {
    for (let call = queue.turn; call !== null; call = queue.turn) {
      if (call.exchange.isHalfClosed) {
        call.drop()
        continue
      }
      const isAllowed = this.#maySend()
      if (this.#refusal !== null && !this.#isHeld) {
        this.#fail(call, this.#refusal)
        continue
      }
      const link = isAllowed ? this.#findSlot(call, queue, now) : null
      if (link === null) return
      call.stopWaiting(now)
      this.send(link, call)
    }
  }

  #findSlot(call: Call, queue: CallQueue<Call>, now: number): PoolLink | null {
    if (queue === this.#suspects) return this.#suspectSlot(now)
    const idle = idleSlot(this.#workers)
    if (idle !== null || !call.mayGoAhead) return idle
    const budget = this.#aheadBudget
    const allowed = this.#runTimes.allowedAhead(budget)
    return allowed > 0 ? aheadSlot(this.#workers, allowed, now, budget) : null
  }

  get #aheadBudget(): number {
    return this.#options.retry === false ? 0 : aheadBudget(this.#workers)
  }

  #suspectSlot(now: number): PoolLink | null {
    const probation = probationMs(this.#suspects.length)
    const slot = idleSlot(this.#workers, now - probation)
    // A worker with another suspect may have room. It may be used once that suspect has had its time.
    if (slot === null && this.#workers.some(({ suspectSince }) => suspectSince > 0)) {
      clearTimeout(this.#suspectTimer)
      this.#suspectTimer = setTimeout(() => this.pump(), probation)
      this.#suspectTimer.unref()
    }
    return slot
  }

  /** Seconds until the queue is probably empty. */
  #retryAfter(): number {
    const slots = this.#workers.reduce((sum, { usableSlots }) => sum + usableSlots, 0)
    const seconds = (this.#queue.length * this.#runTimes.mean) / Math.max(1, slots) / 1e6
    return Math.min(60, Math.max(1, Math.ceil(seconds)))
  }
}
