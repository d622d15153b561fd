/**
 * The pool of one application: takes exchanges over, has its workers answer them, and ends those that cannot be answered. Runs in the
 * gateway. `dispatcher.ts` sends calls, `worker-lifecycle.ts` adds and removes workers, `retry.ts` decides about calls whose link is gone.
 *
 * Invariants: a call is in the queue, on one link, or past both. Each ends exactly once, by its response or by `onError`.
 * Not here: starting and ending workers (the master's), reading content (`handlers/app.ts`), rendering errors (`onError`).
 */
import { HttpError } from '../../http/errors.ts'
import type { Exchange } from '../../http/exchange.ts'
import type { CountedRequest } from './address-limit.ts'
import { AffineDispatcher } from './affine-dispatcher.ts'
import type { PoolAffinity } from './affinity.ts'
import type { CallBody } from './body.ts'
import { Call } from './call.ts'
import type { DispatchOptions } from './dispatch-state.ts'
import { type CallDispatcher, Dispatcher } from './dispatcher.ts'
import { Homes } from './homes.ts'
import { LiveBody } from './live-body.ts'
import { Offenders } from './offenders.ts'
import { OWN_SLOTS, type SlotSource, type SlotSourceFactory, type SlotUser } from './slots.ts'
import { WarmUpExchange } from './warm-up.ts'
import type { PoolWorker, WorkerAddress } from './worker.ts'
import { type LifecycleOptions, WorkerLifecycle } from './worker-lifecycle.ts'

export interface PoolOptions extends Omit<DispatchOptions & LifecycleOptions, 'slots' | 'offenders'> {
  /** Answers with the error while `response.state` is idle; cuts a response that has started. */
  readonly onError: (exchange: Exchange, error: Error) => void
  /** Null or left out: any worker answers any request. */
  readonly affinity?: PoolAffinity
  /** With several gateway threads, which share the slots of the workers. */
  readonly slotSource?: SlotSourceFactory | undefined
  /** With several gateway threads: the pool's others must `learnOffender` this kind. */
  readonly onOffender?: ((kind: string) => void) | undefined
}

const STOPPING = 'The server is stopping'
const RETIRED = 'The application has been removed, or its workers for this path'

export class AppPool implements SlotUser {
  readonly #onError: PoolOptions['onError']
  readonly #workers: PoolWorker[] = []
  readonly #dispatcher: CallDispatcher
  readonly #lifecycle: WorkerLifecycle
  readonly #slots: SlotSource
  readonly #offenders: Offenders
  #isDraining = false
  /** Why it is closed, for clients; null: it is open. */
  #closed: string | null = null

