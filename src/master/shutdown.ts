/**
 * The order in which everything stops. Runs in the master, once; a second signal makes it faster.
 *
 *     delay (`--shutdown-delay`) → the gateway drains → the workers stop → preloaders and gateway end → SIGKILL for the rest
 *
 * Invariants: every wait has an end, so the program always ends; the gateway goes first, because requests end there; from the drain on
 * nothing is started (`fleets.freeze`), and no client can connect. The gateway has the largest graceful timeout of all applications. An
 * application with a smaller one leaves at its own: what hangs there holds up no other.
 */
import type { Fleet } from './fleet/fleet.ts'
import type { Fleets } from './fleet/fleets.ts'
import type { Generation } from './fleet/generation.ts'
import { IN_SERVICE } from './fleet/worker-phases.ts'
import type { Listener } from './host/listener.ts'
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
  readonly fleets: Fleets
  readonly narrator: Narrator
  readonly delayMs: number
  readonly urgency: Urgency
  /** On which a new Jumak listens. */
  readonly handedOn: readonly Listener[]
  /** Closes the master's copies of the listening sockets: the gateway alone has them then. */
  readonly stopListening: () => void
}

export class Shutdown {
  readonly #fleets: Fleets
  readonly #narrator: Narrator
  readonly #delayMs: number
  readonly #stopListening: () => void
  readonly #handedOn: readonly Listener[]
  #urgency: Urgency
  /** In the delay: everything serves on, and what dies is replaced. */
  isDelaying = false
  #isDelayOver = false
  /** Fleets without workers, as the gateway knows. */
  readonly #deserted = new Set<Fleet>()
  /** Looks at the present wait again. */
  #check: () => void = () => {}

  constructor(options: ShutdownOptions) {
    this.#fleets = options.fleets
    this.#narrator = options.narrator
    this.#delayMs = options.delayMs
    this.#stopListening = options.stopListening
    this.#handedOn = options.handedOn
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
    const fleets = this.#fleets
    // Without a delay there is no `await` before `freeze`: nothing may start in between.
    if (this.#mayDelay()) await this.#delay()
    fleets.freeze()
    fleets.onChange(() => {
      this.#tellDeserted()
      this.#check()
    })
    // No other gateway follows. New clients should be refused at once, and not wait in the kernel's queue.
    this.#stopListening()
    const startedAt = performance.now()
    await this.#drainGateway(startedAt)
    await this.#stopWorkers(startedAt)
    for (const generation of this.#generations) generation.end()
    fleets.gateway?.release()
    await this.#until(() => this.#isEmpty(), { graceful: END_MS, quick: END_MS })
    if (this.#isEmpty()) return
    fleets.gateway?.kill()
    for (const fleet of fleets.values()) killWorkers(fleet)
    for (const generation of this.#generations) generation.kill()
    await this.#until(() => this.#isEmpty(), { graceful: KILL_MS, quick: KILL_MS, now: KILL_MS })
  }

  async #delay(): Promise<void> {
    this.isDelaying = true
    this.#fleets.announceStop()
    this.#narrator.delaying(this.#delayMs)
    await this.#until(() => this.#isDelayOver, { graceful: this.#delayMs })
    this.isDelaying = false
  }

  /** There is no delay when the stop is urgent, or the program was never ready. */
  #mayDelay(): boolean {
    return this.#delayMs > 0 && this.#urgency === 'graceful' && this.#fleets.serves
  }

  get #generations(): Generation[] {
    return this.#fleets.values().flatMap(fleet => [...fleet.generations.values()])
  }

  #isEmpty(): boolean {
    // When a preloader has ended with its workers, nobody reports their exits.
    const isReported = this.#generations.some(generation => !generation.isGone)
    const isConnected = this.#fleets.values().some(({ workers }) => workers.values().some(one => one.isConnected))
    return this.#fleets.gateway === null && !isReported && !isConnected
  }

