/**
 * The encoders of an event loop, and whether there may be one more: their number, their memory, and how many wait for the thread pool are
 * bounded. Runs in the gateway, once in each event loop.
 *
 * Under pressure content is sent as it is: that is decided before anything waits, with the head of the response.
 * Not here: content that is compressed within a call (`codings.ts`), which needs no encoder.
 */
import type { Account, MemoryBudget } from '../base/memory-budget.ts'
import type { PoolShares } from '../base/pool-shares.ts'
import type { Coding } from '../http/accept-encoding.ts'
import { ENCODER_BYTES } from './codings.ts'
import { PieceEncoder } from './piece-encoder.ts'

/** Of responses at a time, event streams too: 65 to 300 MB, if the memory budget has as much. Fewer than may wait for the pool. */
const MAX_ENCODERS = 200
/** Pieces that wait for the pool. With so many a response would wait 10 ms for each of its pieces. */
const MAX_WAITING = 16

export interface ResponseEncoder {
  readonly encoder: PieceEncoder
  /** `input`: bytes that wait for the encoder. */
  hold(input: number): void
  /** Frees it; may be called again. */
  close(): void
}

export class Encoders {
  readonly memory: MemoryBudget
  readonly pool: PoolShares
  #count = 0

  constructor(memory: MemoryBudget, pool: PoolShares) {
    this.memory = memory
    this.pool = pool
  }

  /** Encoders of responses that are in use. */
  get count(): number {
    return this.#count
  }

  get hasRoom(): boolean {
    return this.#count < MAX_ENCODERS && !this.isPressed
  }

  /** Memory is short, or the pool has much to do. */
  get isPressed(): boolean {
    return this.memory.isNear || this.pool.waiting >= MAX_WAITING
  }

  /** Ask `hasRoom` first. `onEvict`: memory is short, and the response shall be cut. */
  open(coding: Coding, onEvict: () => void): ResponseEncoder {
    const encoder = new PieceEncoder(this.pool, coding, 'quick', true)
    const account: Account = this.memory.open('a compressed response was cut', onEvict)
    const cost = ENCODER_BYTES[coding]
    account.set(cost)
    this.#count++
    let isOpen = true
    return {
      encoder,
      hold: input => account.set(cost + input),
      close: () => {
        if (!isOpen) return
        isOpen = false
        this.#count--
        account.close()
        encoder.close()
      },
    }
  }
}
