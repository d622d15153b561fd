/**
 * The pool of one application: its workers' links and the queue before them. Runs in the gateway. Applies the rules of
 * `dispatch.ts` to real links, keeps the bounds and time-outs of the queue, and decides what becomes of a call whose
 * link is gone.
 *
 * Invariants: a call is in the queue or on one link or past both; each ends exactly once, by its response or by
 * `onError`; nothing is written during a turn of the event loop: requests of one turn to one link leave in one write.
 * Not here: starting or ending workers (the master's), reading content (`handlers/app.ts`), rendering errors.
 */
import { Deadline, DeadlineList } from '../base/deadlines.ts'
import type { TemporarySpace } from '../base/temporary-space.ts'
import type { Limits, QueueOrder, Timeouts, WarmupRequest } from '../config/types.ts'
import { ClientGoneError, HttpError } from '../http/errors.ts'
import type { Exchange } from '../http/exchange.ts'
import type { CallBody } from './body.ts'
import { Call } from './call.ts'
import { Culprits } from './culprits.ts'
import { aheadSlot, type Fate, idleSlot, MAX_LOSSES, probationMs, RunTimes } from './dispatch.ts'
import type { Link, LinkOwner } from './link.ts'
import { LiveBody } from './live-body.ts'
import type { MultiplexedOwner } from './multiplexed-link.ts'
import type { PoolLink } from './pool-link.ts'
import { GOING_AWAY, PoolWorker, type WorkerAddress } from './pool-worker.ts'
import { CallQueue } from './queue.ts'
import { RequestDeadlines, RequestTimes } from './request-times.ts'
import { WarmUpExchange } from './warm-up.ts'
import { FrameWriter } from './wire/frame-writer.ts'
import { ScopeWriter } from './wire/scope.ts'

export type { WorkerAddress } from './pool-worker.ts'

export interface PoolEvents {
  /** Every link of the worker is open, and its warm-up begins. */
  warming(worker: number): void
  /** It failed in its warm-up, and gets no requests. Once per worker; its links close, `stuck` or `lost` may have told more. */
  cold(worker: number, note: string): void
  /** Every link of the worker is open and said hello, and it is warm. */
  linked(worker: number): void
  /** After `drainWorker`: nothing runs there any more, its links are closed. */
  drained(worker: number): void
  /** A link broke that we did not close, or never opened: the worker must be replaced. Once per worker; not while it drains. */
  lost(worker: number, reason: string): void
  /** A request ran past its deadline, on `thread`. Each that does; nothing new goes to the worker, what else it runs may end. */
  stuck(worker: number, note: string, request: string, thread: string): void
  /** Its event loop does not turn; it may turn again, and gets nothing new until then. */
  blocked(worker: number, note: string): void
  /** It has answered its `maxRequests`. Once per worker; it serves on. */
  spent(worker: number, requests: number): void
  /** `request`: the id of the one that it is about; empty: none. */
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, request: string): void
}

export interface PoolOptions {
  readonly limits: Limits
  readonly timeouts: Timeouts
  /** `fifo` by default. */
  readonly queueOrder?: QueueOrder
  /** For what does not fit into memory. */
  readonly space: TemporarySpace
  readonly build: string
  /** `root_path` of ASGI scopes; none by default. */
  readonly rootPath?: string
  readonly events: PoolEvents
  /** The one place that turns errors into responses: renders when `response.state` is idle, cuts (`abort`) when it has started. */
  readonly onError: (exchange: Exchange, error: Error) => void
  /** Development: before each dispatch. */
  readonly beforeDispatch?: (() => void) | undefined
}

export interface PoolStats {
  readonly queued: number
  /** Slots that run something. */
  readonly busy: number
  readonly slots: number
  readonly workers: number
}

/** Requests of a lost worker that the log names; it counts the others. */
const MAX_NAMED = 20
/** For a worker to accept its first links and say hello; it is ready before we are told of it. */
const HELLO_TIMEOUT_MS = 30_000
/**
 * WebSockets and event streams of a worker that drains are left alone for half of the graceful time, and ended during the next
 * 40 %, a few at a time: what remains is for their last answers.
 */
