/**
 * The memory that all buffers of a process may take together. Whoever keeps bytes that a peer has not taken, or not sent to the
 * end, opens an account, says how much it holds whenever that changes, and closes it. Runs in the gateway.
 *
 * Near the limit (`isNear`) owners keep less: they use temporary files sooner, in smaller pieces, and let workers wait. Beyond it the
 * greediest accounts are evicted until the rest fits: at the end of the running callback, so nobody is evicted while it works.
 *
 * Invariants: `used` is the sum of what the open accounts hold. An account is told a total and never a difference, and is nothing
 * after `close`: so nothing is given back twice, and nothing stays when the owner is gone. Each change costs the same,
 * however many accounts there are: they are sorted by powers of two, so the greediest is known within a factor of two.
 */

/** Above this share of the limit owners keep less: the rest is for what each of them needs all the same, and there may be thousands. */
const NEAR_SHARE = 1 / 4
/** Powers of two up to the largest safe integer. */
const CLASSES = 54

export interface BudgetOptions {
  readonly limit: number
  /** An account that held `bytes` is evicted; `what` it is, as it was opened. */
  readonly onEvict: (what: string, bytes: number) => void
  /** `isNear` has become true. */
  readonly onNear?: () => void
}

export class MemoryBudget {
  readonly limit: number
  readonly #near: number
  readonly #onEvict: BudgetOptions['onEvict']
  readonly #onNear: BudgetOptions['onNear']
  readonly #classes: Set<Account>[] = Array.from({ length: CLASSES }, () => new Set())
  #used = 0
  #isScheduled = false
  /** Accounts that are open. */
  accounts = 0

  /** Without options there is no limit: for tests, and for tools that hold nothing of strangers'. */
  constructor(options: BudgetOptions = { limit: Number.POSITIVE_INFINITY, onEvict() {} }) {
    this.limit = options.limit
    this.#near = options.limit * NEAR_SHARE
    this.#onEvict = options.onEvict
    this.#onNear = options.onNear
  }

  get used(): number {
    return this.#used
  }

  /** Little is left: keep less. */
  get isNear(): boolean {
    return this.#used > this.#near
  }

  /**
   * `what`: for the log, what becomes of it when it is evicted. `evict` must let go of the memory; the account is closed by then.
   * Null: it counts, but cannot be evicted.
   */
  open(what: string, evict: (() => void) | null): Account {
    this.accounts++
    return new Account(this, what, evict)
  }

  /** From its accounts. */
  changed(account: Account, before: number, after: number): void {
    const wasNear = this.isNear
    this.#used += after - before
    if (!wasNear && this.isNear) this.#onNear?.()
    if (account.evict !== null) {
      const [from, to] = [classOf(before), classOf(after)]
      if (from !== to) {
        if (before > 0) this.#classes[from]!.delete(account)
        if (after > 0) this.#classes[to]!.add(account)
      }
    }
    if (this.#used > this.limit && after > before && !this.#isScheduled) {
      this.#isScheduled = true
      queueMicrotask(() => this.#evict())
    }
  }

  #evict(): void {
    this.#isScheduled = false
    for (let at = CLASSES - 1; at >= 0 && this.#used > this.limit; at--) {
      for (const account of this.#classes[at]!) {
        if (this.#used <= this.limit) break
        const { bytes, what, evict } = account
        account.close()
        this.#onEvict(what, bytes)
        evict!()
      }
    }
  }
}

/** What one owner holds. */
export class Account {
  readonly what: string
  readonly #budget: MemoryBudget
  evict: (() => void) | null
  bytes = 0
  #isOpen = true

  constructor(budget: MemoryBudget, what: string, evict: (() => void) | null) {
    this.#budget = budget
    this.what = what
    this.evict = evict
  }

  /** All that is held now. Nothing after `close`. */
  set(bytes: number): void {
    if (!this.#isOpen || bytes === this.bytes) return
    const before = this.bytes
    this.bytes = bytes
    this.#budget.changed(this, before, bytes)
  }

  /** It can no longer be evicted: what it holds is needed by somebody who cannot do without. */
  pin(): void {
    if (!this.#isOpen || this.evict === null) return
    const { bytes } = this
    this.set(0)
    this.evict = null
    this.set(bytes)
  }

  /** For good; any number of times. */
  close(): void {
    if (!this.#isOpen) return
    this.set(0)
    this.#isOpen = false
    this.#budget.accounts--
  }
}

/** 0 for nothing, else one more than the exponent of the largest power of two in it. */
function classOf(bytes: number): number {
  return bytes < 0x8000_0000 ? 32 - Math.clz32(bytes) : 32 + (32 - Math.clz32(Math.floor(bytes / 0x1_0000_0000)))
}
