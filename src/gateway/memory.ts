/** The memory budget of the gateway, and what the log says of it: evictions, at most one line a second for each kind, and the state, for debugging. */
import { MemoryBudget } from '../base/memory-budget.ts'
import type { OtherThreads } from '../base/other-threads.ts'
import { RefusalLogs } from '../observe/refusal-log.ts'
import { GiveBack } from './give-back.ts'

/** How often garbage is looked at while memory is short, when it may grow fast. */
const SHORT_MS = 50

type Log = (level: 'debug' | 'warn', message: string) => void

export class GatewayMemory {
  readonly budget: MemoryBudget
  readonly #log: Log
  readonly #limit: string
  readonly #giveBack: GiveBack
  /** By the kind of what was evicted. */
  readonly #evictions: RefusalLogs
  #told = ''
  #timer: NodeJS.Timeout | null = null

  /** `others`: as for the budget. */
  constructor(limit: number, log: Log, others: OtherThreads | null = null) {
    this.#log = log
    this.#evictions = new RefusalLogs(log)
    this.#limit = megabytes(limit)
    this.budget = new MemoryBudget({
      limit,
      onEvict: (what, bytes) => this.#evicted(what, bytes),
      onNear: () => this.#watchGarbage(),
      others,
    })
    this.#giveBack = new GiveBack(this.budget)
  }

  /** Called from time to time, and when another thread asks. */
  check(): void {
    this.budget.check()
    this.#giveBack.check()
    const { used, accounts } = this.budget
    const text = `buffers hold ${used} bytes in ${accounts} accounts`
    if (text === this.#told) return
    this.#told = text
    this.#log('debug', text)
  }

  /** Goes on as long as memory is short. */
  #watchGarbage(): void {
    if (this.#timer !== null || !this.budget.isNear) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#giveBack.check()
      this.#watchGarbage()
    }, SHORT_MS)
    this.#timer.unref()
  }

  /** Writes what the log does not have yet. */
  flush(): void {
    this.#evictions.flush()
  }

  #evicted(what: string, bytes: number): void {
    this.#giveBack.evicted(bytes)
    const had = `it had ${megabytes(bytes)} in memory, more than others`
    const reached = `all together reached ${this.#limit}, which is the limit (limit-memory)`
    const advice = 'raise it, or let clients have less (limit-connections, ws-max-size)'
    this.#evictions.report(what, `${what}: ${had}, and ${reached}; ${advice}`)
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MB`
}
