/**
 * What limits do to a request in a location: it passes, waits for its turn, or is refused; nginx's `limit_req` and `limit_conn`. Runs in the
 * gateway for each request of a location with limits.
 *
 * Invariants:
 * - As in nginx a request meets the rates of one location only, and the connections of one: neither an internal redirect nor a location that it
 *   is asked by (`auth_request`) counts it a second time.
 * - Of several limits the request counts in all, or, if one refuses it, in none.
 * - Of several rates the longest wait counts. Who waits has read nothing of its content, and goes when the client goes.
 * - What counts in `connections` ends with the exchange, however that ends.
 * Bound: MAX_WAITING requests wait in an event loop; more are refused.
 * Not here: the counting (`limits/`).
 */
import { ClientGoneError, HttpError } from '../../http/errors.ts'
import type { Exchange } from '../../http/exchange.ts'
import { ConnectionCount } from '../../limits/connections.ts'
import { type LimitSource, limitId } from '../../limits/memories.ts'
import { Rate } from '../../limits/rates.ts'
import type { MakeLimitStep } from '../../routing/sites/compile.ts'
import type { Evaluate, LimitStep, SiteRequest } from '../../routing/sites/site-request.ts'
import type { LimitUse, RequestLimit } from '../../sites/model.ts'

/** Each holds a connection or a stream, and some kilobytes. More clients than these wait only in an attack. */
const MAX_WAITING = 4096

/** Told of each refusal; `isDryRun`: it was none. */
export type OnLimited = (limit: string, exchange: Exchange, isDryRun: boolean) => void

interface RateUse {
  readonly use: LimitUse
  readonly key: Evaluate
  readonly rate: Rate
  /** Microseconds that may be ahead of a request that is served at once. */
  readonly free: number
}

interface ConnectionUse {
  readonly use: LimitUse
  readonly key: Evaluate
  readonly count: ConnectionCount
  readonly most: number
}

/** `limits`: all of the configuration. */
export function limitSteps(limits: readonly RequestLimit[], source: LimitSource, onLimited: OnLimited): MakeLimitStep {
  const memories = source.memoriesOf(limits)
  const rates = new Map<string, Rate>()
  const counts = new Map<string, ConnectionCount>()
  for (const limit of limits) {
    const memory = memories.get(limitId(limit))!
    if (limit.of.kind === 'rate') rates.set(limit.name, new Rate(memory, limit.of.interval))
    else counts.set(limit.name, new ConnectionCount(memory, source.thread))
  }
  const waiting = new Waiting()
  return uses => {
    const ofRates: RateUse[] = []
    const ofConnections: ConnectionUse[] = []
    for (const { use, limit, key } of uses) {
      if (limit.of.kind === 'rate') {
        const rate = rates.get(limit.name)!
        rate.prepareFor(use.burst)
        ofRates.push({ use, key, rate, free: use.delay * limit.of.interval })
      } else ofConnections.push({ use, key, count: counts.get(limit.name)!, most: limit.of.most })
    }
    return stepOf(ofRates, ofConnections, waiting, onLimited)
  }
}

function stepOf(
  rates: readonly RateUse[],
  connections: readonly ConnectionUse[],
  waiting: Waiting,
  onLimited: OnLimited,
): LimitStep {
  const connect = (request: SiteRequest) =>
    connections.length === 0 || (request.of ?? request).connectionStatus !== ''
      ? null
      : takeConnections(request, connections, onLimited)
  if (rates.length === 0) return connect
  return request => {
    if ((request.of ?? request).rateStatus !== '') return connect(request)
    const wait = takeRates(request, rates, onLimited)
    if (typeof wait !== 'number') return wait
    if (wait === 0) return connect(request)
    const turn = waiting.wait(request.exchange, wait)
    if (turn !== null) return turn.then(() => connect(request))
    giveBack(request, rates, rates.length)
    request.rateStatus = 'REJECTED'
    return new HttpError(rates[0]!.use.status, 'Too many requests wait for their turn', 'client', 1)
  }
}

const US_PER_MS = 1000
const US_PER_SECOND = 1_000_000

/** Milliseconds to wait, or why the request is refused. */
function takeRates(request: SiteRequest, rates: readonly RateUse[], onLimited: OnLimited): number | HttpError {
  const { exchange } = request
  let wait = 0
  let status: SiteRequest['rateStatus'] = ''
  for (let i = 0; i < rates.length; i++) {
    const { use, key, rate, free } = rates[i]!
    const text = key(request)
    if (text === '') continue
    if (status === '') status = 'PASSED'
    const ahead = rate.take(text, exchange.receivedAt, use.burst)
    if (ahead < 0) {
      onLimited(use.name, exchange, use.isDryRun)
      if (use.isDryRun) {
        status = 'REJECTED_DRY_RUN'
        continue
      }
      giveBack(request, rates, i)
      request.rateStatus = 'REJECTED'
      return new HttpError(use.status, 'Too many requests', 'client', Math.ceil(-ahead / US_PER_SECOND))
    }
    if (ahead <= free) continue
    if (use.isDryRun) {
      if (status === 'PASSED') status = 'DELAYED_DRY_RUN'
      continue
    }
    status = 'DELAYED'
    wait = Math.max(wait, ahead - free)
  }
  request.rateStatus = status
  return Math.ceil(wait / US_PER_MS)
}

/** The first `count` of the rates were taken. */
function giveBack(request: SiteRequest, rates: readonly RateUse[], count: number): void {
  for (let i = 0; i < count; i++) {
    const { key, rate, use } = rates[i]!
    const text = key(request)
    if (text !== '' && !use.isDryRun) rate.giveBack(text, request.exchange.receivedAt)
  }
}

function takeConnections(
  request: SiteRequest,
  connections: readonly ConnectionUse[],
  onLimited: OnLimited,
): HttpError | null {
  const { exchange } = request
  const taken: { readonly count: ConnectionCount; readonly place: number }[] = []
  const release = () => {
    for (const { count, place } of taken) count.remove(place)
  }
  let status: SiteRequest['connectionStatus'] = ''
  for (const { use, key, count, most } of connections) {
    const text = key(request)
    if (text === '') continue
    if (status === '') status = 'PASSED'
    const place = count.add(text, most)
    if (place >= 0) {
      taken.push({ count, place })
      continue
    }
    onLimited(use.name, exchange, use.isDryRun)
    if (use.isDryRun) {
      status = 'REJECTED_DRY_RUN'
      continue
    }
    release()
    request.connectionStatus = 'REJECTED'
    return new HttpError(use.status, 'Too many requests at once', 'client', 1)
  }
  request.connectionStatus = status
  if (taken.length > 0) exchange.onClosed(release)
  return null
}

/** Requests that wait for their turn. */
class Waiting {
  #count = 0

  /** Resolves after `ms`; rejects if the client goes before. Null: too many wait. */
  wait(exchange: Exchange, ms: number): Promise<void> | null {
    if (this.#count >= MAX_WAITING) return null
    this.#count++
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let isOver = false
    const end = (settle: () => void) => {
      if (isOver) return
      isOver = true
      this.#count--
      clearTimeout(timer)
      settle()
    }
    const timer = setTimeout(() => end(resolve), ms)
    // With a name: docs/internals/performance.md.
    const gone = () => end(() => reject(new ClientGoneError()))
    exchange.onAborted(gone)
    return promise
  }
}
