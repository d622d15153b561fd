/**
 * Sends the calls of an application with affinity: each client's to its own worker (`homes.ts` says which one). Runs in the gateway.
 *
 *   call ─▶ whose client is it? ─▶ the dispatcher of its worker     only that worker may run what waits there
 *                               ─▶ `#anyone`                        nobody's, or a new client's: any worker may run it
 *                               ─▶ `#homeless`                      a client's, while there is no worker that could be its home
 *
 * Each of them is a `Dispatcher`, with the same rules as in a pool without affinity: suspects, probation, requests sent ahead.
 *
 * Invariants:
 * - The limit of the queue counts all calls that wait. So do the timeouts: a call that moves takes its deadline along.
 * - No call waits while its worker is free. Where calls of a worker's clients and of `#anyone` wait for the same slot, the one that has
 *   waited longest goes first.
 * - When a worker leaves, what waits for it moves to other workers, in order, before anything else is sent.
 */
import type { HttpError } from '../../http/errors.ts'
import type { Call, FailCall } from './call.ts'
import { type DispatchOptions, DispatchState } from './dispatch-state.ts'
import { type CallDispatcher, Dispatcher } from './dispatcher.ts'
import type { Homes } from './homes.ts'
import { OWN_SLOTS } from './slots.ts'
import type { PoolLink, PoolWorker } from './worker.ts'

export class AffineDispatcher implements CallDispatcher {
  readonly #options: DispatchOptions
  readonly #workers: readonly PoolWorker[]
  readonly #fail: FailCall
  readonly #homes: Homes
  readonly #state: DispatchState
  readonly #anyone: Dispatcher
  readonly #homeless: Dispatcher
  /** Made when the first client belongs to the worker, dropped when the worker leaves. */
  readonly #lanes = new Map<PoolWorker, Dispatcher>()
  /** Calls that went to any worker. Among workers with equally few requests they take turns, or all new clients would get the first one. */
  #turns = 0

  /** `workers`: a list that its owner keeps up to date. */
  constructor(options: DispatchOptions, workers: readonly PoolWorker[], fail: FailCall, homes: Homes) {
    this.#options = options
    this.#workers = workers
    this.#fail = fail
    this.#homes = homes
    this.#state = new DispatchState(options, workers, fail, () => this.pump())
    this.#anyone = new Dispatcher(options, workers, fail, this.#state)
    this.#homeless = new Dispatcher(options, [], fail, this.#state, OWN_SLOTS)
  }

  get waiting(): number {
    let waiting = this.#anyone.waiting + this.#homeless.waiting
    for (const lane of this.#lanes.values()) waiting += lane.waiting
    return waiting
  }

  get isRefusing(): boolean {
    return this.#anyone.isRefusing
  }

  dispatch(call: Call): void {
    // Calls of the same client may wait for a worker that leaves: they go first.
    this.#moveOn()
    call.client = this.#homes.meet(call)
    if (this.#sendAtOnce(call)) return
    const { queue: limit } = this.#options.limits
    const { slots } = this.#state
    // Slots that were freed in this turn belong to the calls that wait.
    if (this.waiting + slots.othersWaiting >= limit) this.pump()
    const waiting = this.waiting + slots.othersWaiting
    if (!this.#state.mayWait(call, waiting)) return
    if (waiting >= limit) {
      const tooMany = this.#replaceable ?? call
      this.#fail(tooMany, this.#state.tooMany(waiting))
      if (tooMany === call) return
    }
    this.#laneOf(call).enqueue(call)
    slots.count(this.waiting)
    this.pumpSoon()
  }

  /** While calls of `#anyone` wait, a free slot is theirs. */
  #sendAtOnce(call: Call): boolean {
    if (this.#anyone.waiting > 0) return false
    const lane = this.#laneOf(call)
    if (lane !== this.#anyone) return lane.sendAtOnce(call)
    return lane.sendAtOnce(call, this.#unwanted)
  }

  /** The workers for which nobody waits. An ordinary pool would choose one of them. */
  get #unwanted(): PoolWorker[] {
    const first = this.#turns++ % Math.max(1, this.#workers.length)
    const inTurn = [...this.#workers.slice(first), ...this.#workers.slice(0, first)]
    return inTurn.filter(worker => (this.#lanes.get(worker)?.waiting ?? 0) === 0)
  }

  takeBack(call: Call): void {
    this.#laneOf(call).takeBack(call)
  }

  send(link: PoolLink, call: Call): void {
    this.#anyone.send(link, call)
  }

  pump(): void {
    this.#moveOn()
    this.#homeless.pump()
    const { waitsSince } = this.#anyone
    const later: Dispatcher[] = []
    for (const lane of this.#lanes.values()) {
      if (lane.waitsSince <= waitsSince) lane.pump()
      else later.push(lane)
    }
    this.#anyone.pump()
    for (const lane of later) lane.pump()
  }

  pumpSoon(): void {
    if (this.waiting > 0) this.#state.endTurnSoon()
  }

  freed(link: PoolLink): void {
    this.#state.freed(link, this.waiting > 0)
  }

  learn(runMicros: number): void {
    this.#anyone.learn(runMicros)
  }

  hold(): void {
    this.#anyone.hold()
  }

  release(): void {
    this.#anyone.release()
    this.pump()
  }

  refuse(error: HttpError): void {
    this.#anyone.refuse(error)
    this.pump()
  }

  close(): Call[] {
    return [this.#anyone, this.#homeless, ...this.#lanes.values()].flatMap(lane => lane.close())
  }

  /** Newest first, while a queue is overloaded: the call that has waited longest makes room. */
  get #replaceable(): Call | null {
    let oldest: Call | null = null
    for (const { replaceable } of [this.#anyone, this.#homeless, ...this.#lanes.values()])
      if (replaceable !== null && (oldest === null || replaceable.waitsSince < oldest.waitsSince)) oldest = replaceable
    return oldest
  }

  #laneOf(call: Call): Dispatcher {
    const { client } = call
    if (client === null || client.isNew) return this.#anyone
    const home = this.#homes.of(call, client)
    return home === null ? this.#homeless : this.#lane(home)
  }

  #lane(worker: PoolWorker): Dispatcher {
    let lane = this.#lanes.get(worker)
    if (lane === undefined) {
      const { slots } = this.#state
      lane = new Dispatcher(this.#options, [worker], this.#fail, this.#state, slots.lane(worker))
      this.#lanes.set(worker, lane)
    }
    return lane
  }

  /** What waits for a worker that leaves moves to other workers, and what has no home gets one. */
  #moveOn(): void {
    for (const [worker, lane] of this.#lanes) {
      if (!worker.isLeaving) continue
      this.#lanes.delete(worker)
      this.#settle(lane.surrender())
    }
    if (this.#homeless.waiting > 0 && this.#homes.areKnown) this.#settle(this.#homeless.surrender())
  }

  #settle(calls: readonly Call[]): void {
    const settlers = new Map<Dispatcher, Call[]>()
    for (const call of calls) {
      const lane = this.#laneOf(call)
      const others = settlers.get(lane)
      if (others === undefined) settlers.set(lane, [call])
      else others.push(call)
    }
    for (const [lane, group] of settlers) lane.adopt(group)
  }
}
