/**
 * How the workers of a pool come and go, by what their links tell: hello, warm-up, taking requests; drained, lost, stuck, spent.
 * Runs in the gateway. Reports to the master, which starts and ends the processes.
 *
 * Invariants: a worker takes requests only when it is warm, and only on open links. It does not wait for all of its links: a thread of a
 * WSGI worker may still run a request of a gateway that has crashed. A leaving worker gets nothing new, and is forgotten with its last
 * link.
 * Not here: what a link carries (`wsgi/`, `asgi/`), what becomes of the calls of a lost link (`retry.ts`).
 */
import type { AppTimeouts, WarmupRequest } from '../../config/types.ts'
import { HttpError } from '../../http/errors.ts'
import { CloseCode } from '../../http/websocket.ts'
import { Call, type FailCall } from './call.ts'
import { MAX_LOSSES } from './dispatch-rules.ts'
import type { CallDispatcher } from './dispatcher.ts'
import type { PoolEvents } from './events.ts'
import type { LinkFactory, LinkOwner } from './link-owner.ts'
import type { Offenders } from './offenders.ts'
import { Retries } from './retry.ts'
import type { SlotSource } from './slots.ts'
import { WarmUpExchange } from './warm-up.ts'
import { type PoolLink, PoolWorker, type WorkerAddress } from './worker.ts'

export interface LifecycleOptions {
  readonly timeouts: AppTimeouts
  readonly links: LinkFactory
  readonly events: PoolEvents
  /** False: `--retry off`. */
  readonly retry?: boolean
  /** Kinds of requests that have cost workers. */
  readonly offenders: Offenders
  readonly slots: SlotSource
}

/**
 * WebSockets and event streams of a draining worker go on for half of the graceful time. They are ended during the next 40 %, a few at
 * a time. The last 10 % is for their last answers.
 */
const DISMISS_AFTER = 0.5
const DISMISS_SPAN = 0.4
/** When the program stops they are ended sooner: during the first tenth of the time that is left. */
const STOP_SPAN = 0.1
const SERVICE_RESTART = 1012

export class WorkerLifecycle implements LinkOwner {
  readonly #links: LinkFactory
  readonly #gracefulMs: number
  readonly #events: PoolEvents
  readonly #workers: PoolWorker[]
  readonly #dispatcher: CallDispatcher
  readonly #retries: Retries
  readonly #slots: SlotSource
  readonly #fail: FailCall
  /** Workers of later generations are held. */
  #serving = Number.POSITIVE_INFINITY
  #interface: WorkerAddress['interface'] | null = null
  /** By workers that are gone. */
  #answeredBefore = 0
  #isClosed = false
  /** Called when the last worker has gone. Null: the pool is in the configuration. */
  #onEmpty: (() => void) | null = null
  /** The log says that WebSockets hold all slots. */
  #isFullTold = false
  /** Workers of a retired pool that were told to drain, and still answer what waits. */
  #drainLater: readonly PoolWorker[] = []

  /** `workers`: the pool's list. Only the lifecycle changes it. */
  constructor(options: LifecycleOptions, workers: PoolWorker[], dispatcher: CallDispatcher, fail: FailCall) {
    const { timeouts, links, events, retry = true, offenders, slots } = options
    this.#links = links
    this.#gracefulMs = timeouts.graceful
    this.#events = events
    this.#workers = workers
    this.#dispatcher = dispatcher
    this.#retries = new Retries(dispatcher, fail, events.log, retry, offenders)
    this.#slots = slots
    this.#fail = fail
  }

  add(address: WorkerAddress): void {
    const worker = new PoolWorker(
      address,
      made => this.#links(address, made, this),
      made => this.#slots.share(address, made),
    )
    this.#workers.push(worker)
    this.#admit()
    worker.connect()
  }

  /** The kind of the application, from the worker that was admitted last; null before the first one. */
  get interface(): WorkerAddress['interface'] | null {
    return this.#interface
  }

  /** Requests that workers have run to their end, in all. */
  get answered(): number {
    return this.#workers.reduce((sum, { answered }) => sum + answered, this.#answeredBefore)
  }

  /** This generation takes over. Later ones may still be given up, so they get nothing while there is any other worker. */
  serve(generation: number): void {
    this.#serving = generation
    this.#admit()
  }