const DISMISS_AFTER = 0.5
const DISMISS_SPAN = 0.4
/** When the program stops nobody waits for them: they are ended at once, spread over a tenth of the time that there is. */
const STOP_SPAN = 0.1
/** RFC6455§7.4.1: the worker was lost; it restarts (registered later). */
const INTERNAL_ERROR = 1011
const SERVICE_RESTART = 1012

export class AppPool {
  readonly #options: PoolOptions
  readonly #owner: LinkOwner & MultiplexedOwner
  readonly #queue: CallQueue<Call>
  /** Each waits for a worker that has no other of them; they go before the others. */
  readonly #suspects = new CallQueue<Call>('fifo')
  readonly #culprits = new Culprits()
  #suspectTimer: NodeJS.Timeout | undefined
  readonly #queueDeadlines: DeadlineList
  readonly #helloDeadlines = new DeadlineList(HELLO_TIMEOUT_MS)
  readonly #runTimes = new RunTimes()
  readonly #writer = new FrameWriter()
  #workers: PoolWorker[] = []
  #unflushed: PoolLink[] = []
  readonly #flush = () => this.#flushAll()
  #draining = false
  #closed = false
  /** Nothing is sent: the code changes (development). */
  #isHeld = false
  /** The answer to everything: the code does not load (development). */
  #refusal: HttpError | null = null
  #interface: WorkerAddress['interface'] | null = null
  /** Workers of later generations are held. */
  #serving = Number.POSITIVE_INFINITY

  constructor(options: PoolOptions) {
    this.#options = options
    this.#queue = new CallQueue(options.queueOrder)
    this.#queueDeadlines = new DeadlineList(options.timeouts.queue)
    this.#owner = this.#makeOwner()
  }

  /** What the application is, by the worker that was admitted last; null before the first one. */
  get interface(): WorkerAddress['interface'] | null {
    return this.#interface
  }

