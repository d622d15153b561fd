/**
 * All processes that serve: the gateway, the generations, the workers. It describes their state for `supervise.ts`, and carries out the
 * actions that are planned there. Runs in the master.
 *
 * Invariants: every event ends in `#wake`, so every change of the state is noticed; planning has a turn of the event loop of its own,
 * and never runs inside an event; after `freeze` nothing is started or replaced.
 * Not here: how the program ends (`shutdown.ts`), what the log says (`narrator.ts`), the workers (`workers.ts`) and what their end means
 * (`worker-ends.ts`), which generation serves (`generations.ts`), the gateway (`gateways.ts`).
 */
import type { Config, StaticMount } from '../../config/types.ts'
import type { WorkerChannel } from '../../control/channel.ts'
import type { MasterToGateway } from '../../control/messages.ts'
import type { Development } from '../development/development.ts'
import type { Listener } from '../host/listener.ts'
import { OutOfMemoryKills } from '../host/out-of-memory-kills.ts'
import type { Narrator } from '../output/narrator.ts'
import type { Outputs } from '../output/output.ts'
import type { Programs } from '../paths.ts'
import type { GatewayHandle } from './gateway-handle.ts'
import { Gateways } from './gateways.ts'
import type { Generation, Interface } from './generation.ts'
import { Generations, MAX_TIMER_MS } from './generations.ts'
import { foundMounts, mountsOf } from './static-mounts.ts'
import { type Action, type FleetState, plan } from './supervise.ts'
import { WorkerCount } from './worker-count.ts'
import { WorkerEnds } from './worker-ends.ts'
import { Workers } from './workers.ts'

export interface FleetOptions {
  readonly config: Config
  readonly programs: Programs
  readonly listeners: readonly Listener[]
  /** As in the message `start`. */
  readonly affinityKey: string
  readonly runtimeDirectory: string
  readonly outputs: Outputs
  readonly narrator: Narrator
  /** Called before each fork of a worker; false: no worker can be forked. */
  readonly beforeFork: () => boolean
  /** The first generation cannot serve, or the gateway cannot listen: the program ends with this code. */
  readonly onFatal: (exitCode: number) => void
  /** A generation serves now, or was given up. */
  readonly onReloaded: () => void
  /** The gateway has answered `ping`. */
  readonly onPong: () => void
  /** With `--reload`. */
  readonly development: Development | null
}

/** While developing, requests in old code have no more time than this. */
const DEVELOPMENT_GRACEFUL_MS = 1000

export class Fleet {
  readonly workers: Workers
  readonly generations: Generations
  readonly #gateways: Gateways
  readonly #ends: WorkerEnds
  readonly #options: FleetOptions
  #config: Config
  readonly #workerCount: WorkerCount
  readonly #narrator: Narrator
  readonly #outOfMemoryKills = new OutOfMemoryKills()
  #wakeTimer: NodeJS.Timeout | undefined
  #isPlanDue = false
  #isFrozen = false
  #onChange: () => void = () => {}

