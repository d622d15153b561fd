/**
 * Sends the calls of one application to its workers: at once to a free slot, else when their turn in the queue comes. Runs in the
 * gateway. Applies the rules of `dispatch-rules.ts` to real links; keeps the bounds and timeouts of the queue.
 *
 * Invariants: a call that waits is in one queue. Nothing is written during a turn of the event loop. At its end waiting calls get the
 * slots that were freed, and the requests to one link leave in one write (`dispatch-state.ts`).
 * A pool has one dispatcher; with affinity it has one for each worker and two more, which share one state (`affine-dispatcher.ts`).
 * Not here: which workers there are (`worker-lifecycle.ts`), what becomes of calls whose link is gone (`retry.ts`).
 */
import type { HttpError } from '../../http/errors.ts'
import type { Call, FailCall } from './call.ts'
import { aheadBudget, probationMs } from './dispatch-rules.ts'
import { type DispatchOptions, DispatchState } from './dispatch-state.ts'
import { CallQueue } from './queue.ts'
import type { SlotLane } from './slots.ts'
import type { PoolLink, PoolWorker } from './worker.ts'

/** What a pool needs of whatever sends its calls. */
export type CallDispatcher = Pick<
  Dispatcher,
  | 'waiting'
  | 'isRefusing'
  | 'dispatch'
  | 'takeBack'
  | 'send'
  | 'pump'
  | 'pumpSoon'
  | 'freed'
  | 'learn'
  | 'hold'
  | 'release'
  | 'refuse'
  | 'close'
>

export class Dispatcher {
  readonly #options: DispatchOptions
  readonly #workers: readonly PoolWorker[]
  readonly #fail: FailCall
  readonly #queue: CallQueue<Call>
  /** They go before all others. Each waits for a worker without another suspect. */
  readonly #suspects = new CallQueue<Call>('fifo')
  #suspectTimer: NodeJS.Timeout | undefined
  readonly #state: DispatchState
  readonly #lane: SlotLane

  /** `workers`: a list that its owner keeps up to date. `state`, `lane`: of several dispatchers that serve one pool. */
  constructor(
    options: DispatchOptions,
    workers: readonly PoolWorker[],
    fail: FailCall,
    state?: DispatchState,
    lane?: SlotLane,
  ) {
    this.#options = options
    this.#workers = workers
    this.#fail = fail
    this.#state = state ?? new DispatchState(options, workers, fail, () => this.pump())
    this.#lane = lane ?? this.#state.slots.lane(null)
    this.#queue = new CallQueue(options.queueOrder, () => this.#lane.isOverloadedElsewhere())
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#queue.length + this.#suspects.length
  }

  get isRefusing(): boolean {
    return this.#state.refusal !== null
  }

