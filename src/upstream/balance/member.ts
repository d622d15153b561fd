/**
 * What balancing knows of one server of a group: what the configuration says, how many requests it has, and how it has failed. Pure data with
 * nginx's rules of `max_fails` and `fail_timeout`; time is an argument in milliseconds. Runs in the gateway, one for each server and thread.
 *
 * Not here: which member gets a request (`choose.ts`).
 */

export interface MemberRules {
  readonly weight: number
  /** Failures within `failTimeoutMs` after which it gets no requests for as long. 0: they are not counted. */
  readonly maxFails: number
  readonly failTimeoutMs: number
  /** Requests at once in this thread; 0: any number. */
  readonly maxConns: number
  /** For so long after it was out its weight grows from nothing to `weight`; 0: it has its weight at once. */
  readonly slowStartMs: number
  /** Gets requests only when no other can. */
  readonly isBackup: boolean
  /** Gets none. */
  readonly isDown: boolean
}

export class Member {
  /** Replaced when the group changes while it serves. */
  rules: MemberRules
  /** Place in the list in which it came. */
  readonly index: number
  /** What it is known by to `ip-hash` and `hash`: it stays the same when others come and go. */
  readonly name: string
  active = 0
  /** Of smooth weighted round robin. */
  current = 0
  #fails = 0
  /** When the first of those failures was; while it is out: when the last one was. */
  #failedAt = 0
  #isOut = false
  /** When it came back. */
  #backAt = Number.NEGATIVE_INFINITY

  constructor(name: string, index: number, rules: MemberRules) {
    this.name = name
    this.index = index
    this.rules = rules
  }

  /** `succeeded` would change something. */
  get hasFailed(): boolean {
    return this.#fails > 0
  }

  /** When it failed last, while it is out; else -Infinity. */
  outSince(now: number): number {
    return this.#isOutAt(now) ? this.#failedAt : Number.NEGATIVE_INFINITY
  }

  /** It has room for one more request, and has not failed too often. */
  isUsable(now: number): boolean {
    return this.hasRoom && !this.#isOutAt(now)
  }

  get hasRoom(): boolean {
    const { isDown, maxConns } = this.rules
    return !isDown && (maxConns === 0 || this.active < maxConns)
  }

  /** Its weight, less while it starts slowly. Above 0. */
  weightAt(now: number): number {
    const { weight, slowStartMs } = this.rules
    const since = now - this.#backAt
    return since >= slowStartMs ? weight : weight * Math.max(since / slowStartMs, 0.01)
  }

  failed(now: number): void {
    const { maxFails, failTimeoutMs } = this.rules
    if (maxFails === 0) return
    // Old failures do not count. While it is out, each failure makes that time longer.
    if (!this.#isOut && now - this.#failedAt > failTimeoutMs) this.#fails = 0
    if (this.#fails === 0 || this.#isOut) this.#failedAt = now
    this.#fails++
    if (this.#fails < maxFails) return
    this.#isOut = true
    this.#failedAt = now
  }

  succeeded(now: number): void {
    this.#fails = 0
    if (this.#isOut) this.#comeBack(now)
  }

  #isOutAt(now: number): boolean {
    if (!this.#isOut) return false
    if (now - this.#failedAt <= this.rules.failTimeoutMs) return true
    this.#comeBack(now)
    // One more failure takes it out again: nobody knows yet whether it is well.
    this.#fails = this.rules.maxFails - 1
    this.#failedAt = now
    return false
  }

  #comeBack(now: number): void {
    this.#isOut = false
    this.#backAt = now
    this.current = 0
  }
}
