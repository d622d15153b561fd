/**
 * The memory that all buffers of a gateway may take together (`--limit-memory`). Runs in the gateway; each thread has its own budget.
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
 *
 * With several threads the limit is for their sum:
 * - A thread looks at the others' use when its own has grown by `LOOK_BYTES`, and when `check` is called. It tells its own use before it
 *   looks, so of two threads that grow at once one sees the other. So the sum is above what the last of them has seen by at most
 *   `LOOK_BYTES` and one change (a read) for each thread.
 * - From fifteen sixteenths of the limit on, threads that use more than their share evict. A thread that uses less asks them to look, and
 *   evicts nothing of its own.
 * - Above the limit each thread that grows evicts, whatever its share: a thread that does not turn cannot help.
 */

import type { OtherThreads } from './other-threads.ts'

/** Above this share of the limit owners keep less. The rest is for the little that each of thousands of owners needs in any case. */
const NEAR_SHARE = 1 / 4
/** With several threads: above this share of the limit those evict that use more than their share. */
const SOFT_SHARE = 15 / 16
/** As much as a thread may grow without a look at the others: half of a read from a client. */
const LOOK_BYTES = 32 * 1024
/** One for each power of two up to the largest safe integer. */
const CLASSES = 54

export interface BudgetOptions {
  readonly limit: number
  /** An account that held `bytes` is evicted. `what`: as given to `open`. */
  readonly onEvict: (what: string, bytes: number) => void
  /** `isNear` has become true. */
  readonly onNear?: () => void
  /** In bytes. Null: there is one thread. */
  readonly others?: OtherThreads | null
}

export class MemoryBudget {
  readonly limit: number
  /** Threads that have the limit together. */
  readonly threads: number
  readonly #near: number
  /** Above it this thread evicts if it uses more than its share. With one thread it is the limit. */
  readonly #soft: number
  readonly #share: number
  readonly #others: OtherThreads | null
  /** What the others used at the last look. */
  #elsewhere = 0
  /** With so much of its own this thread looks again. */
  #lookAt = LOOK_BYTES
  /** The others were asked to look, and it has not helped yet. */
  #isAsked = false
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
    this.#others = options.others ?? null
    this.#near = options.limit * NEAR_SHARE
    this.#soft = this.#others === null ? options.limit : options.limit * SOFT_SHARE
    this.threads = this.#others?.threads ?? 1
    this.#share = this.#soft / this.threads
    this.#onEvict = options.onEvict
    this.#onNear = options.onNear
  }

  /** By this thread. */
  get used(): number {
    return this.#used
  }

  /** Little memory is left: owners should keep less. */
  get isNear(): boolean {
    return this.#used + this.#elsewhere > this.#near
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
    if (this.#others !== null) this.#tell(this.#others)
    if (!wasNear && this.isNear) this.#onNear?.()
    if (account.evict !== null) {
      const [from, to] = [classOf(before), classOf(after)]
      if (from !== to) {
        if (before > 0) this.#classes[from]!.delete(account)
        if (after > 0) this.#classes[to]!.add(account)
      }
    }
    if (this.#used + this.#elsewhere > this.#soft && after > before && !this.#isScheduled) {
      this.#isScheduled = true
      queueMicrotask(() => this.#evict())
    }
  }

  /** With several threads: looks at the others. Called from time to time, and when one of them asks; not by an owner that works. */
  check(): void {
    if (this.#others === null) return
    this.#isAsked = false
    const wasNear = this.isNear
    this.#look(this.#others)
    if (!wasNear && this.isNear) this.#onNear?.()
    if (this.#isOver) this.#evict()
  }

  #tell(others: OtherThreads): void {
    others.tell(this.#used)
    if (this.#used >= this.#lookAt) this.#look(others)
    else if (this.#used + LOOK_BYTES < this.#lookAt) this.#lookAt = this.#used + LOOK_BYTES
  }

  #look(others: OtherThreads): void {
    this.#elsewhere = others.used()
    this.#lookAt = this.#used + LOOK_BYTES
  }

  /** This thread has to evict. */
  get #isOver(): boolean {
    const all = this.#used + this.#elsewhere
    return all > this.limit || (all > this.#soft && this.#used > this.#share)
  }

  #evict(): void {
    this.#isScheduled = false
    if (this.#others !== null) this.#look(this.#others)
    for (let at = CLASSES - 1; at >= 0 && this.#isOver; at--) {
      for (const account of this.#classes[at]!) {
        if (!this.#isOver) break
        const { bytes, what, evict } = account
        account.close()
        this.#onEvict(what, bytes)
        evict!()
        // Others evict at the same time.
        if (this.#others !== null) this.#look(this.#others)
      }
    }
    if (this.#others !== null) this.#askOthers(this.#others)
  }

  /** Once, until it has helped, or until the next check. */
  #askOthers(others: OtherThreads): void {
    const isMuch = this.#used + this.#elsewhere > this.#soft
    if (isMuch && !this.#isAsked) others.ask(this.#share)
    this.#isAsked = isMuch
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
