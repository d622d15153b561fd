/**
 * Memory for reads of files: how much a response reads at a time, and buffers that are used again. Runs in the gateway; each event loop has
 * its own.
 *
 * Garbage of a hundred kilobytes a response makes V8 collect so often that it costs more than the file. So a buffer that a client has taken
 * is kept for the next file. Buffers that nobody has needed for a second go.
 *
 * Invariants: whoever takes a buffer gives it back, or says that it is lost, once. The memory budget counts what is kept here, and near its
 * limit nothing is kept.
 */
import type { Account, MemoryBudget } from '../base/memory-budget.ts'

/** How much of a file is read at a time. More would save system calls, and hold more memory for each slow client. */
const READ_BYTES = 512 * 1024
/** While more than this of files is in memory, further reads are small: thousands of clients may be slow at a time. */
const MAX_TAKEN_BYTES = 32 * 1024 * 1024
const SMALL_READ_BYTES = 32 * 1024

/** Of files that are too large for the cache, and not much larger. The rest is rare, or used again within its response. */
const SPARE_BYTES = 128 * 1024
/**
 * 12 MiB, shared out among the threads. Clients that ask in the same turn each need one: with 32 spares for 64 clients a file of 100 KB cost
 * half as much again.
 */
const MAX_SPARES = 96
const TRIM_MS = 1000

export class FileBuffers {
  readonly #memory: MemoryBudget
  readonly #most: number
  /** With responses. */
  #takenBytes = 0
  readonly #spares: Buffer[] = []
  /** The fewest spares since the last trim: nobody needed them. */
  #unneeded = 0
  #account: Account | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(memory: MemoryBudget) {
    this.#memory = memory
    this.#most = Math.ceil(MAX_SPARES / memory.threads)
  }

  /** The largest read that is allowed now. */
  get readBytes(): number {
    return this.#takenBytes < MAX_TAKEN_BYTES && !this.#memory.isNear ? READ_BYTES : SMALL_READ_BYTES
  }

  /** It may be larger than asked for. */
  take(bytes: number): Buffer {
    const buffer = this.#bufferOf(bytes)
    this.#takenBytes += buffer.length
    return buffer
  }

  #bufferOf(bytes: number): Buffer {
    if (bytes > SPARE_BYTES || bytes < SPARE_BYTES / 2) return Buffer.allocUnsafe(bytes)
    const spare = this.#spares.pop()
    if (spare === undefined) return Buffer.allocUnsafeSlow(SPARE_BYTES)
    this.#unneeded = Math.min(this.#unneeded, this.#spares.length)
    this.#count()
    return spare
  }

  /** Nobody reads it any more: neither the response nor the kernel. */
  giveBack(buffer: Buffer): void {
    this.#takenBytes -= buffer.length
    if (buffer.length !== SPARE_BYTES || this.#spares.length >= this.#most || this.#memory.isNear) return
    this.#spares.push(buffer)
    this.#count()
    this.#timer ??= setTimeout(() => this.#trim(), TRIM_MS).unref()
  }

  /** The client, or the kernel, may still have it. */
  lose(buffer: Buffer): void {
    this.#takenBytes -= buffer.length
  }

  #trim(): void {
    this.#spares.length -= this.#unneeded
    this.#unneeded = this.#spares.length
    this.#count()
    this.#timer = this.#spares.length === 0 ? null : setTimeout(() => this.#trim(), TRIM_MS).unref()
  }

  #count(): void {
    this.#account ??= this.#memory.open('buffers for files were freed', () => this.#evict())
    this.#account.set(this.#spares.length * SPARE_BYTES)
    if (this.#spares.length > 0) return
    this.#account.close()
    this.#account = null
  }

  #evict(): void {
    this.#account = null
    this.#spares.length = this.#unneeded = 0
  }
}