  /** Takes the exchange over; `body` is null when there is no content, and sealed or live otherwise. */
  handle(exchange: Exchange, body: CallBody | null): void {
    if (exchange.response.state !== 'idle') {
      body?.close()
      return
    }
    const call = new Call(exchange, body)
    if (body instanceof LiveBody) body.onFailed = error => this.#fail(call, error)
    const isWebSocket = this.#interface === 'asgi' && exchange.isWebSocket
    if (this.#closed || (this.#draining && isWebSocket)) {
      this.#fail(call, new HttpError(503, 'The server is stopping', 'operator', 1))
      return
    }
    if (isWebSocket && !this.#checkHandshake(call)) return
    const slot = this.#queue.length === 0 && this.#maySend() ? idleSlot(this.#workers) : null
    if (slot !== null) {
      exchange.queueMillis = 0
      this.#send(slot, call)
    } else {
      if (this.#queue.length >= this.#options.limits.queue) {
        const tooMany = this.#queue.hopeless ?? call
        this.#fail(tooMany, new HttpError(503, 'Too many requests are waiting', 'operator', this.#retryAfter()))
        if (tooMany === call) return
      }
      this.#enqueue(call)
      this.#pump()
      if (call.phase === 'done') return
    }
    // At once when the client has gone already: by then the call is where `#clientGone` looks for it.
    exchange.onAborted(() => this.#clientGone(call))
  }

  /** Before the application hears of it: what cannot be granted is refused at once. */
  #checkHandshake(call: Call): boolean {
    try {
      call.exchange.checkWebSocket()
      return true
    } catch (error) {
      this.#fail(call, error as Error)
      return false
    }
  }

  addWorker(address: WorkerAddress): void {
    const worker = new PoolWorker(address, this.#options.build, this.#owner)
    this.#workers.push(worker)
    this.#admit()
    worker.connect()
  }

  /** This generation takes over; those after it get nothing while there is anybody else: they may still be refused. */
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
    if (admitted.some(worker => worker.isActive)) this.#pump()
  }

  /** Gives the worker nothing more; `drained` follows when it has finished what it has, at once when it is unknown. */
  drainWorker(id: number): void {
    const worker = this.#workers.find(candidate => candidate.id === id)
    if (worker === undefined) {
      this.#options.events.drained(id)
      return
    }
    worker.isDraining = true
    worker.leave()
    const { graceful } = this.#options.timeouts
    worker.dismiss(SERVICE_RESTART, graceful * DISMISS_AFTER, graceful * DISMISS_SPAN)
    this.#settle(worker)
  }

  /** Waiting, or sent to workers and not over: streams and WebSockets included. */
  get inFlight(): number {
    const waiting = this.#queue.length + this.#suspects.length
    return this.#workers.reduce((sum, { inFlight }) => sum + inFlight, waiting)
  }

  stats(): PoolStats {
    let busy = 0
    let slots = 0
    for (const worker of this.#workers) {
      busy += worker.busySlots
      slots += worker.usableSlots
    }
    return { queued: this.#queue.length + this.#suspects.length, busy, slots, workers: this.#workers.length }
  }

  /** Null while a worker can serve: what a request would have to wait for. */
  get whyNotReady(): string | null {
    if (this.#refusal !== null) return 'the code does not load'
    return this.#workers.some(worker => worker.canServe) ? null : 'no worker can serve'
  }

  /** The program stops within `deadlineMs`: what would never end by itself is ended. Requests are served until `close`. */
  drain(deadlineMs: number): void {
    this.#draining = true
    // A copy: a worker that was leaving anyway is forgotten with the last that it had.
    for (const worker of [...this.#workers]) worker.dismiss(GOING_AWAY, 0, deadlineMs * STOP_SPAN)
  }

  /** Development: everything waits in the queue until `release` or `refuse`. */
  hold(): void {
    this.#isHeld = true
  }

  /** Goes on, with workers of this generation and later ones only. */
  release(generation: number): void {
    this.#isHeld = false
    this.#refusal = null
    for (const worker of this.#workers) if (worker.generation < generation) worker.leave()
    this.#pump()
  }

  /** Everything is answered with the error, what waits and what comes, until `hold` or `release`. */
  refuse(error: HttpError): void {
    this.#isHeld = false
    this.#refusal = error
    this.#pump()
  }

  /** Closes all links; what is queued gets 503, what runs is cut. No events follow. */
  close(): void {
    this.#closed = true
    const calls = this.#workers.flatMap(worker => worker.slots.flatMap(link => link.close(GOING_AWAY)))
    this.#workers = []
    clearTimeout(this.#suspectTimer)
    for (const queue of [this.#suspects, this.#queue]) {
      for (let call = queue.first; call !== null; call = queue.first) {
        this.#unqueue(call)
        calls.push(call)
      }
    }
    for (const call of calls) this.#fail(call, new HttpError(503, 'The server is stopping', 'operator', 1))
  }

  // ---- dispatch ---------------------------------------------------------------------------------------------------

  #send(link: PoolLink, call: Call): void {
    if (call.losses > 0) link.worker.suspect(call)
    if (!link.send(call)) return
    if (this.#unflushed.push(link) === 1) setImmediate(this.#flush)
  }

  #flushAll(): void {
    const links = this.#unflushed
    this.#unflushed = []
    for (const link of links) link.flush(this.#writer)
  }

  #enqueue(call: Call): void {
    this.#startWaiting(call)
    this.#queue.push(call)
  }

  #startWaiting(call: Call): void {
    call.phase = 'queued'
    call.waitsSince = performance.now()
    call.waiting ??= new Deadline(() => this.#queueExpired(call))
    this.#queueDeadlines.arm(call.waiting)
  }

  #unqueue(call: Call): void {
    call.waiting?.disarm()
    call.phase = 'new'
    // A call that lost its link waits a second time.
    call.exchange.queueMillis = Math.max(0, call.exchange.queueMillis) + performance.now() - call.waitsSince
    this.#queueOf(call).remove(call)
  }

  #queueOf(call: Call): CallQueue<Call> {
    return call.losses > 0 ? this.#suspects : this.#queue
  }

  /** In development whoever watches the code looks at it now, and may `hold`. */
  #maySend(): boolean {
    if (!this.#isHeld) this.#options.beforeDispatch?.()
    return !this.#isHeld && this.#refusal === null
  }

  /** Sends what waits, in order. A call that may not go ahead holds those behind it back, or it would starve. */
  #pump(): void {
    if (this.#suspects.length > 0) this.#pumpQueue(this.#suspects, () => this.#suspectSlot())
    this.#pumpQueue(this.#queue, call => idleSlot(this.#workers) ?? this.#aheadSlot(call))
  }

  #pumpQueue(queue: CallQueue<Call>, findSlot: (call: Call) => PoolLink | null): void {
    for (let call = queue.turn; call !== null; call = queue.turn) {
      if (call.exchange.isHalfClosed) {
        this.#drop(call)
        continue
      }
      const isAllowed = this.#maySend()
      if (this.#refusal !== null && !this.#isHeld) {
        this.#fail(call, this.#refusal)
        continue
      }
      const link = isAllowed ? findSlot(call) : null
      if (link === null) return
      this.#unqueue(call)
      this.#send(link, call)
    }
  }

  #suspectSlot(): PoolLink | null {
    const probation = probationMs(this.#suspects.length)
    const slot = idleSlot(this.#workers, performance.now() - probation)
    // There may be room beside another suspect: it is looked for when that one has had its time.
    if (slot === null && this.#workers.some(({ suspectSince }) => suspectSince > 0)) {
      clearTimeout(this.#suspectTimer)
      this.#suspectTimer = setTimeout(() => this.#pump(), probation)
      this.#suspectTimer.unref()
    }
    return slot
  }

  /** The client closed its side before its answer. Nearly always it has given up (a browser's stop button sends no more than that): no worker is spent on it. */
  #drop(call: Call): void {
    this.#leave(call)
    call.exchange.response.abort(new ClientGoneError())
  }

  #aheadSlot(call: Call): PoolLink | null {
    const allowed = this.#runTimes.allowedAhead
    return call.mayGoAhead && allowed > 0 ? aheadSlot(this.#workers, allowed, performance.now()) : null
  }

  /** Seconds until the queue is probably gone. */
  #retryAfter(): number {
    const slots = Math.max(1, this.stats().slots)
    const seconds = (this.#queue.length * this.#runTimes.mean) / slots / 1e6
    return Math.min(60, Math.max(1, Math.ceil(seconds)))
  }

  // ---- ends -------------------------------------------------------------------------------------------------------

  /** The call's exchange is over: takes the call from where it is, and releases what it holds. */
  #leave(call: Call): void {
    const { phase, link } = call
    if (phase === 'queued') this.#unqueue(call)
    call.phase = 'done'
    call.relay?.close()
    call.stream?.close()
    link?.left(call, phase)
    // On a link the content is still needed: a worker that waits for it must get all of it.
    if (call.link === null) call.releaseBody()
  }

  #clientGone(call: Call): void {
    if (call.phase !== 'done') this.#leave(call)
  }

  #fail(call: Call, error: Error): void {
    if (call.phase === 'done') return
    this.#leave(call)
    const { exchange } = call
    const { state } = exchange.response
    if (exchange instanceof WarmUpExchange) exchange.response.abort(error)
    else if (state === 'idle' || state === 'started') this.#options.onError(exchange, error)
  }

  #queueExpired(call: Call): void {
    this.#fail(call, new HttpError(503, 'No worker was free in time', 'operator', this.#retryAfter()))
  }

  // ---- links ------------------------------------------------------------------------------------------------------

  #makeOwner(): LinkOwner & MultiplexedOwner {
    const { limits, timeouts, space, events, rootPath = '' } = this.#options
    const times = new RequestTimes(timeouts, rootPath)
    const requestDeadlines = new RequestDeadlines(times)
    return {
      scope: new ScopeWriter(rootPath),
      rootPath,
      times,
      streamIdleMs: timeouts.streamIdle,
      armHello: deadline => this.#helloDeadlines.arm(deadline),
      dropped: call => this.#drop(call),
      blocked: ({ worker }, note) => events.blocked(worker.id, note),
      stuck: (link, note) => this.#stuck(link, note),
      relayLimits: {
        space,
        memoryBuffer: limits.memoryBuffer,
        responseBuffer: limits.responseBuffer,
      },
      opened: link => this.#opened(link),
      freed: (link, runMicros) => this.#freed(link, runMicros),
      broke: (link, reason) => this.#broke(link, reason),
      deserted: link => this.#abandon(link),
      overdue: link => this.#overdue(link),
      deadlinesOf: path => requestDeadlines.of(path),
      failed: (call, error) => this.#fail(call, error),
      warn: (message, request) => events.log('warn', message, request),
    }
  }

