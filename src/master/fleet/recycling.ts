/**
 * When a worker has done enough: `--max-requests`, `--max-age`, `--max-memory`. Says which worker is due and why;
 * `supervise.ts` decides when it goes. Runs in the master.
 *
 * Memory is looked at every few seconds, one worker after the other and never in the event loop's way: the kernel walks
 * a process's pages for PSS, which takes it a millisecond for each few hundred megabytes.
 */
import type { Recycle } from '../../config/types.ts'
import { type Memory, readMemory } from '../host/memory.ts'
import { describeBytes, describeCount, describeDuration } from '../output/describe.ts'

const SAMPLE_MS = 5000
/** Recycled for its memory this soon after it began to serve: the application may simply need that much. */
const SOON_MS = 60_000

/** What is asked of a worker's handle. */
export interface Recyclable {
  readonly pid: number | null
  readonly phase: string
  readonly servingSince: number | null
  /** When it is due; Infinity: not yet. */
  readonly recycleAt: number
  /** It is due now, or was before. */
  recycle(reason: string): void
}

export class Recycling {
  readonly #rules: Recycle
  readonly #workers: () => Iterable<Recyclable>
  readonly #changed: () => void
  readonly #read: (pid: number) => Promise<Memory | null>
  readonly #random: () => number
  #timer: NodeJS.Timeout | undefined

  constructor(
    rules: Recycle,
    workers: () => Iterable<Recyclable>,
    changed: () => void,
    read: (pid: number) => Promise<Memory | null> = readMemory,
    random: () => number = Math.random,
  ) {
    this.#rules = rules
    this.#workers = workers
    this.#changed = changed
    this.#read = read
    this.#random = random
    if (rules.maxMemory > 0) this.#sampleLater()
  }

  /** Another number for each worker, so that they do not go at the same time; 0: no limit. */
  drawRequests(): number {
    const { maxRequests, maxRequestsJitter } = this.#rules
    return maxRequests === 0 ? 0 : maxRequests + Math.floor(this.#random() * (maxRequestsJitter + 1))
  }

  /** Likewise; up to a tenth less, since a maximum is one. Infinity: no limit. */
  drawAge(): number {
    const { maxAge } = this.#rules
    return maxAge === 0 ? Number.POSITIVE_INFINITY : maxAge * (1 - this.#random() / 10)
  }

  describeRequests(requests: number): string {
    return `${describeCount(requests)} ${requests === 1 ? 'request' : 'requests'} (--max-requests ${this.#rules.maxRequests})`
  }

  describeAge(age: number): string {
    return `${describeDuration(age)} old (--max-age ${describeDuration(this.#rules.maxAge)})`
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #sampleLater(): void {
    this.#timer = setTimeout(() => void this.sample(), SAMPLE_MS)
    this.#timer.unref()
  }

  /** Never throws: a worker that has gone, or cannot be looked at, tells nothing. */
  async sample(): Promise<void> {
    for (const worker of [...this.#workers()]) await this.#sampleOne(worker)
    if (this.#timer !== undefined) this.#sampleLater()
  }

  async #sampleOne(worker: Recyclable): Promise<void> {
    const { pid, phase, recycleAt } = worker
    if (pid === null || phase !== 'serving' || recycleAt <= performance.now()) return
    const memory = await this.#read(pid)
    const { maxMemory } = this.#rules
    if (memory === null || memory.bytes <= maxMemory) return
    const served = performance.now() - (worker.servingSince ?? 0)
    const soon = served < SOON_MS ? `; it serves for ${describeDuration(served)} only: the limit may be too low` : ''
    worker.recycle(
      `${describeBytes(memory.bytes)} of memory, ${memory.kind} (--max-memory ${describeBytes(maxMemory)})${soon}`,
    )
    this.#changed()
  }
}