  #admit(): void {
    const isServed = this.#workers.some(one => one.generation <= this.#serving && !one.isLeaving)
    const admitted = this.#workers.filter(one => one.isHeld && (one.generation <= this.#serving || !isServed))
    for (const worker of admitted) {
      worker.admit()
      this.#interface = worker.interface
    }
    if (admitted.some(worker => worker.isActive)) this.#dispatcher.pump()
  }

  /** Gives the worker nothing more. `drained` follows when it has finished what it has, or at once when the worker is unknown. */
  drain(id: number): void {
    const worker = this.#workers.find(candidate => candidate.id === id)
    if (worker === undefined) {
      this.#events.drained(id)
    } else if (this.#onEmpty !== null && this.#dispatcher.waiting > 0) {
      // No other worker comes to a retired pool. While something waits every slot is busy, so `freed` follows.
      this.#drainLater = [...this.#drainLater, worker]
    } else {
      this.#drain(worker)
    }
  }

  #drain(worker: PoolWorker): void {
    worker.isDraining = true
    worker.leave()
    worker.dismiss(SERVICE_RESTART, this.#gracefulMs * DISMISS_AFTER, this.#gracefulMs * DISMISS_SPAN)
    this.#settle(worker)
    // With affinity, calls may wait for this very worker.
    this.#dispatcher.pumpSoon()
  }

  /** Development: somebody looks at the worker in a debugger, or no longer. */
  debugged(id: number, isDebugged: boolean): void {
    this.#workers.find(one => one.id === id)?.debugged(isDebugged)
  }

  /** The program stops within `deadlineMs`: ends what would never end by itself. */
  dismissAll(deadlineMs: number): void {
    // A copy: the list changes when a leaving worker loses its last exchange.
    for (const worker of [...this.#workers]) worker.dismiss(CloseCode.GOING_AWAY, 0, deadlineMs * STOP_SPAN)
  }

  /** Calls back when there is no worker any more: at once if there is none. */
  onEmpty(callback: () => void): void {
    this.#onEmpty = callback
    if (this.#workers.length === 0) callback()
  }

  /** Closes all links, and returns the calls that were on them. No events follow. */
  close(): Call[] {
    this.#isClosed = true
    return this.#workers.splice(0).flatMap(worker => worker.slots.flatMap(link => link.close(CloseCode.GOING_AWAY)))
  }

  // ---- coming -----------------------------------------------------------------------------------------------------

  opened(link: PoolLink): void {
    const { worker } = link
    this.#slots.opened(link)
    if (worker.isLeaving) {
      this.#settle(worker)
    } else if (worker.isActive) {
      link.usable = !worker.isHeld
      this.#dispatcher.pump()
    } else if (!worker.isWarming) {
      this.#activate(worker)
    }
  }

  /** A link of the worker is open. It takes requests as soon as it is warm. */
  #activate(worker: PoolWorker): void {
    const request = worker.nextWarmUp()
    if (request !== undefined) {
      if (!worker.isWarming) this.#events.warming(worker.id)
      this.#warmUp(worker, request)
      return
    }
    worker.isWarming = false
    worker.activate()
    this.#events.linked(worker.id)
    this.#dispatcher.pump()
  }

  #warmUp(worker: PoolWorker, request: WarmupRequest): void {
    worker.isWarming = true
    const exchange = new WarmUpExchange(request, problem => {
      if (this.#isClosed || worker.isDraining) return
      if (problem === null) {
        if (!worker.isLeaving) this.#activate(worker)
        return
      }
      worker.leave()
      this.#events.cold(worker.id, `GET ${request.target} ${problem}`)
      this.#settle(worker)
    })
    const call = new Call(exchange, null)
    // It is for this worker only, so it is never sent again.
    call.losses = MAX_LOSSES
    this.#dispatcher.send(worker.slots.find(link => link.isOpen)!, call)
  }

  // ---- while it serves --------------------------------------------------------------------------------------------

  hasRoom(link: PoolLink): void {
    this.#dispatcher.freed(link)
  }

  freed(link: PoolLink, runMicros: number | null): void {
    const { worker } = link
    // A warm-up runs once: its time says nothing about requests of clients.
    if (worker.isWarming) {
      if (worker.isLeaving) this.#settle(worker)
      return
    }
    if (runMicros !== null) this.#dispatcher.learn(runMicros)
    this.#countAnswered(worker)
    if (worker.isLeaving) {
      this.#slots.freed(link, false)
      this.#settle(worker)
    } else {
      this.#dispatcher.freed(link)
    }
    this.waitingChanged()
  }

  /** The last call that waited may be gone. */
  waitingChanged(): void {
    if (this.#drainLater.length > 0 && this.#dispatcher.waiting === 0) this.#drainAll()
  }

  #drainAll(): void {
    const workers = this.#drainLater
    this.#drainLater = []
    // One may have died meanwhile.
    for (const worker of workers) if (this.#workers.includes(worker)) this.#drain(worker)
  }

  #countAnswered(worker: PoolWorker): void {
    if (worker.countAnswered()) this.#events.spent(worker.id, worker.maxRequests)
  }

  failed(call: Call, error: Error): void {
    this.#fail(call, error)
  }

  warn(message: string, request: string): void {
    this.#events.log('warn', message, request)
  }

  tunnelled({ worker }: PoolLink): void {
    if (this.#isFullTold) return
    const others = this.#workers.filter(one => !one.isLeaving && !one.isHeld)
    if (!others.every(one => one.tunnels >= one.slots.length)) return
    this.#isFullTold = true
    if (worker.share?.tellTunnels() === false) return
    const slots = others.reduce((sum, one) => sum + one.slots.length, 0)
    const held = slots === 1 ? 'A WebSocket holds the only thread' : `WebSockets hold all ${slots} threads`
    const what = `${held} of the application: other requests wait until one ends. More: threads, workers`
    this.#events.log('warn', what, '')
  }

  blocked({ worker }: PoolLink, note: string): void {
    this.#events.blocked(worker.id, note)
  }

  /** The worker accepts a new connection when its thread has noticed. */
  gaveUp(link: PoolLink, calls: readonly Call[], wasRunning: boolean): void {
    const { worker } = link
    // The request was given up half-way, but it ran.
    if (wasRunning) this.#countAnswered(worker)
    this.#retries.decide(link, calls, false)
    if (worker.isLeaving) {
      link.close(CloseCode.GOING_AWAY)
      this.#settle(worker)
    } else {
      link.open()
    }
    this.#dispatcher.pump()
  }

  // ---- leaving ----------------------------------------------------------------------------------------------------

  broke(link: PoolLink, reason: string): void {
    const { worker } = link
    const calls = link.close(CloseCode.INTERNAL_ERROR)
    const wasLeaving = worker.isLeaving
    worker.condemn()
    if (!wasLeaving) this.#events.lost(worker.id, reason)
    this.#retries.decide(link, calls, true, `was on worker ${worker.id} when its link broke (${reason})`)
    this.#settle(worker)
    this.#dispatcher.pump()
  }

  overdue(link: PoolLink, first: Call | undefined, thread: string): void {
    const { worker } = link
    if (!worker.isActive && !worker.isWarming && !worker.isLeaving) {
      this.broke(link, 'it did not say hello in time')
      return
    }
    const elapsed = Math.round(performance.now() - link.firstSince)
    const times = first === undefined ? '' : ` (${first.describeTimes()})`
    const what = first === undefined ? 'a request whose client has gone' : first.describe()
    const calls = link.close(CloseCode.INTERNAL_ERROR)
    worker.condemn()
    this.#events.stuck(worker.id, `${what} has run for ${elapsed} ms${times}`, first?.exchange.id ?? '', thread)
    if (first !== undefined) this.#fail(first, new HttpError(504, 'The application took too long', 'application'))
    this.#retries.decide(link, calls, false)
    this.#settle(worker)
    this.#dispatcher.pump()
  }

  /** Nothing on the link will be answered. */
  stuck(link: PoolLink, note: string): void {
    const { worker } = link
    const calls = link.close(CloseCode.INTERNAL_ERROR)
    worker.condemn()
    this.#events.stuck(worker.id, note, '', '')
    this.#retries.decide(link, calls, true, `was on worker ${worker.id}, which is stuck`)
    this.#settle(worker)
    this.#dispatcher.pump()
  }

  /** Closes the links of a leaving worker that have nothing to do, and forgets it after the last one. */
  #settle(worker: PoolWorker): void {
    if (!worker.isLeaving) return
    this.#admit()
    if (!worker.closeIdleLinks()) return
    const index = this.#workers.indexOf(worker)
    if (index < 0) return
    this.#workers.splice(index, 1)
    this.#answeredBefore += worker.answered
    if (worker.isDraining) this.#events.drained(worker.id)
    if (this.#workers.length === 0) this.#onEmpty?.()
  }
}
