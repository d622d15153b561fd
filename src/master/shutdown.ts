/**
 * How everything ends: delay (`--shutdown-delay`), in which all goes on → gateway drained → workers stopped → preloaders and gateway ended → whatever is left killed. Runs in
 * the master, once; can be hurried while it runs.
 *
 * Invariants: every wait has an end, so the program always does; the gateway goes first, since requests end there;
 * nothing is started any more from the drain on (`fleet.freeze`), and nobody new can connect.
 */
import type { Fleet } from './fleet/fleet.ts'
import { IN_SERVICE } from './fleet/worker-phases.ts'
import type { Narrator } from './output/narrator.ts'
import type { Urgency } from './signals.ts'

const QUICK_MS = 500
/** Over the deadline that the gateway was given: its answer, on a busy machine. */
const ANSWER_MS = 1000
/** Handlers that the application registered for its exit, when the requests took all of the graceful timeout. */
const LEAST_STOP_MS = 3000
/** Ending what has nothing to do any more. */
const END_MS = 5000
/** From SIGKILL to the news of it. */
const KILL_MS = 3000

export interface ShutdownOptions {
  readonly fleet: Fleet
  readonly narrator: Narrator
  readonly gracefulMs: number
  readonly delayMs: number
  readonly urgency: Urgency
  /** The listening sockets are the gateway's alone from here on. */
  readonly stopListening: () => void
}

export class Shutdown {
  readonly #fleet: Fleet
  readonly #narrator: Narrator
  readonly #gracefulMs: number
  readonly #delayMs: number
  readonly #stopListening: () => void
  #urgency: Urgency
  /** Everything goes on, and is replaced as ever. */
  isDelaying = false
  #isDelayOver = false
  /** Wakes the wait that runs. */
  #check: () => void = () => {}

  constructor(options: ShutdownOptions) {
    this.#fleet = options.fleet
    this.#narrator = options.narrator
    this.#gracefulMs = options.gracefulMs
    this.#delayMs = options.delayMs
    this.#stopListening = options.stopListening
    this.#urgency = options.urgency
  }

  /** Ends the delay; more urgent than before if it is, and never less. */
  hurry(urgency: Urgency): void {
    this.#isDelayOver = true
    if (RANK[urgency] > RANK[this.#urgency]) this.#urgency = urgency
    this.#check()
  }

  /** Resolves when no process is left, or cannot be got rid of. */
  async run(): Promise<void> {
    const fleet = this.#fleet
    // In the same turn where there is none: nothing may be started in between.
    if (this.#mayDelay()) await this.#delay()
    fleet.freeze()
    fleet.onChange(() => this.#check())
    // No other gateway follows: who connects from here on should hear at once that nobody does, and not wait in the kernel's queue.
    this.#stopListening()
    const startedAt = performance.now()
    await this.#drainGateway(startedAt)
    await this.#stopWorkers(startedAt)
    for (const generation of fleet.generations.values()) generation.end()
    fleet.gateway?.release()
    await this.#until(() => this.#isEmpty(), { graceful: END_MS, quick: END_MS })
    if (this.#isEmpty()) return
    fleet.gateway?.kill()
    for (const worker of fleet.workers.values()) fleet.workers.kill(worker)
    for (const generation of fleet.generations.values()) generation.kill()
    await this.#until(() => this.#isEmpty(), { graceful: KILL_MS, quick: KILL_MS, now: KILL_MS })
  }

  async #delay(): Promise<void> {
    this.isDelaying = true
    this.#fleet.announceStop()
    this.#narrator.delaying(this.#delayMs)
    await this.#until(() => this.#isDelayOver, { graceful: this.#delayMs })
    this.isDelaying = false
  }

  /** Not when it is urgent, or nobody was ever told that it is ready. */
  #mayDelay(): boolean {
    return this.#delayMs > 0 && this.#urgency === 'graceful' && this.#fleet.serving !== null
  }

  #isEmpty(): boolean {
    const { gateway, generations, workers } = this.#fleet
    // Nobody reports the end of workers whose preloader went with them.
    const isReported = generations.values().some(generation => !generation.isGone)
    return gateway === null && !isReported && workers.values().every(worker => !worker.isConnected)
  }

  async #drainGateway(startedAt: number): Promise<void> {
    const { gateway } = this.#fleet
    if (gateway === null || this.#urgency === 'now') return
    const isDrained = () => gateway.isDrained || gateway.isGone
    if (this.#urgency === 'graceful') {
      gateway.send({ type: 'drain', deadlineMs: this.#gracefulMs })
      await this.#until(isDrained, { graceful: this.#gracefulMs + ANSWER_MS, quick: 0 }, startedAt)
    }
    if (isDrained() || this.#urgency !== 'quick') return
    gateway.send({ type: 'drain', deadlineMs: QUICK_MS })
    await this.#until(isDrained, { graceful: QUICK_MS + ANSWER_MS, quick: QUICK_MS + ANSWER_MS })
  }

  async #stopWorkers(startedAt: number): Promise<void> {
    const { workers } = this.#fleet
    if (this.#urgency === 'now') return
    for (const worker of workers.values()) {
      // Still importing, it does not read its connection; stuck, its thread ends only with it, and its requests are answered.
      const isDeaf = worker.phase === 'forking' || worker.phase === 'starting' || worker.fault === 'stuck'
      if (isDeaf) workers.kill(worker)
      else if (IN_SERVICE.has(worker.phase) || worker.phase === 'draining' || worker.phase === 'drained') worker.stop()
    }
    const left = startedAt + this.#gracefulMs - performance.now()
    await this.#until(() => workers.size === 0, { graceful: Math.max(left, LEAST_STOP_MS), quick: QUICK_MS })
    if (workers.size === 0) return
    if (this.#urgency === 'graceful') this.#narrator.killedAtEnd(workers.size)
    for (const worker of workers.values()) workers.kill(worker)
    await this.#until(() => workers.size === 0, { graceful: KILL_MS, quick: KILL_MS })
  }

  /** Waits for the condition, at most as long as the urgency allows, counted from `since`; `now` allows nothing unless said. */
  #until(condition: () => boolean, limits: Partial<Record<Urgency, number>>, since = performance.now()): Promise<void> {
    return new Promise(resolve => {
      let timer: NodeJS.Timeout | undefined
      const check = () => {
        clearTimeout(timer)
        const left = since + (limits[this.#urgency] ?? 0) - performance.now()
        if (condition() || left <= 0) {
          this.#check = () => {}
          resolve()
        } else {
          timer = setTimeout(check, left)
        }
      }
      this.#check = check
      check()
    })
  }
}

const RANK: Readonly<Record<Urgency, number>> = { graceful: 0, quick: 1, now: 2 }