  /** Sends a new call, or lets it wait. Where the queue is full, or has enough of its client's address, the call is refused, or the oldest one is refused in its place. */
  dispatch(call: Call): void {
    const { queue: limit } = this.#options.limits
    const { slots } = this.#state
    // Slots that were freed in this turn belong to the calls that wait, and suspects go before this one.
    if (this.#queue.length + slots.othersWaiting >= limit || this.#suspects.length > 0) this.pump()
    if (this.sendAtOnce(call)) return
    const waiting = this.#queue.length + slots.othersWaiting
    if (!this.#state.mayWait(call, waiting)) return
    if (waiting >= limit) {
      const tooMany = this.#queue.replaceable ?? call
      this.#fail(tooMany, this.#state.tooMany(waiting))
      if (tooMany === call) return
    }
    this.enqueue(call)
    slots.count(this.#queue.length)
  }

  /** Sends a new call to a free slot of these workers. False: there is none, or others wait for it. */
  sendAtOnce(call: Call, workers: readonly PoolWorker[] = this.#workers): boolean {
    const mayGo = this.#queue.length === 0 && this.#maySend()
    const slot = mayGo ? this.#lane.free(workers, null, Number.POSITIVE_INFINITY) : null
    if (slot === null) return false
    call.exchange.queueMillis = 0
    this.send(slot, call)
    return true
  }

  /** A new call waits. The caller has seen to the limit of the queue. */
  enqueue(call: Call): void {
    const { runTimes, refusal } = this.#state
    call.enter(this.#queue)
    this.#queue.push(call)
    // While requests are long none is sent ahead: the call's turn comes when another ends.
    if (runTimes.allowedAhead(this.#aheadBudget) > 0 || refusal !== null || this.#lane.isShared) this.pumpSoon()
    else this.#startWaitingNew(performance.now())
  }

  /** A call comes back from a link that is gone. It goes before calls that have not been sent yet. The caller pumps. */
  takeBack(call: Call): void {
    const queue = call.losses > 0 ? this.#suspects : this.#queue
    call.enter(queue)
    this.#state.startWaiting(call, performance.now())
    queue.unshift(call)
  }

  /** Sends the call on this link, whatever waits. */
  send(link: PoolLink, call: Call): void {
    if (call.losses > 0) link.worker.suspect(call)
    if (call.counted !== null) call.goesToWorker()
    if (link.send(call)) this.#state.flushSoon(link)
  }

  /** Sends what waits, in order. A call that may not be sent ahead holds back the calls behind it, or it would starve. */
  pump(): void {
    if (this.waiting > 0) this.#sendWaiting()
    while (this.#lane.publish(this.#suspects, this.#queue)) this.#sendWaiting()
  }

  #sendWaiting(): void {
    const now = performance.now()
    if (this.#suspects.length > 0) this.#pumpQueue(this.#suspects, now)
    if (this.#queue.length === 0) return
    this.#pumpQueue(this.#queue, now)
    this.#startWaitingNew(now)
  }

  /** Pumps at the end of this turn of the event loop. */
  pumpSoon(): void {
    if (this.waiting > 0) this.#state.endTurnSoon()
  }

  /** A call on the link is over, or there is room for one more. Pumps at the end of this turn. */
  freed(link: PoolLink): void {
    this.#state.freed(link, this.waiting > 0)
  }

  /** A request has run for so long: how much may be sent ahead follows from it. */
  learn(runMicros: number): void {
    this.#state.runTimes.add(runMicros)
  }

  /** Development: everything waits until `release` or `refuse`. */
  hold(): void {
    this.#state.isHeld = true
  }

  release(): void {
    this.#state.isHeld = false
    this.#state.refusal = null
    this.pump()
  }

  /** Answers all waiting and new requests with the error, until `hold` or `release`. */
  refuse(error: HttpError): void {
    this.#state.isHeld = false
    this.#state.refusal = error
    this.pump()
  }

  /** Since when the call waits that is next, in milliseconds; infinite: none waits, or it came in this turn. */
  get waitsSince(): number {
    if (this.#suspects.length > 0) return 0
    return this.#queue.turn?.waitsSince || Number.POSITIVE_INFINITY
  }

  /** As in `CallQueue`. */
  get replaceable(): Call | null {
    return this.#queue.replaceable
  }

  /** Gives all calls that wait to other dispatchers, in order. For them nothing changes: they must be put into a queue (`adopt`) at once. */
  surrender(): Call[] {
    clearTimeout(this.#suspectTimer)
    const calls = [...this.#suspects.takeAll(), ...this.#queue.takeAll()]
    this.#lane.publish(this.#suspects, this.#queue)
    return calls
  }

  /** Takes calls that another dispatcher of the same pool has surrendered, in their order. The caller pumps. */
  adopt(calls: readonly Call[]): void {
    for (const queue of [this.#suspects, this.#queue]) {
      const own = calls.filter(call => call.losses > 0 === (queue === this.#suspects))
      for (const call of own) call.enter(queue)
      queue.merge(own)
    }
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

  /** Starts the deadlines of all calls that came in this turn: they are the last in the queue. */
  #startWaitingNew(now: number): void {
    for (let call = this.#queue.last; call !== null && call.waitsSince === 0; call = call.previous as Call | null)
      this.#state.startWaiting(call, now)
  }

  /** In development `beforeDispatch` looks at the code now, and may call `hold`. */
  #maySend(): boolean {
    const state = this.#state
    if (!state.isHeld) this.#options.beforeDispatch?.()
    return !state.isHeld && state.refusal === null
  }

  #pumpQueue(queue: CallQueue<Call>, now: number): void {
    // No slot comes free while this runs; of those that other threads give back, `publish` or a message tells.
    let mayBeFree = true
    for (let call = queue.turn; call !== null; call = queue.turn) {
      if (call.exchange.isHalfClosed) {
        call.drop()
        continue
      }
      const isAllowed = this.#maySend()
      const { refusal, isHeld } = this.#state
      if (refusal !== null && !isHeld) {
        this.#fail(call, refusal)
        continue
      }
      if (!isAllowed) return
      let link: PoolLink | null = null
      if (queue === this.#suspects) link = this.#suspectSlot(now)
      else {
        if (mayBeFree) link = this.#lane.free(this.#workers, queue, Number.POSITIVE_INFINITY)
        mayBeFree = link !== null
        if (link === null && call.mayGoAhead) link = this.#aheadSlot(now)
      }
      if (link === null) return
      call.stopWaiting(now)
      this.send(link, call)
    }
  }

  #aheadSlot(now: number): PoolLink | null {
    const budget = this.#aheadBudget
    const allowed = this.#state.runTimes.allowedAhead(budget)
    return allowed > 0 ? this.#lane.ahead(this.#workers, allowed, now, budget) : null
  }

  get #aheadBudget(): number {
    return this.#options.retry === false ? 0 : aheadBudget(this.#workers)
  }

  #suspectSlot(now: number): PoolLink | null {
    const probation = probationMs(this.#suspects.length)
    const slot = this.#lane.free(this.#workers, this.#suspects, now - probation)
    // A worker with another suspect may have room. It may be used once that suspect has had its time.
    if (slot === null && this.#workers.some(({ suspectSince }) => suspectSince > 0)) {
      clearTimeout(this.#suspectTimer)
      this.#suspectTimer = setTimeout(() => this.pump(), probation)
      this.#suspectTimer.unref()
    }
    return slot
  }
}
