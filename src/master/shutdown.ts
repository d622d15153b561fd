/**
 * The order in which everything stops. Runs in the master, once; a second signal makes it faster.
 *
 *     delay (`--shutdown-delay`) → the gateway drains → the workers stop → preloaders and gateway end → SIGKILL for the rest
 *
 * Invariants: every wait has an end, so the program always ends; the gateway goes first, because requests end there; from the drain on
 * nothing is started (`fleet.freeze`), and no client can connect.
 */
import type { Fleet } from './fleet/fleet.ts'
import { IN_SERVICE } from './fleet/worker-phases.ts'
import type { Narrator } from './output/narrator.ts'
import type { Urgency } from './signals.ts'

const QUICK_MS = 500
/** Beyond the deadline of the gateway: time for its answer on a busy machine. */
const ANSWER_MS = 1000
/** For the application's own exit handlers, when the requests took all of the graceful timeout. */
const LEAST_STOP_MS = 3000
/** For processes that have nothing to do any more. */
const END_MS = 5000
/** Between SIGKILL and the report of the exit. */
const KILL_MS = 3000

export interface ShutdownOptions {
  readonly fleet: Fleet
  readonly narrator: Narrator
  readonly gracefulMs: number
  readonly delayMs: number
  readonly urgency: Urgency
  /** Closes the master's copies of the listening sockets: the gateway alone has them then. */
  readonly stopListening: () => void
}

export class Shutdown {
  readonly #fleet: Fleet
  readonly #narrator: Narrator
  readonly #gracefulMs: number
  readonly #delayMs: number
  readonly #stopListening: () => void
  #urgency: Urgency
  /** In the delay: everything serves on, and what dies is replaced. */
  isDelaying = false
  #isDelayOver = false
  /** Looks at the present wait again. */
  #check: () => void = () => {}

  constructor(options: ShutdownOptions) {
    this.#fleet = options.fleet
    this.#narrator = options.narrator
    this.#gracefulMs = options.gracefulMs
    this.#delayMs = options.delayMs
    this.#stopListening = options.stopListening
    this.#urgency = options.urgency
  }

  /** Ends the delay. The urgency only ever grows. */
  hurry(urgency: Urgency): void {
    this.#isDelayOver = true
    if (RANK[urgency] > RANK[this.#urgency]) this.#urgency = urgency
    this.#check()
  }

  /** Resolves when no process is left, or the last one resists SIGKILL. */
  async run(): Promise<void> {
    const fleet = this.#fleet
    // Without a delay there is no `await` before `freeze`: nothing may start in between.
    if (this.#mayDelay()) await this.#delay()
    fleet.freeze()
    fleet.onChange(() => this.#check())
    // No other gateway follows. New clients should be refused at once, and not wait in the kernel's queue.
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

  /** There is no delay when the stop is urgent, or the program was never ready. */
  #mayDelay(): boolean {
    return this.#delayMs > 0 && this.#urgency === 'graceful' && this.#fleet.serving !== null
  }

  #isEmpty(): boolean {
    const { gateway, generations, workers } = this.#fleet
    // When a preloader has ended with its workers, nobody reports their exits.
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
      // While it imports it does not read its connection. A stuck thread ends only with the process, and its requests are answered.
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

  /** Waits for the condition, at most the urgency's limit, counted from `since`. No limit in `limits`: no wait. */
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
