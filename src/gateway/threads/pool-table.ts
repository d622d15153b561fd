/** The shared memory of all pools, by application and pool. Runs in the main thread of the gateway. */
import type { GatewayApp } from '../../config/types.ts'
import { SharedCells } from '../../shared/cells.ts'
import { poolMemory } from '../../shared/client-homes.ts'
import { forgetPoolWaits } from '../../shared/pool-waits.ts'
import type { PoolCells } from './messages.ts'

export class PoolTable {
  readonly #threads: number
  #list: readonly PoolCells[] = []

  constructor(threads: number, apps: readonly GatewayApp[]) {
    this.#threads = threads
    this.configure(apps)
  }

  get list(): readonly PoolCells[] {
    return this.#list
  }

  /** A pool that stays keeps its memory. One that comes again later has another. */
  configure(apps: readonly GatewayApp[]): void {
    this.#list = apps.flatMap(({ name: app, pools }) =>
      pools.map(
        ({ name: pool }) =>
          this.#list.find(known => known.app === app && known.pool === pool) ?? {
            app,
            pool,
            cells: poolMemory(this.#threads),
          },
      ),
    )
  }

  /** Nobody gives it a slot any more. */
  threadDied(thread: number): void {
    for (const { cells } of this.#list) forgetPoolWaits(new SharedCells(cells), thread)
  }
}
