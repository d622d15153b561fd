/**
 * Reads the memory of the linked workers, and says which ones have too much (`--max-memory`). Runs in the master.
 *
 * It looks every few seconds, at one worker after the other, and never blocks the event loop: for PSS the kernel walks a process's
 * pages, which takes it a millisecond for each few hundred megabytes.
 */
import type { Recycle } from '../../config/types.ts'
import { type Memory, readMemory } from '../host/memory.ts'
import { describeExcess } from './recycling.ts'

const SAMPLE_MS = 5000

/** What the sampler needs of a worker's handle. */
export interface SampledWorker {
  readonly pid: number | null
  readonly phase: string
  readonly linkedSince: number | null
  /** When it is due for recycling; Infinity: not yet. */
  readonly recycleAt: number
  /** It is due now, or was before. */
  recycle(reason: string): void
}

export class MemorySampler {
  #rules: Recycle
  readonly #workers: () => Iterable<SampledWorker>
  readonly #changed: () => void
  readonly #read: (pid: number) => Promise<Memory | null>
  #timer: NodeJS.Timeout | undefined

  constructor(
    rules: Recycle,
    workers: () => Iterable<SampledWorker>,
    changed: () => void,
    read: (pid: number) => Promise<Memory | null> = readMemory,
  ) {
    this.#rules = rules
    this.#workers = workers
    this.#changed = changed
    this.#read = read
    if (rules.maxMemory > 0) this.#sampleLater()
  }

  /** Other rules, from now on and for all workers. */
  configure(rules: Recycle): void {
    this.#rules = rules
    this.stop()
    if (rules.maxMemory > 0) this.#sampleLater()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Never throws: a worker that has gone, or cannot be looked at, tells nothing. */
  async sample(): Promise<void> {
    for (const worker of [...this.#workers()]) await this.#sampleOne(worker)
    if (this.#timer !== undefined) this.#sampleLater()
  }

  #sampleLater(): void {
    // `configure` may come while a sample is being taken.
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.sample(), SAMPLE_MS)
    this.#timer.unref()
  }

  async #sampleOne(worker: SampledWorker): Promise<void> {
    const { pid, phase, recycleAt } = worker
    if (pid === null || phase !== 'linked' || recycleAt <= performance.now()) return
    const memory = await this.#read(pid)
    if (memory === null) return
    const reason = describeExcess(this.#rules, memory, performance.now() - (worker.linkedSince ?? 0))
    if (reason === null) return
    worker.recycle(reason)
    this.#changed()
  }
}
