/**
 * Which generation serves, and which one comes up to replace it: begins a generation, promotes it, or gives it up when it cannot serve.
 * Runs in the master.
 *
 * Invariants: at most one generation comes up; when a newer one takes its place, it is ended, and not reported as failed.
 * Not here: what one generation is (`generation.ts`), when to promote it and what to end (`supervise.ts`), workers (`workers.ts`).
 */

import { CrashLoop } from '../../base/crash-loop.ts'
import type { AppConfig, Config } from '../../config/types.ts'
import type { Development } from '../development/development.ts'
import type { OutOfMemoryKills } from '../host/out-of-memory-kills.ts'
import { hasTerminal } from '../host/terminal.ts'
import type { AppNarrator } from '../output/app-narrator.ts'
import { describeDuration } from '../output/describe.ts'
import type { Outputs } from '../output/output.ts'
import type { Programs } from '../paths.ts'
import { type DevelopmentMessage, Generation, type GenerationFailure, type Interface } from './generation.ts'
import { MAX_TIMER_MS } from './plan-loop.ts'
import type { PreparedPreloaders } from './prepared.ts'
import type { Workers } from './workers.ts'

export interface GenerationsOptions {
  readonly programs: Programs
  readonly runtimeDirectory: string
  readonly outputs: Outputs
  /** Preloaders that have evaluated the configuration's file; null: there is none. */
  readonly prepared: PreparedPreloaders | null
  readonly narrator: AppNarrator
  readonly outOfMemoryKills: OutOfMemoryKills
  readonly workers: Workers
  /** With `--reload`. */
  readonly development: Development | null
  /** The state has changed, so the plan must be made again. */
  readonly changed: () => void
  /** The generation's application is known, and none of its workers answers yet. */
  readonly learned: (generation: Generation) => void
  /** It serves from now on, and the generations before it do not. */
  readonly serves: (generation: number) => void
  /** The first generation that serves. */
  readonly onFirstServes: () => void
  readonly onReloaded: (settled: Settled) => void
  /** Nothing serves, and the last generation cannot. False: another one is tried, with back-off, because of other applications. */
  readonly onHopeless: (exitCode: number) => boolean
}

/** A generation serves now, or was given up. */
export interface Settled {
  readonly generation: number
  /** Why it was given up, in one line; null: it serves. */
  readonly failure: string | null
  /** The generation that serves now; null: none. */
  readonly serving: number | null
}

export class Generations {
  /** The generation that serves; null until the first does. */
  serving: number | null = null
  /** The generation that comes up; null: there is none. */
  next: number | null = null
  readonly #options: GenerationsOptions
  readonly #narrator: AppNarrator
  readonly #generations = new Map<number, Generation>()
  /** Of the preloaders of generations that served, or were to replace one that serves. */
  readonly #crashes = new CrashLoop()
  /** Of generations that were given up while nothing served. */
  readonly #failures = new CrashLoop(0)
  #last = 0
  /** Of the last generation that served. */
  #interface: Interface | null = null
  #hasServed = false
  /** While developing: preload stays off then. To look for hazards after each save would cost an import, and find the same. */
  #hadHazards = false
  /** Nothing serves, because the last generation was given up: another one is tried. */
  triesAgain = false
  /** Why the last generation was given up, in one line; empty: it was not. */
  problem = ''
  #startTimer: NodeJS.Timeout | undefined
  #isFrozen = false

  constructor(options: GenerationsOptions) {
    this.#options = options
    this.#narrator = options.narrator
  }

  get(number: number | null): Generation | undefined {
    return number === null ? undefined : this.#generations.get(number)
  }

  /** The newest that was begun; 0: none. */
  get last(): number {
    return this.#last
  }

  values(): MapIterator<Generation> {
    return this.#generations.values()
  }

  /** The earliest moment for a new generation after a crash or a failure, in milliseconds. */
  get notBefore(): number {
    return this.serving === null ? this.#failures.notBefore : this.#crashes.notBefore
  }

  /** Begins the next generation. If another one is still coming up, it has older code, and the plan ends it. */
  begin(config: Config, app: AppConfig, wanted: number): void {
    const { programs, runtimeDirectory, outputs, prepared, development, workers, changed, learned } = this.#options
    const number = ++this.#last
    this.next = number
    this.triesAgain = false
    development?.began(number)
    const generation = new Generation({
      number,
      config,
      app: this.#hadHazards && app.preload === 'auto' ? { ...app, preload: 'off' } : app,
      wanted,
      expected: this.#interface,
      program: programs.worker,
      runtimeDirectory,
      outputs,
      prepared: prepared?.take() ?? null,
      events: {
        forkable: one => {
          learned(one)
          changed()
        },
        failed: (one, failure) => this.#failed(one, failure),
        developmentMessage: (one, message) => this.developmentMessage(one.number, message),
        worker: (one, message) => workers.onPreloader(one, message),
        orphaned: (one, how) => this.#orphaned(one, how),
        ended: changed,
        hazards: one => {
          this.#hadHazards = development !== null
          this.#narrator.hazards(one)
        },
        output: (_, line, isError) => this.#narrator.output('preloader', line, isError, {}),
        stillLoading: (_, elapsed) => this.#narrator.stillLoading(elapsed),
      },
    })
    this.#generations.set(number, generation)
    this.#limitStart(generation, config, app)
    changed()
  }

