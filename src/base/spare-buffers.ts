/**
 * Buffers of one size that are used again. Runs in the gateway; each event loop has its own.
 *
 * Garbage of a hundred kilobytes a response makes V8 collect so often that it costs more than the response. So a buffer that nobody reads any
 * more is kept for the next one. Buffers that nobody has needed for a second go.
 *
 * Invariant: the memory budget counts what is kept here, and near its limit nothing is kept. Not here: buffers that are in use.
 */
import type { Account, MemoryBudget } from './memory-budget.ts'

const TRIM_MS = 1000

export class SpareBuffers {
  readonly size: number
  readonly #memory: MemoryBudget
  readonly #most: number
  readonly #what: string
  readonly #spares: Buffer[] = []
  /** The fewest spares since the last trim: nobody needed them. */
  #unneeded = 0
  #account: Account | null = null
  #timer: NodeJS.Timeout | null = null

  /** `size`: bytes. `most`: spares of all threads together. `what`: the buffers, for the log. */
  constructor(memory: MemoryBudget, size: number, most: number, what: string) {
    this.#memory = memory
    this.size = size
    this.#most = Math.ceil(most / memory.threads)
    this.#what = what
  }

  take(): Buffer {
    const spare = this.#spares.pop()
    if (spare === undefined) return Buffer.allocUnsafeSlow(this.size)
    this.#unneeded = Math.min(this.#unneeded, this.#spares.length)
    this.#count()
    return spare
  }

  /** Nobody reads it any more: neither its owner nor the kernel. A buffer of another size is not kept. */
  giveBack(buffer: Buffer): void {
    if (buffer.length !== this.size || this.#spares.length >= this.#most || this.#memory.isNear) return
    this.#spares.push(buffer)
    this.#count()
    this.#timer ??= setTimeout(() => this.#trim(), TRIM_MS).unref()
  }

  #trim(): void {
    this.#spares.length -= this.#unneeded
    this.#unneeded = this.#spares.length
    this.#count()
    this.#timer = this.#spares.length === 0 ? null : setTimeout(() => this.#trim(), TRIM_MS).unref()
  }

  #count(): void {
    this.#account ??= this.#memory.open(`${this.#what} were freed`, () => this.#evict())
    this.#account.set(this.#spares.length * this.size)
    if (this.#spares.length > 0) return
    this.#account.close()
    this.#account = null
  }

  #evict(): void {
    this.#account = null
    this.#spares.length = this.#unneeded = 0
  }
}
