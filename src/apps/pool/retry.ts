/**
 * Decides what becomes of calls whose link is gone: each is sent again or answered 502, and the log names them. The
 * link asks `dispatch-rules.ts` for the fate of each (`fatesOf`), because it knows what its worker may have started. Runs in the gateway. Remembers which kinds of requests cost workers (`offenders.ts`).
 *
 * Invariant: calls that are sent again keep their order, before calls that were not sent yet.
 * Not here: what becomes of the worker (`worker-lifecycle.ts`), when the calls are sent (`dispatcher.ts`).
 */
import { HttpError } from '../../http/errors.ts'
import type { Call, FailCall } from './call.ts'
import { type Fate, MAX_LOSSES } from './dispatch-rules.ts'
import type { CallDispatcher } from './dispatcher.ts'
import type { PoolLog } from './events.ts'
import type { Offenders } from './offenders.ts'
import { WarmUpExchange } from './warm-up.ts'
import type { PoolLink, PoolWorker } from './worker.ts'

/** Requests of a lost worker that the log names. It counts the others. */
const MAX_NAMED = 20

export class Retries {
  readonly #offenders: Offenders
  readonly #dispatcher: CallDispatcher
  readonly #fail: FailCall
  readonly #log: PoolLog
  readonly #mayRepeat: boolean

  /** `mayRepeat`: false: a request that may have been started is never sent again. */
  constructor(dispatcher: CallDispatcher, fail: FailCall, log: PoolLog, mayRepeat: boolean, offenders: Offenders) {
    this.#offenders = offenders
    this.#dispatcher = dispatcher
    this.#fail = fail
    this.#log = log
    this.#mayRepeat = mayRepeat
  }

  /** `calls`: in order of dispatch. `mayBeGuilty`: the worker may have died of one of them. `what`: what happened to each, for the log. */
  decide(link: PoolLink, calls: readonly Call[], mayBeGuilty: boolean, what: string | null = null): void {
    const now = performance.now()
    for (const call of calls)
      call.isBarred =
        !this.#mayRepeat || this.#offenders.has(call.exchange.request.method, call.exchange.request.path, now)
    const fates = link.fatesOf(calls, mayBeGuilty)
    if (what !== null) this.#nameHeld(link.worker, calls, fates, what)
    for (let i = calls.length - 1; i >= 0; i--) {
      const call = calls[i]!
      if (call.phase === 'done') {
        call.releaseBody()
        continue
      }
      if (fates[i] === 'retry') {
        this.#dispatcher.takeBack(call)
      } else {
        if (call.losses >= MAX_LOSSES) this.#convict(call, now)
        this.#fail(call, new HttpError(502, 'The application ended without an answer', 'application'))
        call.releaseBody()
      }
    }
  }

  /** Names in the log the requests that a lost worker held. */
  #nameHeld(worker: PoolWorker, calls: readonly Call[], fates: readonly Fate[], what: string): void {
    const more = { retry: 0, fail: 0 }
    for (const [i, call] of calls.entries()) {
      if (call.phase === 'done') continue
      const fate = fates[i]!
      if (worker.named++ >= MAX_NAMED) more[fate]++
      else this.#warn(call, `${what}: ${fate === 'retry' ? 'it is sent again' : 'answered 502'}`)
    }
    const count = more.retry + more.fail
    if (count === 0) return
    const rest = `${more.retry} sent again, ${more.fail} answered 502`
    this.#log('warn', `worker ${worker.id} held ${count} more when its link broke: ${rest}`, '')
  }

  #convict(call: Call, now: number): void {
    const { method, path } = call.exchange.request
    const alike = this.#offenders.convict(method, path, now)
    this.#warn(call, `has cost ${MAX_LOSSES} workers: for a minute ${alike} is not sent again when its worker dies`)
  }

  #warn(call: Call, what: string): void {
    // For a warm-up request the event `cold` says it.
    const isTold = call.exchange instanceof WarmUpExchange
    if (call.phase !== 'done' && !isTold) this.#log('warn', `${call.describe()} ${what}`, call.exchange.id)
  }
}