  constructor(options: PoolOptions) {
    this.#onError = options.onError
    const fail = (call: Call, error: Error) => this.#fail(call, error)
    const { affinity = null, slotSource } = options
    this.#slots = slotSource === undefined ? OWN_SLOTS : slotSource(this)
    this.#offenders = new Offenders(options.onOffender)
    const parts = { ...options, slots: this.#slots, offenders: this.#offenders }
    this.#dispatcher =
      affinity === null
        ? new Dispatcher(parts, this.#workers, fail)
        : new AffineDispatcher(parts, this.#workers, fail, new Homes(affinity, this.#workers, this.#slots.clients()))
    this.#lifecycle = new WorkerLifecycle(parts, this.#workers, this.#dispatcher, fail)
  }

  /** Another thread has given a slot, or may have: sends what waits. */
  look(): void {
    this.#dispatcher.pump()
    this.#lifecycle.waitingChanged()
  }

  /** The kind of the application; null before the first worker. */
  get interface(): WorkerAddress['interface'] | null {
    return this.#lifecycle.interface
  }

  /**
   * Takes the exchange over. `body`: null when there is no content, else sealed or live. `counted`: not null if the request counts for its
   * client's address already.
   */
  handle(exchange: Exchange, body: CallBody | null, counted: CountedRequest | null = null): void {
    if (exchange.response.state !== 'idle') {
      body?.close()
      counted?.end()
      return
    }
    const { isWebSocket } = exchange
    const call = new Call(exchange, body, counted, isWebSocket)
    if (body instanceof LiveBody) body.onFailed = error => this.#fail(call, error)
    if (this.#closed !== null || (this.#isDraining && isWebSocket)) {
      this.#fail(call, new HttpError(503, this.#closed ?? STOPPING, 'operator', 1))
      return
    }
    if (isWebSocket && !this.#checkHandshake(call)) return
    this.#dispatcher.dispatch(call)
    if (call.phase === 'done') return
    // Calls back at once when the client has gone already. By now the call is in its queue or on its link, where `leave` looks for it.
    exchange.onAborted(() => {
      if (call.phase !== 'done') call.leave()
    })
  }

  /** A handshake that cannot succeed is refused before the application hears of it. */
  #checkHandshake(call: Call): boolean {
    try {
      call.exchange.checkWebSocket()
      return true
    } catch (error) {
      this.#fail(call, error as Error)
      return false
    }
  }

  #fail(call: Call, error: Error): void {
    if (call.phase === 'done') return
    call.leave()
    const { exchange } = call
    const { state } = exchange.response
    if (exchange instanceof WarmUpExchange) exchange.response.abort(error)
    else if (state === 'idle' || state === 'started') this.#onError(exchange, error)
  }

  addWorker(address: WorkerAddress): void {
    this.#lifecycle.add(address)
  }

  /** This generation takes over. Later ones may still be given up, so they get nothing while there is any other worker. */
  serve(generation: number): void {
    this.#lifecycle.serve(generation)
  }

  /** Gives the worker nothing more. `drained` follows when it has finished what it has, or at once when the worker is unknown. */
  drainWorker(id: number): void {
    this.#lifecycle.drain(id)
  }

  /** Development: while a worker is in a debugger, neither its requests nor those that wait for it are late. */
  debugged(id: number, isDebugged: boolean): void {
    this.#lifecycle.debugged(id, isDebugged)
  }

  /** Requests that wait or run, streams and WebSockets included. */
  get inFlight(): number {
    return this.#workers.reduce((sum, { inFlight }) => sum + inFlight, this.#dispatcher.waiting)
  }

  /** Requests that wait for a worker. */
  get waiting(): number {
    return this.#dispatcher.waiting
  }

  /** Requests that workers have run to their end, in all. */
  get answered(): number {
    return this.#lifecycle.answered
  }

  /** For the status. */
  get workers(): readonly PoolWorker[] {
    return this.#workers
  }

  /** Why a new request would have to wait; null while a worker can serve. */
  get whyNotReady(): string | null {
    if (this.#dispatcher.isRefusing) return 'the code does not load'
    return this.#workers.some(worker => worker.canServe) ? null : 'no worker can serve'
  }

  /** The program stops within `deadlineMs`: ends what would never end by itself. Requests are served until `close`. */
  drain(deadlineMs: number): void {
    this.#isDraining = true
    this.#lifecycle.dismissAll(deadlineMs)
  }

  /** The program stops, and no worker follows: what waits is answered 503 now, not cut at the deadline. */
  refuseWaiting(): void {
    this.#dispatcher.refuse(new HttpError(503, STOPPING, 'operator', 1))
  }

  /** Development: everything waits in the queue until `release` or `refuse`. */
  hold(): void {
    this.#dispatcher.hold()
  }

  /** Goes on with workers of this generation and later ones only. */
  release(generation: number): void {
    for (const worker of this.#workers) if (worker.generation < generation) worker.leave()
    this.#dispatcher.release()
  }

  /** Answers all waiting and new requests with the error, until `hold` or `release`. */
  refuse(error: HttpError): void {
    this.#dispatcher.refuse(error)
  }

  /** In another thread such a request has cost two workers. `kind`: as `onOffender` was told. */
  learnOffender(kind: string): void {
    this.#offenders.learn(kind, performance.now())
  }

  /** The worker is one of the pool's, and has a link. */
  has(worker: number): boolean {
    return this.#workers.some(({ id }) => id === worker)
  }

  /**
   * The pool is not in the configuration any more, and the master drains its workers. They answer what waits as long as there is one. When
   * the last has gone the pool closes, and calls back.
   */
  retire(onClosed: () => void): void {
    this.#lifecycle.onEmpty(() => {
      this.close(RETIRED)
      onClosed()
    })
  }

  /** Closes all links. Waiting requests are answered 503, running ones are cut. No events follow. `why`: for clients. */
  close(why = STOPPING): void {
    this.#closed = why
    this.#slots.close()
    const calls = [...this.#lifecycle.close(), ...this.#dispatcher.close()]
    for (const call of calls) this.#fail(call, new HttpError(503, why, 'operator', 1))
  }
}
