/**
 * The memory of each limit, which outlives a reload: who was limited before is limited after. Runs in the gateway, in the main thread where
 * there are several.
 */
import type { RequestLimit } from '../sites/model.ts'
import { forgetConnections } from './connections.ts'
import { makeTable } from './table.ts'

/** By `limitId`. */
export type MemoryOfLimits = ReadonlyMap<string, ArrayBufferLike>

/** What event loops have in common for limits. */
export interface LimitSource {
  /** Of this event loop, from 0. */
  readonly thread: number
  /** Of these, and from now on of no others. */
  readonly memoriesOf: (limits: readonly RequestLimit[]) => MemoryOfLimits
}

/** A limit that counts something else is another one. It stays the same if only the number changes. */
export function limitId({ name, key, of }: RequestLimit): string {
  return JSON.stringify([name, key, of.kind])
}

export class LimitMemories implements LimitSource {
  readonly thread = 0
  readonly #isShared: boolean
  #known: MemoryOfLimits = new Map()

  /** `isShared`: several threads use them. */
  constructor(isShared: boolean) {
    this.#isShared = isShared
  }

  get known(): MemoryOfLimits {
    return this.#known
  }

  readonly memoriesOf = (limits: readonly RequestLimit[]): MemoryOfLimits => {
    const known = this.#known
    this.#known = new Map(
      limits.map(limit => {
        const id = limitId(limit)
        return [id, known.get(id) ?? makeTable(this.#isShared)]
      }),
    )
    return this.#known
  }

  /** The requests of the thread no longer count. Rates stay as they are: an entry there belongs to no thread. */
  threadDied(thread: number): void {
    for (const [id, memory] of this.#known) if (id.endsWith('"connections"]')) forgetConnections(memory, thread)
  }
}
