/**
 * The memory of each group, which outlives a reload: a server that is out before is out after. Runs in the gateway, in the main thread where
 * there are several.
 */
import type { Upstream } from '../../sites/upstream-model.ts'
import { forgetRequests, makeGroupMemory } from './member-state.ts'

/** By the name of the group. */
export type MemoryOfGroups = ReadonlyMap<string, ArrayBufferLike>

/** What event loops have in common for upstreams. */
export interface GroupSource {
  /** Number of event loops. */
  readonly threads: number
  /** Of this one, from 0. */
  readonly thread: number
  /** Of these groups, and from now on of no others. */
  readonly memoriesOf: (upstreams: readonly Upstream[]) => MemoryOfGroups
}

/** Members that a group may have at once, with those of the configuration before: twice as many as a file may name. With four threads 47 KB. */
const PLACES = 512
/** Of a server that a location names itself: it has no members that come and go, but its name may have many addresses. */
const FEW_PLACES = 64

export class GroupMemories implements GroupSource {
  readonly threads: number
  readonly thread = 0
  #known: MemoryOfGroups = new Map()

  /** `threads`: that use them. */
  constructor(threads: number) {
    this.threads = threads
  }

  get known(): MemoryOfGroups {
    return this.#known
  }

  readonly memoriesOf = (upstreams: readonly Upstream[]): MemoryOfGroups => {
    const known = this.#known
    this.#known = new Map(
      upstreams.map(({ name, isSingle }) => {
        const places = isSingle ? FEW_PLACES : PLACES
        return [name, known.get(name) ?? makeGroupMemory(this.threads, places, this.threads > 1)]
      }),
    )
    return this.#known
  }

  /** Its requests no longer count. */
  threadDied(thread: number): void {
    for (const memory of this.#known.values()) forgetRequests(memory, this.threads, thread)
  }
}
