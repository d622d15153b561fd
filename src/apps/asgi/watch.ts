/**
 * Watches the time of what runs on a multiplexed link: clients that have gone, requests that are late, an event loop that does not
 * turn. Runs in the gateway, once per tick while something is on the link. In a debugger no time passes.
 *
 * Not here: how long one exchange may be silent (`call.ts`), the hello's deadline (`link.ts`).
 */
import { HttpError } from '../../http/errors.ts'
import type { LinkOwner } from '../pool/link-owner.ts'
import type { PoolLink } from '../pool/worker.ts'
import { writePing } from '../wire/multiplex-encode.ts'
import type { RequestTimes } from '../worker/request-times.ts'
import type { MultiplexedCall } from './call.ts'
import type { CallTable } from './call-table.ts'
import { Heartbeat } from './heartbeat.ts'
import type { Outbox } from './outbox.ts'
import { Ticker } from './ticker.ts'

/** What the watch needs of its link. */
export interface WatchedLink extends PoolLink {
  readonly outbox: Outbox
}

export class LinkWatch {
  readonly ticker: Ticker
  readonly heartbeat: Heartbeat
  readonly #link: WatchedLink
  readonly #calls: CallTable<MultiplexedCall>
  readonly #owner: LinkOwner
  readonly #times: RequestTimes

  constructor(
    link: WatchedLink,
    calls: CallTable<MultiplexedCall>,
    owner: LinkOwner,
    times: RequestTimes,
    streamIdleMs: number,
  ) {
    this.#link = link
    this.#calls = calls
    this.#owner = owner
    this.#times = times
    const shortest = Math.min(times.shortest, streamIdleMs || Number.POSITIVE_INFINITY)
    this.ticker = new Ticker(Math.min(1000, Math.max(50, shortest / 16)), passedMs => this.#tick(passedMs))
    this.heartbeat = new Heartbeat(times.standard, {
      ping: token => writePing(link.outbox.begin(), token),
      blocked: ms => owner.blocked(link, this.#silence(ms)),
      stuck: ms => owner.stuck(link, this.#silence(ms)),
    })
  }

  #tick(passedMs: number): void {
    const link = this.#link
    if (link.worker.isDebugged) return
    this.heartbeat.tick(passedMs, link.inFlight > 0 || link.outbox.hasSpoken)
    for (const one of this.#calls.values()) {
      if (one.isDeserted(passedMs)) one.call.drop()
      else if (one.isOverdue(passedMs, this.#times)) this.#overdue(one)
    }
    if (link.isIdle && !link.isBlocked) this.ticker.stop()
  }

  #overdue(one: MultiplexedCall): void {
    const { call } = one
    const what = one.stage === 'head' ? 'no response' : 'no content'
    const times = `${Math.round(one.silentMs)} ms (${call.describeTimes()})`
    const note = `${call.describe()} is cancelled in worker ${this.#link.worker.id}: ${what} for ${times}`
    this.#owner.warn(note, call.exchange.id)
    one.isCancelled = true
    this.#owner.failed(call, new HttpError(504, 'The application took too long', 'application'))
  }

  #silence(ms: number): string {
    return `its event loop has not turned for ${Math.round(ms)} ms, with ${this.#calls.size} requests`
  }
}
