/**
 * All processes that serve: gateway, generations, workers. Turns what happens to them into the state that
 * `supervise.ts` plans from, and carries its actions out. Runs in the master.
 *
 * Invariants: every event ends in `#wake`, so no state waits for somebody to notice it; planning happens in a turn of
 * its own, never inside an event; after `freeze` nothing is started or replaced any more.
 * Not here: how the program ends (`shutdown.ts`), what is said about it (`narrator.ts`), single workers (`crew.ts`).
 */
import type { Config } from '../config/types.ts'
import type { WorkerChannel } from '../control/channel.ts'
import type { GatewayToMaster, MasterToGateway } from '../control/messages.ts'
import { CrashLoop } from './crash-loop.ts'
import { Crew } from './crew.ts'
import { describeDuration } from './describe.ts'
import type { Development } from './development.ts'
import { GatewayHandle } from './gateway-handle.ts'
import { Generation, type GenerationFailure, type Told } from './generation.ts'
import type { Listener } from './listeners.ts'
import { describeLastWords, type Narrator } from './narrator.ts'
import { OutOfMemory } from './out-of-memory.ts'
import type { Outputs } from './output.ts'
import type { Programs } from './paths.ts'
import { foundMounts } from './static-mounts.ts'
import { type Action, plan, type World } from './supervise.ts'
import type { WorkerHandle } from './worker-handle.ts'

export interface FleetOptions {
  readonly config: Config
  readonly programs: Programs
  readonly listeners: readonly Listener[]
  readonly runtimeDirectory: string
  readonly outputs: Outputs
  readonly narrator: Narrator
  /** Before each fork of a worker; false: none can be forked. */
  readonly beforeFork: () => boolean
  /** The first generation cannot serve, or the gateway cannot listen: the program ends with this code. */
  readonly onFatal: (exitCode: number) => void
  /** A generation serves, or was given up. */
  readonly onReloaded: () => void
  /** The gateway has answered `ping`. */
  readonly onPong: () => void
  /** With `--reload`. */
  readonly development: Development | null
}

/** With this many early deaths in a row before it ever served, a generation is given up. */
const HOPELESS = 3
/** A timer that is set to more than 24 days fires at once. */
const MAX_TIMER_MS = 86_400_000
/** For what runs in code that is old already. */
const DEVELOPMENT_GRACEFUL_MS = 1000

export class Fleet {
  wanted: number
  gateway: GatewayHandle | null = null
  readonly crew: Crew
  readonly generations: Map<number, Generation> = new Map()
  readonly #options: FleetOptions
  #config: Config
  readonly #narrator: Narrator
  #current: number | null = null
  #next: number | null = null
  #lastGeneration = 0
  #hasServed = false
  /** While developing: to look for them at each save again would cost an import, and say the same again. */
  #hadHazards = false
  readonly #outOfMemory = new OutOfMemory()
  readonly #gatewayCrashes = new CrashLoop()
  readonly #generationCrashes = new CrashLoop()
  #startTimer: NodeJS.Timeout | undefined
  #wakeTimer: NodeJS.Timeout | undefined
  #isPlanDue = false
  #isFrozen = false
  /** The program stops after a while, and all goes on until then; also for a gateway that is started meanwhile. */
  #isStopping = false
  #onChange: () => void = () => {}

  constructor(options: FleetOptions) {
    this.#options = options
    this.#config = options.config
    this.#narrator = options.narrator
    this.wanted = options.config.workers
    this.crew = new Crew({
      recycle: options.config.recycle,
      runtimeDirectory: options.runtimeDirectory,
      outputs: options.outputs,
      narrator: options.narrator,
      identity: options.config.identity,
      beforeFork: options.beforeFork,
      findGeneration: number => this.generations.get(number),
      sendToGateway: message => this.sendToGateway(message),
      changed: () => this.#wake(),
      learned: generation => this.#learned(generation),
      told: (worker, message) => this.#told(worker.generation, message),
      loadFailed: (worker, message, traceback) => this.#workerLoadFailed(worker, message, traceback),
      gone: (worker, how, isCrash) => this.#workerGone(worker, how, isCrash),
    })
  }

