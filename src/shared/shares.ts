/**
 * What the other threads use of memory, disk and files, in their words of shared memory. Runs in each thread of the gateway.
 *
 * A word has 31 bits, so it counts units: 1 KiB of memory or disk if the limit is at most 1 TiB, one file. A thread's use is rounded up.
 */
import type { OtherThreads, OtherUses } from '../base/other-threads.ts'
import { DISK, FILES, MEMORY, type SharedUse, type ThreadCells } from './thread-cells.ts'

const KIB = 1024
/** Twice as much still fits into a word. */
const MAX_UNITS = 2 ** 30
const LARGEST = 2 ** 31 - 1

export interface SharesOptions {
  readonly cells: ThreadCells
  /** This one. */
  readonly thread: number
  readonly what: SharedUse
  /** The same in all threads. */
  readonly unit: number
  /** Makes another thread look at its budget. */
  readonly wake: (thread: number) => void
}

export class Shares implements OtherThreads {
  readonly threads: number
  readonly #options: SharesOptions
  #told = 0

  constructor(options: SharesOptions) {
    this.threads = options.cells.threads
    this.#options = options
  }

  used(): number {
    const { cells, thread, what, unit } = this.#options
    let units = 0
    for (let other = 0; other < this.threads; other++) if (other !== thread) units += cells.used(other, what)
    return units * unit
  }

  tell(used: number): void {
    const { cells, thread, what, unit } = this.#options
    const units = Math.min(LARGEST, Math.ceil(used / unit))
    if (units === this.#told) return
    this.#told = units
    cells.setUsed(thread, what, units)
  }

  ask(share: number): void {
    const { cells, thread, what, unit, wake } = this.#options
    for (let other = 0; other < this.threads; other++)
      if (other !== thread && cells.used(other, what) * unit > share) wake(other)
  }
}

/** The limits, in bytes, are the same in all threads. `wakeForMemory`: makes another thread look at its memory budget. */
export function sharesOf(
  cells: ThreadCells,
  thread: number,
  limits: { readonly memory: number; readonly temporaryBytes: number },
  wakeForMemory: (thread: number) => void,
): OtherUses {
  // Who has no room on the disk, or for a file, does without.
  const wake = () => {}
  return {
    memory: new Shares({ cells, thread, what: MEMORY, unit: unitOf(limits.memory), wake: wakeForMemory }),
    disk: new Shares({ cells, thread, what: DISK, unit: unitOf(limits.temporaryBytes), wake }),
    files: new Shares({ cells, thread, what: FILES, unit: 1, wake }),
  }
}

/** The unit of bytes with this limit. */
export function unitOf(limit: number): number {
  let unit = KIB
  while (limit / unit > MAX_UNITS) unit *= 2
  return unit
}
