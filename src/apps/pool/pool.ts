/**
 * The pool of one application: takes exchanges over, has them answered by its workers, and says how it fares. Runs in the gateway.
 * Admits, and ends what cannot be answered; a call is sent by `dispatcher.ts`, workers come and go in `worker-lifecycle.ts`, and
 * what becomes of a call whose link is gone is `retry.ts`.
 *
 * Invariants: a call is in the queue or on one link or past both; each ends exactly once, by its response or by `onError`.
 * Not here: starting or ending workers (the master's), reading content (`handlers/app.ts`), rendering errors.
 */
import { HttpError } from '../../http/errors.ts'
import type { Exchange } from '../../http/exchange.ts'
import type { CallBody } from './body.ts'
import { Call } from './call.ts'
import { Dispatcher, type DispatchOptions } from './dispatcher.ts'
import { LiveBody } from './live-body.ts'
import { WarmUpExchange } from './warm-up.ts'
import type { PoolWorker, WorkerAddress } from './worker.ts'
import { type LifecycleOptions, WorkerLifecycle } from './worker-lifecycle.ts'

export interface PoolOptions extends DispatchOptions, LifecycleOptions {
  /** The one place that turns errors into responses: renders when `response.state` is idle, cuts (`abort`) when it has started. */
  readonly onError: (exchange: Exchange, error: Error) => void
}

export class AppPool {
  readonly #onError: PoolOptions['onError']
  readonly #workers: PoolWorker[] = []
  readonly #dispatcher: Dispatcher
  readonly #lifecycle: WorkerLifecycle
  #isDraining = false
  #isClosed = false

  constructor(options: PoolOptions) {
    this.#onError = options.onError
    const fail = (call: Call, error: Error) => this.#fail(call, error)
    this.#dispatcher = new Dispatcher(options, this.#workers, fail)
    this.#lifecycle = new WorkerLifecycle(options, this.#workers, this.#dispatcher, fail)
  }

  /** What the application is; null before the first worker. */
  get interface(): WorkerAddress['interface'] | null {
    return this.#lifecycle.interface
  }

  /** Takes the exchange over; `body` is null when there is no content, and sealed or live otherwise. */
  handle(exchange: Exchange, body: CallBody | null): void {
    if (exchange.response.state !== 'idle') {
      body?.close()
      return
    }
    const call = new Call(exchange, body)
    if (body instanceof LiveBody) body.onFailed = error => this.#fail(call, error)
    const isWebSocket = this.interface === 'asgi' && exchange.isWebSocket
    if (this.#isClosed || (this.#isDraining && isWebSocket)) {
      this.#fail(call, new HttpError(503, 'The server is stopping', 'operator', 1))
      return
    }
    if (isWebSocket && !this.#checkHandshake(call)) return
    this.#dispatcher.dispatch(call)
    if (call.phase === 'done') return
    // At once when the client has gone already: by then the call is where `leave` looks for it.
    exchange.onAborted(() => {
      if (call.phase !== 'done') call.leave()
    })
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

  /** This generation takes over; those after it get nothing while there is anybody else: they may still be refused. */
  serve(generation: number): void {
    this.#lifecycle.serve(generation)
  }

  /** Gives the worker nothing more; `drained` follows when it has finished what it has, at once when it is unknown. */
  drainWorker(id: number): void {
    this.#lifecycle.drain(id)
  }

  /** Development: a worker is in a debugger, so nothing that it runs is late, nor what waits for it. */
  debugged(id: number, isDebugged: boolean): void {
    this.#lifecycle.debugged(id, isDebugged)
  }

  /** Waiting, or sent to workers and not over: streams and WebSockets included. */
  get inFlight(): number {
    return this.#workers.reduce((sum, { inFlight }) => sum + inFlight, this.#dispatcher.waiting)
  }

  /** Null while a worker can serve: what a request would have to wait for. */
  get whyNotReady(): string | null {
    if (this.#dispatcher.isRefusing) return 'the code does not load'
    return this.#workers.some(worker => worker.canServe) ? null : 'no worker can serve'
  }

  /** The program stops within `deadlineMs`: what would never end by itself is ended. Requests are served until `close`. */
  drain(deadlineMs: number): void {
    this.#isDraining = true
    this.#lifecycle.dismissAll(deadlineMs)
  }

  /** Development: everything waits in the queue until `release` or `refuse`. */
  hold(): void {
    this.#dispatcher.hold()
  }

  /** Goes on, with workers of this generation and later ones only. */
  release(generation: number): void {
    for (const worker of this.#workers) if (worker.generation < generation) worker.leave()
    this.#dispatcher.release()
  }

  /** Everything is answered with the error, what waits and what comes, until `hold` or `release`. */
  refuse(error: HttpError): void {
    this.#dispatcher.refuse(error)
  }

  /** Closes all links; what is queued gets 503, what runs is cut. No events follow. */
  close(): void {
    this.#isClosed = true
    const calls = [...this.#lifecycle.close(), ...this.#dispatcher.close()]
    for (const call of calls) this.#fail(call, new HttpError(503, 'The server is stopping', 'operator', 1))
  }
}