  /** The generation that serves; null until the first does. */
  get serving(): number | null {
    return this.#current
  }

  /** An interpreter that is in use; null while none was found. */
  get python(): string | null {
    for (const { python } of this.generations.values()) if (python !== null) return python.path
    return null
  }

  /** A generation is coming up. */
  get isReloading(): boolean {
    return this.#next !== null
  }

  /**
   * New processes with the code of now; they take over when all of them serve. The first call starts everything. A generation
   * that is still coming up is planned away: its code is older.
   */
  beginGeneration(): void {
    const { programs, runtimeDirectory, outputs } = this.#options
    const number = ++this.#lastGeneration
    this.#next = number
    this.#options.development?.began(number)
    const generation = new Generation({
      number,
      config: this.#hadHazards && this.#config.preload === 'auto' ? { ...this.#config, preload: 'off' } : this.#config,
      wanted: this.wanted,
      program: programs.worker,
      runtimeDirectory,
      outputs,
      events: {
        forkable: one => {
          this.#learned(one)
          this.#wake()
        },
        failed: (one, failure) => this.#generationFailed(one, failure),
        told: (one, message) => this.#told(one.number, message),
        worker: (one, message) => this.crew.onPreloader(one, message),
        orphaned: (one, how) => this.#orphaned(one, how),
        ended: () => this.#wake(),
        hazards: (one, hazards) => {
          this.#hadHazards = this.#options.development !== null
          this.#narrator.hazards(one, hazards)
        },
        output: (_, line) => this.#narrator.output('preloader', line, {}),
        stillLoading: (_, elapsed) => this.#narrator.stillLoading(elapsed),
      },
    })
    this.generations.set(number, generation)
    this.#limitStart(generation)
    this.#wake()
  }

  /** For the next generation, and `wanted` at once. Number of workers as TTIN and TTOU left it, unless the setting changed. */
  configure(config: Config, hasNewWorkers: boolean): void {
    this.#config = config
    if (hasNewWorkers) this.wanted = config.workers
    this.#wake()
  }

  /** One worker more or less; at least one stays. */
  changeWanted(by: number): void {
    this.wanted = Math.max(1, this.wanted + by)
    this.#wake()
  }

  /** The gateway says that it is not ready any more, and serves on. */
  announceStop(): void {
    this.#isStopping = true
    this.sendToGateway({ type: 'stopping' })
  }

  /** Stops planning: what happens from here on is only recorded. */
  freeze(): void {
    this.#isFrozen = true
    clearTimeout(this.#startTimer)
    clearTimeout(this.#wakeTimer)
    this.crew.freeze()
    this.#outOfMemory.stop()
    for (const generation of this.generations.values()) generation.settle()
  }

  /** Calls back after every change, which is all that the shutdown has to wait for. */
  onChange(callback: () => void): void {
    this.#onChange = callback
  }

  sendToGateway(message: MasterToGateway): void {
    this.gateway?.send(message)
  }

  /** From the control socket. */
  onHello(channel: WorkerChannel, id: number, pid: number): boolean {
    return this.crew.onHello(channel, id, pid)
  }

  // ---- planning ----

  #wake(): void {
    this.#onChange()
    if (this.#isFrozen || this.#isPlanDue) return
    this.#isPlanDue = true
    setImmediate(() => this.#plan())
  }

  #plan(): void {
    this.#isPlanDue = false
    if (this.#isFrozen) return
    clearTimeout(this.#wakeTimer)
    this.#forgetGenerations()
    const { actions, wakeAt } = plan(this.#describe())
    for (const action of actions) this.#perform(action)
    if (actions.length > 0) this.#wake()
    else if (wakeAt < Number.POSITIVE_INFINITY)
      this.#wakeTimer = setTimeout(() => this.#plan(), Math.min(MAX_TIMER_MS, Math.max(1, wakeAt - performance.now())))
  }

  #describe(): World {
    return {
      now: performance.now(),
      wanted: this.wanted,
      gracefulMs: this.#gracefulMs,
      gateway: this.gateway === null ? 'gone' : this.gateway.listeningSince === null ? 'starting' : 'listening',
      gatewaySince: this.gateway?.startedAt ?? 0,
      gatewayNotBefore: this.#gatewayCrashes.notBefore,
      current: this.#current,
      next: this.#next,
      nextNotBefore: this.#generationCrashes.notBefore,
      generations: [...this.generations.values()],
      workers: [...this.crew.workers.values()],
    }
  }

  /** Who develops does not wait for a stream of the old code to end. */
  get #gracefulMs(): number {
    const { graceful } = this.#config.timeouts
    return this.#options.development === null ? graceful : Math.min(graceful, DEVELOPMENT_GRACEFUL_MS)
  }

  #forgetGenerations(): void {
    for (const [number, { isGone, preloader }] of this.generations) {
      const isUsed = number === this.#current || number === this.#next || !isGone || preloader !== 'gone'
      if (!isUsed && this.crew.workers.values().every(worker => worker.generation !== number))
        this.generations.delete(number)
    }
  }

  #perform(action: Action): void {
    switch (action.type) {
      case 'spawn-gateway':
        this.#spawnGateway()
        break
      case 'kill-gateway':
        if (this.gateway?.kill()) this.#narrator.gatewayMute()
        break
      case 'new-generation':
        this.beginGeneration()
        break
      case 'promote':
        this.#promote()
        break
      case 'fork':
        this.crew.fork(action.generation)
        break
      case 'end-preloader':
        this.generations.get(action.generation)?.end()
        break
      default:
        this.crew.command(action.type, action.worker)
    }
  }

  // ---- generations ----

  /** Its application is known, and none of its workers answers yet. */
  #learned(generation: Generation): void {
    this.#narrator.learned(generation, this.wanted)
    this.#tellStatic()
  }

