/**
 * What balancing knows of one server of a group: what the configuration says, how many requests it has, how it has failed.
 * nginx's rules of `max_fails` and `fail_timeout`; time is an argument in milliseconds. Runs in the gateway, one for each server and thread.
 *
 * Invariant: what all threads must agree on is in `MemberState`. Only the turn of round robin and the counts for the status are the thread's own.
 * Not here: which member gets a request (`choose.ts`).
 */
import {
  BACK_SINCE,
  EJECTED_AT,
  EJECTED_FOR,
  FAILS,
  FAILURES,
  FIRST_FAILED_AT,
  MemberState,
  momentOf,
  OUT_SINCE,
  REQUESTS,
  since,
  UNHEALTHY,
} from './member-state.ts'

export interface MemberRules {
  readonly weight: number
  /** Failures within `failTimeoutMs` after which it gets no requests for as long. 0: they are not counted. */
  readonly maxFails: number
  readonly failTimeoutMs: number
  /** Requests at once; 0: any number. */
  readonly maxConns: number
  /** For so long after it was out its weight grows from nothing to `weight`; 0: it has its weight at once. */
  readonly slowStartMs: number
  /** Gets requests only when no other can. */
  readonly isBackup: boolean
  /** Gets none. */
  readonly isDown: boolean
  /** Gets none but those of its own clients. */
  readonly isDraining: boolean
  /** It may be left out for its failures among others (`ejection.ts`). */
  readonly isEjectable: boolean
}

export class Member {
  /** Replaced when the group changes while it serves. */
  rules: MemberRules
  /** Place in the list in which it came. */
  readonly index: number
  /** What it is known by to `ip-hash` and `hash`: it stays the same when others come and go. */
  readonly name: string
  /** Its words. */
  readonly state: MemberState
  /** Of smooth weighted round robin, in this thread. */
  current = 0

  constructor(name: string, index: number, rules: MemberRules, state: MemberState = MemberState.alone()) {
    this.name = name
    this.index = index
    this.rules = rules
    this.state = state
  }

  /** Requests that it has, of all threads. */
  get active(): number {
    return this.state.active
  }

  /** Requests that it got, and failures of it, since the gateway started, modulo 2^32. */
  get requests(): number {
    return this.state.load(REQUESTS) >>> 0
  }

  get failures(): number {
    return this.state.load(FAILURES) >>> 0
  }

  /** `succeeded` would change something. */
  get hasFailed(): boolean {
    return this.state.load(FAILS) > 0
  }

  /**
   * A request begins. False: it must go elsewhere, as `max-conns` run already, or another request has just begun to find out whether a server that
   * was out is well. `end` follows, once.
   */
  begin(now: number): boolean {
    const { state } = this
    if (!state.begin(this.rules.maxConns)) return false
    const out = state.load(OUT_SINCE)
    // As in nginx, one request in each such time: a server that hangs would keep its whole share of them waiting.
    if (out !== 0 && !this.isOut(now) && !state.replace(OUT_SINCE, out, momentOf(now))) {
      state.end()
      return false
    }
    state.add(REQUESTS, 1)
    return true
  }

  end(): void {
    this.state.end()
  }

  /** When it failed last, while it is out, or was ejected; else -Infinity. The earlier the less. */
  outSince(now: number): number {
    if (this.isOut(now)) return now - since(this.state.load(OUT_SINCE), now)
    return this.isEjected(now) ? now - since(this.state.load(EJECTED_AT), now) : Number.NEGATIVE_INFINITY
  }

  /** It may have one more request, and has not failed too often. */
  isUsable(now: number): boolean {
    return this.mayBeAsked && this.isWell(now)
  }

  /** It may have one more request of a client that belongs to it. */
  isUsableByOwn(now: number): boolean {
    return !this.isFull && this.isWell(now)
  }

  /** As far as is known it would answer: whether it has room, or is drained, does not matter. */
  isWell(now: number): boolean {
    return !this.rules.isDown && !this.isUnhealthy && !this.isOut(now) && !this.isEjected(now)
  }

  get isUnhealthy(): boolean {
    return this.state.load(UNHEALTHY) === 1
  }

  /** What a health check says. Back among the healthy it starts slowly. */
  setHealthy(isHealthy: boolean, now: number): void {
    if (isHealthy && this.isUnhealthy) this.state.store(BACK_SINCE, momentOf(now))
    this.state.store(UNHEALTHY, isHealthy ? 0 : 1)
  }

  /** It may have one more request, however it has failed. */
  get mayBeAsked(): boolean {
    const { isDown, isDraining } = this.rules
    return !isDown && !isDraining && !this.isFull
  }

  /** It has `max-conns` requests. */
  get isFull(): boolean {
    const { maxConns } = this.rules
    return maxConns !== 0 && this.state.active >= maxConns
  }

  /** It gets a request when one of those that it has is over. */
  get isOnlyFull(): boolean {
    const { isDown, isDraining } = this.rules
    return !isDown && !isDraining && !this.isUnhealthy && this.isFull
  }

  /** Its weight, less while it starts slowly. Above 0. */
  weightAt(now: number): number {
    const { weight, slowStartMs } = this.rules
    if (slowStartMs === 0) return weight
    const back = this.state.load(BACK_SINCE)
    if (back === 0) return weight
    const grown = since(back, now)
    return grown >= slowStartMs ? weight : weight * Math.max(grown / slowStartMs, 0.01)
  }

  failed(now: number): void {
    this.state.add(FAILURES, 1)
    const { maxFails, failTimeoutMs } = this.rules
    if (maxFails === 0) return
    const { state } = this
    const moment = momentOf(now)
    // While it is out, each failure makes that time longer.
    if (state.load(OUT_SINCE) !== 0) {
      state.store(OUT_SINCE, moment)
      return
    }
    // Old failures do not count.
    const first = state.load(FIRST_FAILED_AT)
    if (first !== 0 && since(first, now) > failTimeoutMs && state.replace(FIRST_FAILED_AT, first, moment))
      state.store(FAILS, 0)
    const fails = state.add(FAILS, 1)
    if (fails === 1) state.store(FIRST_FAILED_AT, moment)
    if (fails >= maxFails) state.store(OUT_SINCE, moment)
  }

  succeeded(now: number): void {
    const { state } = this
    state.store(FAILS, 0)
    const out = state.load(OUT_SINCE)
    // Not if another thread has done it.
    if (out === 0 || !state.replace(OUT_SINCE, out, 0)) return
    state.store(BACK_SINCE, momentOf(now))
    this.current = 0
  }

  /** It has failed more often than others, and its time is not over. */
  isEjected(now: number): boolean {
    if (!this.rules.isEjectable) return false
    const at = this.state.load(EJECTED_AT)
    return at !== 0 && since(at, now) < this.state.load(EJECTED_FOR)
  }

  /** It has failed too often, and its time is not over. Then one request may try it (`begin`). */
  isOut(now: number): boolean {
    const out = this.state.load(OUT_SINCE)
    return out !== 0 && since(out, now) <= this.rules.failTimeoutMs
  }
}