  constructor(options: FleetOptions) {
    this.#options = options
    this.#config = options.config
    this.#workerCount = new WorkerCount(options.config)
    this.#narrator = options.narrator
    const changed = () => this.#wake()
    this.workers = new Workers({
      ...options,
      recycle: options.config.recycle,
      identity: options.config.identity,
      findGeneration: number => this.generations.get(number),
      sendToGateway: message => this.sendToGateway(message),
      changed,
      learned: generation => this.#learned(generation),
      developmentMessage: (worker, message) => this.generations.developmentMessage(worker.generation, message),
      slots: number => this.generations.get(number)?.slots ?? { wsgi: 0, asgi: 0 },
      offended: (worker, what) => this.#ends.offended(worker, what),
      loadFailed: (worker, failure) => this.#ends.loadFailed(worker, failure),
      gone: (worker, how, isCrash) => this.#ends.gone(worker, how, isCrash),
    })
    this.#gateways = new Gateways({
      ...options,
      outOfMemoryKills: this.#outOfMemoryKills,
      workers: this.workers,
      mounts: () => this.#foundMounts(),
      serving: () => this.serving,
      changed,
    })
    this.generations = new Generations({
      ...options,
      outOfMemoryKills: this.#outOfMemoryKills,
      workers: this.workers,
      changed,
      learned: generation => this.#learned(generation),
      serves: generation => this.sendToGateway({ type: 'serve', generation }),
      firstServes: generation => void this.#narrator.memory(this.#pids(generation)),
      onReloaded: () => {
        this.#gateways.tellStatic()
        options.onReloaded()
      },
    })
    this.#ends = new WorkerEnds(this.generations, this.#narrator, this.#outOfMemoryKills)
  }

  get gateway(): GatewayHandle | null {
    return this.#gateways.current
  }

  /** The generation that serves; null until the first does. */
  get serving(): number | null {
    return this.generations.serving
  }

  /** A Python that is in use; null while none was found. */
  get python(): string | null {
    for (const { python } of this.generations.values()) if (python !== null) return python.path
    return null
  }

  /** A generation is coming up. */
  get isReloading(): boolean {
    return this.generations.next !== null
  }

  /** Starts new processes with the present code. They take over when all workers are linked. The first call starts everything. */
  beginGeneration(): void {
    this.generations.begin(this.#config, this.#workerCount.of('wsgi'))
  }

  /** The next generation has the new configuration; the number of workers changes at once. */
  configure(config: Config, hasNewWorkers: boolean): void {
    this.#config = config
    this.sendToGateway({ type: 'error-pages', pages: config.errorPages })
    this.workers.configure(config.recycle)
    this.#workerCount.configure(config, hasNewWorkers)
    this.#wake()
  }

  /** How many workers the newest generation should have. */
  get wanted(): number {
    return this.#workerCount.of(this.#newestInterface)
  }

  get #newestInterface(): Interface | null {
    const { next, serving } = this.generations
    return this.generations.get(next ?? serving)?.interface ?? null
  }

  /** One worker more or less. */
  changeWanted(by: number): void {
    this.#workerCount.change(this.#newestInterface, by)
    this.#wake()
  }

  /** From now on the gateway answers health checks with "not ready", and serves on. */
  announceStop(): void {
    this.#gateways.announceStop()
  }

  /** Stops planning: from now on events are only recorded. */
  freeze(): void {
    this.#isFrozen = true
    clearTimeout(this.#wakeTimer)
    this.workers.freeze()
    this.#outOfMemoryKills.stop()
    this.#ends.freeze()
    this.generations.freeze()
    this.#gateways.freeze()
  }

  /** Calls back after every change: the shutdown waits for those. */
  onChange(callback: () => void): void {
    this.#onChange = callback
  }

  sendToGateway(message: MasterToGateway): void {
    this.#gateways.send(message)
  }

  /** From the control socket. */
  onHello(channel: WorkerChannel, id: number, pid: number): boolean {
    return this.workers.onHello(channel, id, pid)
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
    this.generations.forget(number => this.workers.values().some(({ generation }) => generation === number))
    const { actions, wakeAt } = plan(this.#describe())
    for (const action of actions) this.#perform(action)
    if (actions.length > 0) this.#wake()
    else if (wakeAt < Number.POSITIVE_INFINITY)
      this.#wakeTimer = setTimeout(() => this.#plan(), Math.min(MAX_TIMER_MS, Math.max(1, wakeAt - performance.now())))
  }

  #describe(): FleetState {
    return {
      now: performance.now(),
      gracefulMs: this.#gracefulMs,
      gateway: this.gateway === null ? 'gone' : this.gateway.listeningSince === null ? 'starting' : 'listening',
      gatewaySince: this.gateway?.startedAt ?? 0,
      gatewayNotBefore: this.#gateways.notBefore,
      serving: this.generations.serving,
      next: this.generations.next,
      nextNotBefore: this.generations.notBefore,
      generations: [...this.generations.values()].map(({ number, preloader, forkNotBefore, interface: kind }) => ({
        number,
        preloader,
        forkNotBefore,
        wanted: this.#workerCount.of(kind),
      })),
      workers: [...this.workers.values()],
    }
  }

  /** A developer should not wait until a stream of the old code ends. */
  get #gracefulMs(): number {
    const { graceful } = this.#config.timeouts
    return this.#options.development === null ? graceful : Math.min(graceful, DEVELOPMENT_GRACEFUL_MS)
  }

  #perform(action: Action): void {
    switch (action.type) {
      case 'spawn-gateway':
        this.#gateways.spawn(this.#config)
        break
      case 'kill-gateway':
        if (this.gateway?.kill()) this.#narrator.gatewayMute()
        break
      case 'new-generation':
        this.beginGeneration()
        break
      case 'promote':
        this.generations.promote()
        break
      case 'fork':
        this.workers.fork(action.generation)
        break
      case 'end-preloader':
        this.generations.get(action.generation)?.end()
        break
      default:
        this.workers.command(action.type, action.worker)
    }
  }

  // ---- generations ----

  /** The generation's application is known, and none of its workers answers yet. */
  #learned(generation: Generation): void {
    const mounts = mountsOf(generation.application, this.#config)
    this.#narrator.learned(generation, this.#workerCount.of(generation.interface), mounts)
    this.#gateways.tellStatic()
  }

  /** The directories of static files that the generations' settings name. */
  #foundMounts(): StaticMount[] {
    const { next, serving } = this.generations
    const applications = [next, serving].map(number => this.generations.get(number)?.application ?? null)
    return foundMounts(applications, this.#config)
  }

  #pids(generation: Generation): Record<string, number[]> {
    const workers = [...this.workers.values()].flatMap(worker => worker.pid ?? [])
    return {
      master: [process.pid],
      gateway: this.gateway?.pid === undefined ? [] : [this.gateway.pid],
      preloader: generation.pid === undefined ? [] : [generation.pid],
      workers,
    }
  }
}