  /** The directories of static files that the generations' settings name; again when nothing has changed, which costs little. */
  #tellStatic(): void {
    const generations = [this.#next, this.#current].map(number => this.generations.get(number ?? -1))
    const applications = generations.map(generation => generation?.application ?? null)
    this.sendToGateway({ type: 'static', mounts: foundMounts(applications, this.#config) })
  }

  #promote(): void {
    const generation = this.generations.get(this.#next!)!
    const isFirst = !this.#hasServed
    generation.settle()
    this.#current = this.#next
    this.#hasServed = true
    this.sendToGateway({ type: 'serve', generation: generation.number })
    // Before `onReloaded`, which may begin the next one.
    if (isFirst || this.#options.development === null) this.#narrator.promoted(generation, isFirst)
    this.#options.development?.serves(generation.number)
    if (isFirst) void this.#narrator.memory(this.#pids(generation))
    this.#settleReload()
  }

  #pids(generation: Generation): Record<string, number[]> {
    const workers = [...this.crew.workers.values()].flatMap(worker => worker.pid ?? [])
    return {
      master: [process.pid],
      gateway: this.gateway?.pid === undefined ? [] : [this.gateway.pid],
      preloader: generation.pid === undefined ? [] : [generation.pid],
      workers,
    }
  }

  #limitStart(generation: Generation): void {
    clearTimeout(this.#startTimer)
    const { startTimeout } = this.#config
    if (startTimeout === 0) return
    const message = `generation ${generation.number} did not serve within ${describeDuration(startTimeout)} (--start-timeout): ${this.#config.app.display} hangs, or needs more time`
    this.#startTimer = setTimeout(
      () => generation.fail({ kind: 'run', message, traceback: '' }),
      Math.min(MAX_TIMER_MS, startTimeout),
    )
  }

  #settleReload(): void {
    clearTimeout(this.#startTimer)
    this.#next = null
    this.#tellStatic()
    this.#options.onReloaded()
  }

  #generationFailed(generation: Generation, failure: GenerationFailure): void {
    // Another one has taken its place.
    if (generation.number !== this.#next) return
    this.#narrator.generationFailed(generation, failure, this.#current)
    this.#generationCrashes.died(generation.startedAt, null, performance.now())
    const { development } = this.#options
    const isFirst = generation.number === 1
    if (development === null ? this.#current === null : isFirst && failure.kind === 'operator')
      this.#options.onFatal(failure.kind === 'load' ? 3 : 1)
    else if (development !== null) this.#awaitMending(generation, failure, development)
    // No longer the next one: its processes are planned away like those of an old one.
    else this.#settleReload()
    this.#wake()
  }

  /** Nothing serves in its place: an answer of older code would mislead whoever has just written newer. */
  #awaitMending(generation: Generation, failure: GenerationFailure, development: Development): void {
    this.#current = null
    development.failed(generation.number, failure.message)
    this.#settleReload()
  }

  #told(generation: number, message: Told): void {
    const { development } = this.#options
    if (message.type === 'imported') development?.imported(generation, message.files)
    else development?.reported(generation, message.report)
  }

  #orphaned(generation: Generation, how: string): void {
    this.crew.orphaned(generation.number)
    if (generation.number === this.#next) {
      generation.fail({ kind: 'run', message: `the preloader ${how}`, traceback: '' })
    } else if (generation.number === this.#current && !this.#isFrozen) {
      this.#generationCrashes.died(generation.startedAt, generation.forkableSince, performance.now())
      this.#narrator.preloaderGone(generation, this.#outOfMemory.explain(how))
    }
    this.#wake()
  }

