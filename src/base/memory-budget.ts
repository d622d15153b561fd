/**
 * The memory that all buffers of a process may take together (`--limit-memory`). Runs in the gateway.
 *
 * An owner keeps bytes that a peer has not taken, or has not completely sent. It opens an account, tells the account whenever the
 * number of bytes changes, and closes it.
 *
 * - Near the limit (`isNear`) owners keep less: they use temporary files sooner, in smaller pieces, and let workers wait.
 * - Above the limit the largest accounts are evicted until the rest fits. This happens at the end of the running callback, so no owner is
 *   evicted while it works.
 *
 * Invariants:
 * - `used` is the sum of the open accounts.
 * - An account is told totals, never differences, and ignores everything after `close`. So nothing is given back twice, and nothing is
 *   still counted when its owner has gone.
 * - A change costs the same, however many accounts there are. Accounts are sorted by powers of two, so "largest" is exact to a factor of
 *   two.
 */

/** Above this share of the limit owners keep less. The rest is for the little that each of thousands of owners needs in any case. */
const NEAR_SHARE = 1 / 4
/** One for each power of two up to the largest safe integer. */
const CLASSES = 54

export interface BudgetOptions {
  readonly limit: number
  /** An account that held `bytes` is evicted. `what`: as given to `open`. */
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
  /** Number of open accounts. */
  accounts = 0

  /** Without options there is no limit: for tests. */
  constructor(options: BudgetOptions = { limit: Number.POSITIVE_INFINITY, onEvict() {} }) {
    this.limit = options.limit
    this.#near = options.limit * NEAR_SHARE
    this.#onEvict = options.onEvict
    this.#onNear = options.onNear
  }

  get used(): number {
    return this.#used
  }

  /** Little memory is left: owners should keep less. */
  get isNear(): boolean {
    return this.#used > this.#near
  }

  /**
   * `what`: for the log, what an eviction does: `a response was cut`. `evict` must free the memory; the account is already closed then.
   * `evict` null: the account counts, but cannot be evicted.
   */
  open(what: string, evict: (() => void) | null): Account {
    this.accounts++
    return new Account(this, what, evict)
  }

  /** Called by accounts. */
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

/** The bytes that one owner holds. */
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

  /** `bytes`: the total that is held now. Does nothing after `close`. */
  set(bytes: number): void {
    if (!this.#isOpen || bytes === this.bytes) return
    const before = this.bytes
    this.bytes = bytes
    this.#budget.changed(this, before, bytes)
  }

  /** From now on the account cannot be evicted: somebody needs these bytes. */
  pin(): void {
    if (!this.#isOpen || this.evict === null) return
    const { bytes } = this
    this.set(0)
    this.evict = null
    this.set(bytes)
  }

  /** May be called again. */
  close(): void {
    if (!this.#isOpen) return
    this.set(0)
    this.#isOpen = false
    this.#budget.accounts--
  }
}

/** 0 for 0 bytes; otherwise the number of binary digits. */
function classOf(bytes: number): number {
  return bytes < 0x8000_0000 ? 32 - Math.clz32(bytes) : 32 + (32 - Math.clz32(Math.floor(bytes / 0x1_0000_0000)))
}