  #opened(link: PoolLink): void {
    const { worker } = link
    if (worker.isLeaving) {
      this.#settle(worker)
    } else if (worker.isActive) {
      link.usable = !worker.isHeld
      this.#pump()
    } else if (worker.isOpen && !worker.isWarming) {
      this.#activate(worker)
    }
  }

  /** Its links are open: it takes requests as soon as it is warm. */
  #activate(worker: PoolWorker): void {
    const request = worker.nextWarmUp()
    if (request !== undefined) {
      if (!worker.isWarming) this.#options.events.warming(worker.id)
      this.#warmUp(worker, request)
      return
    }
    worker.isWarming = false
    worker.activate()
    this.#options.events.linked(worker.id)
    this.#pump()
  }

  #warmUp(worker: PoolWorker, request: WarmupRequest): void {
    worker.isWarming = true
    const exchange = new WarmUpExchange(request, problem => {
      if (this.#closed || worker.isDraining) return
      if (problem === null) {
        if (!worker.isLeaving) this.#activate(worker)
        return
      }
      worker.leave()
      this.#options.events.cold(worker.id, `GET ${request.target} ${problem}`)
      this.#settle(worker)
    })
    const call = new Call(exchange, null)
    // For this worker only: it is never sent again.
    call.losses = MAX_LOSSES
    this.#send(worker.slots[0]!, call)
  }

  #freed(link: PoolLink, runMicros: number | null): void {
    const { worker } = link
    // What is done once says nothing about requests.
    if (worker.isWarming) {
      if (worker.isLeaving) this.#settle(worker)
      return
    }
    if (runMicros !== null) this.#runTimes.add(runMicros)
    this.#countAnswered(worker)
    if (worker.isLeaving) this.#settle(worker)
    else if (this.#queue.length > 0 || this.#suspects.length > 0) this.#pump()
  }

  #countAnswered(worker: PoolWorker): void {
    if (worker.countAnswered()) this.#options.events.spent(worker.id, worker.maxRequests)
  }

  /** We close a link that the worker did nothing wrong on. It accepts a new one when its thread has noticed. */
  #abandon(link: Link): void {
    const { worker } = link
    // Given up half-way, but it ran.
    if (link.inFlight > 0) this.#countAnswered(worker)
    this.#requeue(link, link.disconnect(), false)
    if (worker.isLeaving) {
      link.close()
      this.#settle(worker)
    } else {
      link.open()
    }
    this.#pump()
  }

  #broke(link: PoolLink, reason: string): void {
    const { worker } = link
    const calls = link.close(INTERNAL_ERROR)
    const wasLeaving = worker.isLeaving
    worker.leave()
    if (!wasLeaving) this.#options.events.lost(worker.id, reason)
    this.#requeue(link, calls, true, `was on worker ${worker.id} when its link broke (${reason})`)
    this.#settle(worker)
    this.#pump()
  }

  #overdue(link: Link): void {
    const { worker } = link
    if (!worker.isActive && !worker.isWarming && !worker.isLeaving) {
      this.#broke(link, 'it did not say hello in time')
      return
    }
    const { first } = link
    const elapsed = Math.round(performance.now() - link.firstSince)
    const times = first === undefined ? '' : ` (${first.describeTimes()})`
    const what = first === undefined ? 'a request whose client has gone' : first.describe()
    const note = `${what} has run for ${elapsed} ms${times}`
    const calls = link.close()
    this.#markStuck(worker, note, first?.exchange.id, link.thread)
    if (first !== undefined) this.#fail(first, new HttpError(504, 'The application took too long', 'application'))
    this.#requeue(link, calls, false)
    this.#settle(worker)
    this.#pump()
  }

  /** Nothing on the link will be answered. */
  #stuck(link: PoolLink, note: string): void {
    const { worker } = link
    const calls = link.close(INTERNAL_ERROR)
    this.#markStuck(worker, note)
    this.#requeue(link, calls, true, `was on worker ${worker.id}, which is stuck`)
    this.#settle(worker)
    this.#pump()
  }

  #markStuck(worker: PoolWorker, note: string, request = '', thread = ''): void {
    worker.leave()
    this.#options.events.stuck(worker.id, note, request, thread)
  }

  /** What becomes of calls whose link is gone, in their order. `blame`: the worker may have died of one of them. */
  #requeue(link: PoolLink, calls: readonly Call[], blame: boolean, what: string | null = null): void {
    const now = performance.now()
    for (const call of calls)
      call.isBarred = this.#culprits.has(call.exchange.request.method, call.exchange.request.path, now)
    const fates = link.fatesOf(calls, blame)
    if (what !== null) this.#nameHeld(link.worker, calls, fates, what)
    for (let i = calls.length - 1; i >= 0; i--) {
      const call = calls[i]!
      if (call.phase === 'done') {
        call.releaseBody()
        continue
      }
      if (fates[i] === 'retry') {
        this.#startWaiting(call)
        this.#queueOf(call).unshift(call)
      } else {
        if (call.losses >= MAX_LOSSES) this.#convict(call, now)
        this.#fail(call, new HttpError(502, 'The application ended without an answer', 'application'))
        call.releaseBody()
      }
    }
  }

  /** What a lost worker held, for the log. */
  #nameHeld(worker: PoolWorker, calls: readonly Call[], fates: readonly Fate[], what: string): void {
    const more = { retry: 0, fail: 0 }
    for (const [i, call] of calls.entries()) {
      if (call.phase === 'done') continue
      const fate = fates[i]!
      if (worker.named++ >= MAX_NAMED) more[fate]++
      else this.#log(call, `${what}: ${fate === 'retry' ? 'it is sent again' : 'answered 502'}`)
    }
    const count = more.retry + more.fail
    if (count === 0) return
    const rest = `${more.retry} sent again, ${more.fail} answered 502`
    this.#options.events.log('warn', `worker ${worker.id} held ${count} more when its link broke: ${rest}`, '')
  }

  #convict(call: Call, now: number): void {
    const { method, path } = call.exchange.request
    const alike = this.#culprits.convict(method, path, now)
    this.#log(call, `has cost ${MAX_LOSSES} workers: for a minute ${alike} is not sent again when its worker dies`)
  }

  #log(call: Call, what: string): void {
    // `cold` tells of a warm-up.
    const isTold = call.exchange instanceof WarmUpExchange
    if (call.phase !== 'done' && !isTold)
      this.#options.events.log('warn', `${call.describe()} ${what}`, call.exchange.id)
  }

  /** Closes the links of a leaving worker that have nothing to do, and forgets it after the last one. */
  #settle(worker: PoolWorker): void {
    if (!worker.isLeaving) return
    this.#admit()
    if (!worker.closeIdleLinks()) return
    const index = this.#workers.indexOf(worker)
    if (index < 0) return
    this.#workers.splice(index, 1)
    if (worker.isDraining) this.#options.events.drained(worker.id)
  }
}
