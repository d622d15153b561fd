/**
 * Memory for reads of files: how much a response reads at a time, and buffers that are used again. Runs in the gateway; each event loop has
 * its own. Invariant: whoever takes a buffer gives it back, or says that it is lost, once.
 */
import type { MemoryBudget } from '../base/memory-budget.ts'
import { SpareBuffers } from '../base/spare-buffers.ts'

/** How much of a file is read at a time. More would save system calls, and hold more memory for each slow client. */
const READ_BYTES = 512 * 1024
/** While more than this of files is in memory, further reads are small: thousands of clients may be slow at a time. */
const MAX_TAKEN_BYTES = 32 * 1024 * 1024
const SMALL_READ_BYTES = 32 * 1024

/** Of files that are too large for the cache, and not much larger. The rest is rare, or used again within its response. */
const SPARE_BYTES = 128 * 1024
/** 12 MiB. Clients that ask in the same turn each need one: with 32 spares for 64 clients a file of 100 KB cost half as much again. */
const MAX_SPARES = 96

export class FileBuffers {
  readonly #memory: MemoryBudget
  /** With responses. */
  #takenBytes = 0
  readonly #spares: SpareBuffers

  constructor(memory: MemoryBudget) {
    this.#memory = memory
    this.#spares = new SpareBuffers(memory, SPARE_BYTES, MAX_SPARES, 'buffers for files')
  }

  /** The largest read that is allowed now. */
  get readBytes(): number {
    return this.#takenBytes < MAX_TAKEN_BYTES && !this.#memory.isNear ? READ_BYTES : SMALL_READ_BYTES
  }

  /** It may be larger than asked for. */
  take(bytes: number): Buffer {
    const isSpare = bytes <= SPARE_BYTES && bytes >= SPARE_BYTES / 2
    const buffer = isSpare ? this.#spares.take() : Buffer.allocUnsafe(bytes)
    this.#takenBytes += buffer.length
    return buffer
  }

  /** Nobody reads it any more: neither the response nor the kernel. */
  giveBack(buffer: Buffer): void {
    this.#takenBytes -= buffer.length
    this.#spares.giveBack(buffer)
  }

  /** The client, or the kernel, may still have it. */
  lose(buffer: Buffer): void {
    this.#takenBytes -= buffer.length
  }
}
