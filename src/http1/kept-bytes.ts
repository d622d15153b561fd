/**
 * Tells the memory budget what one connection keeps of requests: its head, and those that wait behind the one that is answered. Runs
 * in the gateway, after each read. A small head is not counted: nearly all are small, and many connections keep little of them.
 */
import type { Account, MemoryBudget } from '../base/memory-budget.ts'
import type { Transport } from '../http/transport.ts'
import { SMALL_HEAD } from '../protocols/options.ts'

export class KeptBytes {
  readonly #memory: MemoryBudget
  readonly #transport: Transport
  /** Made for the first that is not small. */
  #account: Account | null = null

  constructor(memory: MemoryBudget, transport: Transport) {
    this.#memory = memory
    this.#transport = transport
  }

  set(bytes: number): void {
    if (this.#account === null) {
      if (bytes <= SMALL_HEAD) return
      this.#account = this.#memory.open('a connection was cut', () => this.#transport.destroy())
    }
    this.#account.set(bytes)
  }

  close(): void {
    this.#account?.close()
  }
}