  async #drainGateway(startedAt: number): Promise<void> {
    const { gateway } = this.#fleets
    if (gateway === null || this.#urgency === 'now') return
    const isDrained = () => gateway.isDrained || gateway.isGone
    if (this.#urgency === 'graceful') {
      const fleets = this.#fleets.values()
      // Without an application files are sent.
      const largest = fleets.length === 0 ? this.#fleets.graceful : Math.max(...fleets.map(gracefulOf))
      gateway.drain(largest, this.#handedOn)
      this.#tellDeserted()
      for (const { at, act } of this.#earlyEnds(largest)) {
        await this.#until(isDrained, { graceful: at }, startedAt)
        if (isDrained() || this.#urgency !== 'graceful') break
        act()
      }
      await this.#until(isDrained, { graceful: largest + ANSWER_MS, quick: 0 }, startedAt)
    }
    if (isDrained() || this.#urgency !== 'quick') return
    gateway.drain(QUICK_MS, this.#handedOn)
    await this.#until(isDrained, { graceful: QUICK_MS + ANSWER_MS, quick: QUICK_MS + ANSWER_MS })
  }

  /** While the gateway drains: who waits for an application without workers waits in vain. */
  #tellDeserted(): void {
    const { gateway } = this.#fleets
    if (gateway === null || gateway.isDrained || gateway.isGone) return
    for (const fleet of this.#fleets.values()) {
      if (fleet.workers.size > 0 || this.#deserted.has(fleet)) continue
      this.#deserted.add(fleet)
      gateway.send({ type: 'no-worker', app: fleet.name })
    }
  }

  /** While the gateway drains: what happens to applications whose graceful timeout is over before, in milliseconds since the start. */
  #earlyEnds(largest: number): { readonly at: number; readonly act: () => void }[] {
    return this.#fleets
      .values()
      .filter(fleet => gracefulOf(fleet) < largest)
      .flatMap(fleet => [
        { at: gracefulOf(fleet), act: () => stopWorkers(fleet) },
        { at: gracefulOf(fleet) + LEAST_STOP_MS, act: () => this.#killLate(fleet) },
      ])
      .sort((a, b) => a.at - b.at)
  }

  async #stopWorkers(startedAt: number): Promise<void> {
    if (this.#urgency === 'now') return
    const fleets = this.#fleets.values().sort((a, b) => gracefulOf(a) - gracefulOf(b))
    for (const fleet of fleets) stopWorkers(fleet)
    const since = performance.now()
    for (const fleet of fleets) {
      const graceful = Math.max(startedAt + gracefulOf(fleet) - since, LEAST_STOP_MS)
      await this.#until(() => fleet.workers.size === 0, { graceful, quick: QUICK_MS }, since)
      this.#killLate(fleet)
    }
    const isOver = () => fleets.every(({ workers }) => workers.size === 0)
    await this.#until(isOver, { graceful: KILL_MS, quick: KILL_MS })
  }

  #killLate(fleet: Fleet): void {
    if (fleet.workers.size === 0) return
    if (this.#urgency === 'graceful') fleet.narrator.killedAtEnd(fleet.workers.size)
    killWorkers(fleet)
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

function gracefulOf(fleet: Fleet): number {
  return fleet.app.timeouts.graceful
}

/** Asks those to leave that were not asked before. */
function stopWorkers({ workers }: Fleet): void {
  for (const worker of workers.values()) {
    // While it imports it does not read its connection. A stuck thread ends only with the process, and its requests are answered.
    const isDeaf = worker.phase === 'forking' || worker.phase === 'starting' || worker.fault === 'stuck'
    if (isDeaf) workers.kill(worker)
    else if (IN_SERVICE.has(worker.phase) || worker.phase === 'draining' || worker.phase === 'drained') worker.stop()
  }
}

function killWorkers({ workers }: Fleet): void {
  for (const worker of workers.values()) workers.kill(worker)
}

const RANK: Readonly<Record<Urgency, number>> = { graceful: 0, quick: 1, now: 2 }
