/**
 * What the end of a worker means: whether it counts as a crash, what the log says about it, and whether the generation that comes up
 * is given up. Part of the fleet; runs in the master.
 *
 * Invariants: each worker counts once; a generation that serves is never given up, its workers are replaced with a back-off.
 * Not here: how long the back-off is (`base/crash-loop.ts`), who forks the replacement (`supervise.ts`).
 */
import type { LoadFailure } from '../../control/messages.ts'
import type { OutOfMemoryKills } from '../host/out-of-memory-kills.ts'
import type { AppNarrator } from '../output/app-narrator.ts'
import { describeLastWords } from '../output/describe.ts'
import type { Generation } from './generation.ts'
import type { Generations } from './generations.ts'
import type { WorkerHandle } from './worker-handle.ts'

/** With this many early deaths in a row in one of its pools before it ever served, a generation is given up. */
const HOPELESS = 3

export class WorkerEnds {
  readonly #generations: Generations
  readonly #narrator: AppNarrator
  readonly #outOfMemoryKills: OutOfMemoryKills
  #isFrozen = false

  constructor(generations: Generations, narrator: AppNarrator, outOfMemoryKills: OutOfMemoryKills) {
    this.#generations = generations
    this.#narrator = narrator
    this.#outOfMemoryKills = outOfMemoryKills
  }

  /** From now on every worker is meant to end. */
  freeze(): void {
    this.#isFrozen = true
  }

  /** Its import failed. */
  loadFailed(worker: WorkerHandle, failure: LoadFailure): void {
    const { message, traceback } = failure
    worker.lastLine = message
    // The workers of one generation fail together: the first says it all.
    if (worker.generation === this.#generations.next)
      this.#generations.get(worker.generation)?.fail({ kind: 'load', message, traceback })
    else if (worker.generation === this.#generations.serving) this.#narrator.workerLoadFailed(worker, failure)
  }

  /** Its process is gone. `isCrash`: nobody had told it to leave. */
  gone(worker: WorkerHandle, how: string, isCrash: boolean): void {
    const generation = this.#generations.get(worker.generation)
    if (this.#isFrozen || generation === undefined) return
    const why = isCrash ? this.#outOfMemoryKills.explain(how) : how
    const isHopeless = isCrash && this.#countCrash(worker, generation)
    this.#narrator.workerGone(worker, why, isCrash, isHopeless ? null : generation.crashesOf(worker.pool))
    if (isHopeless) giveUp(generation, `${why}${describeLastWords(worker.lastLine)}`)
  }

  /** It has broken the rules and is replaced. That counts as a crash, because the next one may do the same. */
  offended(worker: WorkerHandle, what: string): void {
    const generation = this.#generations.get(worker.generation)
    if (this.#isFrozen || generation === undefined) return
    const isHopeless = this.#countCrash(worker, generation)
    this.#narrator.workerOffended(worker, what, isHopeless ? null : generation.crashesOf(worker.pool))
    if (isHopeless) giveUp(generation, `was not believed: ${what}`)
  }

  /** True: the generation that comes up is given up. */
  #countCrash(worker: WorkerHandle, generation: Generation): boolean {
    const crashes = generation.crashesOf(worker.pool)
    if (!worker.isCounted) crashes.died(worker.startedAt, worker.linkedSince, performance.now())
    worker.isCounted = true
    return generation.number === this.#generations.next && crashes.row >= HOPELESS
  }
}

function giveUp(generation: Generation, last: string): void {
  const message = `workers die before they serve, ${HOPELESS} times in a row; the last one ${last}`
  generation.fail({ kind: 'run', message, traceback: '' })
}
