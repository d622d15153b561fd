/**
 * Gives the memory of freed buffers back to the system. Otherwise it stays in the process: V8 does not look for garbage while little is
 * allocated, and the C library keeps free memory that lies below memory in use. Runs in the gateway; each of its threads has its own heap, so
 * the bounds below are shared out among them.
 *
 * `malloc_trim` is called by `node:ffi`, which is experimental. Where it is missing (Node 24, musl), the memory stays for the next
 * buffers, and only the start-up line `memory` tells of it.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { MemoryBudget } from '../base/memory-budget.ts'

/** Less memory is not worth the pause, which is some 30 ms for 128 MB. */
const LEAST = 32 * 1024 * 1024
/** The wave is over when this share of its peak is left. */
const OVER = 1 / 4
/** Evicted bytes that may wait as garbage. V8 alone would wait until the kernel kills the process. A collection costs some 10 ms. */
const MAX_GARBAGE = 16 * 1024 * 1024

export interface GiveBackActions {
  collect(): void
  giveBack(): void
}

export class GiveBack {
  readonly #memory: MemoryBudget
  readonly #actions: GiveBackActions
  readonly #least: number
  readonly #maxGarbage: number
  #peak = 0
  #evicted = 0

  constructor(
    memory: MemoryBudget,
    actions: GiveBackActions = { collect: () => collect(), giveBack: () => void giveBack() },
  ) {
    this.#memory = memory
    this.#actions = actions
    this.#least = LEAST / memory.threads
    this.#maxGarbage = MAX_GARBAGE / memory.threads
  }

  /** An account is about to free `bytes`. */
  evicted(bytes: number): void {
    this.#evicted += bytes
    if (this.#evicted < this.#maxGarbage) return
    this.#evicted = 0
    setImmediate(this.#actions.collect)
  }

  /** Called from time to time: no event says that a wave is over. */
  check(): void {
    const { used } = this.#memory
    if (this.#memory.isNear && process.memoryUsage().arrayBuffers - used > 2 * this.#maxGarbage) this.#actions.collect()
    if (used > this.#peak) this.#peak = used
    if (this.#peak < this.#least || used > this.#peak * OVER) return
    this.#peak = 0
    this.#actions.giveBack()
  }
}

interface Collection {
  readonly type: 'major'
  readonly flavor: 'regular' | 'last-resort'
}

let gc: ((collection: Collection) => void) | null = null

/** Of this thread's heap: a pause of some 10 ms. */
function collect(flavor: Collection['flavor'] = 'regular'): void {
  if (gc === null) {
    setFlagsFromString('--expose-gc')
    gc = runInNewContext('gc') as (collection: Collection) => void
  }
  gc({ type: 'major', flavor })
}

/** Gives the room in this thread's heap back, too, that V8 keeps for new objects: a pause of some 20 ms. */
export function shrinkHeap(): void {
  collect('last-resort')
}

/** False: garbage was collected, but the C library could not be told to give its memory back. */
export async function giveBack(): Promise<boolean> {
  collect()
  // Another thread frees the buffers.
  await new Promise(resolve => setTimeout(resolve, 100))
  return trim()
}

async function trim(): Promise<boolean> {
  try {
    const { dlopen } = (await import('node:ffi' as string)) as Ffi
    const { lib, functions } = dlopen(null, { malloc_trim: { arguments: ['u64'], return: 'i32' } })
    functions['malloc_trim']!(0n)
    lib.close()
    return true
  } catch {
    return false
  }
}

interface Ffi {
  dlopen(
    path: null,
    definitions: Record<string, { arguments: string[]; return: string }>,
  ): { lib: { close(): void }; functions: Record<string, (argument: bigint) => number> }
}