  /** The next generation serves from now on. */
  promote(): void {
    const { development, serves, onFirstServes } = this.#options
    const generation = this.get(this.next)!
    const isFirst = !this.#hasServed
    generation.settle()
    this.#interface = generation.interface
    this.serving = this.next
    this.#hasServed = true
    serves(generation.number)
    // Before `onReloaded`, which may begin another generation.
    if (isFirst || development === null) this.#narrator.promoted(generation, isFirst)
    development?.serves(generation.number)
    if (isFirst) onFirstServes()
    this.problem = ''
    this.#settleReload({ generation: generation.number, failure: null, serving: generation.number })
  }

  /** While developing, from a preloader or a worker. */
  developmentMessage(generation: number, message: DevelopmentMessage): void {
    const { development } = this.#options
    if (message.type === 'imported') development?.imported(generation, message.files)
    else development?.reported(generation, message.report)
  }

  /** Forgets the generations that have no process left. */
  forget(hasWorkers: (generation: number) => boolean): void {
    for (const [number, { isGone, preloader }] of this.#generations) {
      const isUsed = number === this.serving || number === this.next || !isGone || preloader !== 'gone'
      if (!isUsed && !hasWorkers(number)) this.#generations.delete(number)
    }
  }

  /** No generation serves or takes over any more: the plan ends all of them. */
  retire(): void {
    clearTimeout(this.#startTimer)
    this.get(this.next)?.settle()
    this.next = null
    this.serving = null
  }

  /** From now on no generation fails or takes over. */
  freeze(): void {
    this.#isFrozen = true
    clearTimeout(this.#startTimer)
    for (const generation of this.values()) generation.settle()
    const serving = this.get(this.serving)
    if (serving?.hasHooks) serving.send({ type: 'stopping' })
  }

  #limitStart(generation: Generation, config: Config, { startTimeout, target }: AppConfig): void {
    clearTimeout(this.#startTimer)
    // With a terminal a module may stop at a breakpoint, and wait for the developer.
    if (startTimeout === 0 || hasTerminal(config)) return
    const message = `generation ${generation.number} did not serve within ${describeDuration(startTimeout)} (--start-timeout): ${target.display} hangs, or needs more time`
    this.#startTimer = setTimeout(
      () => generation.fail({ kind: 'run', message, traceback: '' }),
      Math.min(MAX_TIMER_MS, startTimeout),
    )
  }

  #settleReload(settled: Settled): void {
    clearTimeout(this.#startTimer)
    this.next = null
    this.#options.onReloaded(settled)
  }

  /** It is not the next generation any more: the plan ends its processes like those of an old one. */
  #giveUp({ number: generation }: Generation): void {
    this.#settleReload({ generation, failure: this.problem, serving: this.serving })
  }

  #failed(generation: Generation, failure: GenerationFailure): void {
    // A newer generation has overtaken it.
    if (generation.number !== this.next) return
    this.#narrator.generationFailed(generation, failure, this.serving)
    this.problem = failure.message.split('\n', 1)[0]!
    const crashes = this.serving === null ? this.#failures : this.#crashes
    crashes.died(generation.startedAt, null, performance.now())
    const { development, onHopeless, changed } = this.#options
    const isFirst = generation.number === 1
    const mayBeHopeless = development === null ? this.serving === null : isFirst && failure.kind === 'operator'
    const isHopeless = mayBeHopeless && onHopeless(failure.kind === 'load' ? 3 : 1)
    // The program ends.
    if (isHopeless) return
    if (development !== null) this.#awaitMending(generation, failure, development)
    else {
      this.triesAgain = this.serving === null
      if (this.triesAgain) this.#narrator.triesAgain(this.#failures)
      this.#giveUp(generation)
    }
    changed()
  }

  /** No generation serves meanwhile: an answer of older code would mislead the developer, who has just written newer code. */
  #awaitMending(generation: Generation, failure: GenerationFailure, development: Development): void {
    this.serving = null
    development.failed(generation.number, failure.message)
    this.#giveUp(generation)
  }

  #orphaned(generation: Generation, how: string): void {
    const { workers, outOfMemoryKills, changed } = this.#options
    workers.orphaned(generation.number)
    if (generation.number === this.next) {
      generation.fail({ kind: 'run', message: `the preloader ${how}`, traceback: '' })
    } else if (generation.number === this.serving && !this.#isFrozen) {
      this.#crashes.died(generation.startedAt, generation.forkableSince, performance.now())
      this.#narrator.preloaderGone(generation, outOfMemoryKills.explain(how))
    }
    changed()
  }
}
