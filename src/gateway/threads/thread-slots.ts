/** The slots that the pools of this thread share with those of the others. Runs in each thread of the gateway. */
import type { SlotSourceFactory } from '../../apps/pool/slots.ts'
import { type SharedSlots, sharedSlots } from '../../apps/threads/shared-slots.ts'
import type { QueueOrder } from '../../config/types.ts'
import type { PoolCells } from './messages.ts'

export class ThreadSlots {
  readonly #thread: number
  readonly #threads: number
  readonly #wake: (thread: number) => void
  #pools: readonly PoolCells[]
  /** Of all pools that are open. */
  #slots: SharedSlots[] = []

  /** `wake`: makes another thread call `woken`. */
  constructor(thread: number, threads: number, pools: readonly PoolCells[], wake: (thread: number) => void) {
    this.#thread = thread
    this.#threads = threads
    this.#pools = pools
    this.#wake = wake
  }

  /** Pools that are made from now on find their memory here. */
  configure(pools: readonly PoolCells[]): void {
    this.#pools = pools
  }

  readonly sourceOf = (app: string, pool: string, order: QueueOrder): SlotSourceFactory => {
    const { cells } = this.#pools.find(one => one.app === app && one.pool === pool)!
    this.#slots = this.#slots.filter(({ isClosed }) => !isClosed)
    return sharedSlots({ cells, threads: this.#threads, thread: this.#thread, order, wake: this.#wake }, slots =>
      this.#slots.push(slots),
    )
  }

  /** Another thread has given this one a slot of some pool. */
  woken(): void {
    for (const slots of this.#slots) slots.woken()
  }
}