  // ---- workers ----

  #workerLoadFailed(worker: WorkerHandle, message: string, traceback: string): void {
    // Those of one generation fail together: the first says it all.
    worker.lastLine = message
    if (worker.generation === this.#next)
      this.generations.get(worker.generation)?.fail({ kind: 'load', message, traceback })
    else if (worker.generation === this.#current) this.#narrator.workerLoadFailed(worker, { message, traceback })
  }

  #workerGone(worker: WorkerHandle, how: string, isCrash: boolean): void {
    const generation = this.generations.get(worker.generation)
    if (this.#isFrozen || generation === undefined) return
    const { crashes } = generation
    if (isCrash) crashes.died(worker.startedAt, worker.servingSince, performance.now())
    const isHopeless = worker.generation === this.#next && crashes.row >= HOPELESS
    const why = isCrash ? this.#outOfMemory.explain(how) : how
    this.#narrator.workerGone(worker, why, isCrash, isHopeless ? null : crashes)
    if (isHopeless) {
      const message = `workers die before they serve, ${HOPELESS} times in a row; the last one ${why}${describeLastWords(worker)}`
      generation.fail({ kind: 'run', message, traceback: '' })
    }
  }

  // ---- gateway ----

  #spawnGateway(): void {
    const { programs, listeners, outputs } = this.#options
    const handle: GatewayHandle = new GatewayHandle({
      config: this.#config,
      program: programs.gateway,
      listeners,
      outputs,
      events: {
        message: message => this.#onGateway(message),
        stderr: line => this.#narrator.gatewayError(line),
        gone: how => this.#gatewayGone(handle, how),
      },
    })
    this.gateway = handle
    if (this.#isStopping) this.sendToGateway({ type: 'stopping' })
    if (this.#current !== null) this.sendToGateway({ type: 'serve', generation: this.#current })
    this.#options.development?.gatewayStarted()
    this.#tellStatic()
  }

  #onGateway(message: GatewayToMaster): void {
    if (message.type === 'log') this.#narrator.gatewayLog(message.level, message.message, message.request ?? '')
    else if (message.type === 'pong') this.#options.onPong()
    else if (message.type === 'code-changed') this.#options.development?.foundStale(message.path)
    else if (message.type === 'drained') this.#narrator.drained(message.cut)
    else if ('worker' in message) this.crew.onGateway(message)
    this.#wake()
  }

  #gatewayGone(handle: GatewayHandle, how: string): void {
    if (handle !== this.gateway) return
    this.gateway = null
    if (!this.#isFrozen) {
      // Another one would not listen either.
      const isFatal = this.#current === null && handle.listeningSince === null
      this.#gatewayCrashes.died(handle.startedAt, handle.listeningSince, performance.now())
      this.#narrator.gatewayGone(this.#outOfMemory.explain(how), handle, isFatal, this.#gatewayCrashes)
      if (isFatal) this.#options.onFatal(1)
    }
    this.crew.unlink()
    this.#wake()
  }
}
