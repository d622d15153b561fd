/**
 * All processes of one application: its generations and their workers. It describes their state for `supervise.ts`, and carries out the
 * actions that are planned there. Runs in the master. Each application has a fleet of its own, which knows nothing of the others: what
 * happens to one application is no event for another.
 *
 * Invariants: every event ends in `wake`, so every change of the state is noticed; after `freeze` nothing is started or replaced.
 * Not here: all applications and the gateway (`fleets.ts`), how the program ends (`shutdown.ts`), what the log says (`app-narrator.ts`),
 * the workers (`workers.ts`) and what their end means (`worker-ends.ts`), which generation serves (`generations.ts`).
 */
import type { AppConfig, Config } from '../../config/types.ts'
import type { MasterToGateway } from '../../control/messages.ts'
import { RefusalLog } from '../../observe/refusal-log.ts'
import { Development } from '../development/development.ts'
import type { OutOfMemoryKills } from '../host/out-of-memory-kills.ts'
import type { RuntimeDirectory } from '../host/runtime-directory.ts'
import type { AppNarrator } from '../output/app-narrator.ts'
import type { Outputs } from '../output/output.ts'
import type { Programs } from '../paths.ts'
import { ApplicationState } from './application-state.ts'
import { addControlDirectory, type ControlDirectory } from './control-directory.ts'
import type { Debuggers } from './debuggers.ts'
import type { Generation, Interface } from './generation.ts'
import { Generations, type Settled } from './generations.ts'
import { PlanLoop, type PlanResult } from './plan-loop.ts'
import type { PreparedPreloaders } from './prepared.ts'
import { Reloader } from './reloader.ts'
import { mountsOf } from './static-mounts.ts'
import { type Action, type FleetState, plan } from './supervise.ts'
import { type PoolCount, WorkerCounts } from './worker-count.ts'
import { WorkerEnds } from './worker-ends.ts'
import { Workers } from './workers.ts'

export interface FleetOptions {
  readonly config: Config
  readonly app: AppConfig
  readonly programs: Programs
  /** The directory of the run, in which the application gets its own. */
  readonly runtime: RuntimeDirectory
  readonly outputs: Outputs
  readonly prepared: PreparedPreloaders | null
  readonly narrator: AppNarrator
  readonly outOfMemoryKills: OutOfMemoryKills
  /** The number of the next worker. No two workers of the program have the same. */
  readonly nextNumber: () => number
  readonly sendToGateway: (message: MasterToGateway) => void
  /** The gateway listens. */
  readonly hasGateway: () => boolean
  /** Called before each fork of a worker; false: no worker can be forked. */
  readonly beforeFork: () => boolean
  /** Of all applications. */
  readonly debuggers: Debuggers
  /** Nothing serves, and the last generation cannot. False: another one is tried, with back-off, because of other applications. */
  readonly onHopeless: (exitCode: number) => boolean
  /** The first generation serves. */
  readonly onFirstServes: () => void
  readonly onReloaded: (settled: Settled) => void
  /** Called after every change: the shutdown waits for those. */
  readonly onChange: () => void
}

/** While developing, requests in old code have no more time than this. */
const DEVELOPMENT_GRACEFUL_MS = 1000

export class Fleet {
  readonly workers: Workers
  readonly generations: Generations
  readonly narrator: AppNarrator
  /** Null without `--reload`. */
  readonly development: Development | null
  readonly #directory: ControlDirectory
  /** At the control socket. */
  readonly #refusals: RefusalLog
  readonly #ends: WorkerEnds
  readonly #options: FleetOptions
  #config: Config
  #app: AppConfig
  readonly #counts: WorkerCounts
  readonly #reloader: Reloader
  readonly #state: ApplicationState
  readonly #planning = new PlanLoop(() => this.#plan())
  /** The application is not in the configuration any more: what runs is finished. */
  #isRetired = false
  /** A generation was given up before any served, and nobody has asked for another one since. */
  #isGivenUp = false

  /** Throws an OperatorError when the application's directory cannot be made. */
  constructor(options: FleetOptions) {
    const { config, app, narrator, outOfMemoryKills, sendToGateway, runtime } = options
    this.#options = options
    this.#config = config
    this.#app = app
    this.#counts = new WorkerCounts(app)
    this.narrator = narrator
    this.#reloader = new Reloader(
      () => this.isReloading,
      () => {
        this.#isGivenUp = false
        this.beginGeneration()
      },
    )
    const changed = () => this.wake()
    this.#refusals = new RefusalLog((_, message) => narrator.warn(message))
    const refused = (message: string) => this.#refusals.report(message)
    const users = { identity: app.identity, gatewayIdentity: config.gatewayIdentity }
    this.#directory = addControlDirectory(runtime, app.name, users, {
      hello: (channel, hello) => this.workers.onHello(channel, hello),
      refused,
      warn: message => narrator.warn(message),
    })
    this.development =
      app.watch.length === 0
        ? null
        : new Development({ app, narrator, sendToGateway, reload: () => this.beginGeneration() })
    this.workers = new Workers({
      ...options,
      directory: this.#directory,
      refused,
      app: app.name,
      recycle: app.recycle,
      identity: app.identity,
      findGeneration: number => this.generations.get(number),
      changed,
      learned: generation => this.#learned(generation),
      developmentMessage: (worker, message) => this.generations.developmentMessage(worker.generation, message),
      slots: number => this.generations.get(number)?.slots ?? { wsgi: 0, asgi: 0 },
      offended: (worker, what) => this.#ends.offended(worker, what),
      loadFailed: (worker, failure) => this.#ends.loadFailed(worker, failure),
      gone: (worker, how, isCrash) => this.#ends.gone(worker, how, isCrash),
    })
    this.generations = new Generations({
      ...options,
      runtimeDirectory: this.#directory.path,
      development: this.development,
      workers: this.workers,
      changed,
      learned: generation => this.#learned(generation),
      serves: generation => this.#state.tellServing(generation),
      onReloaded: settled => {
        this.#isGivenUp = settled.serving === null
        this.#state.tellStatic()
        this.#reloader.settled()
        options.onReloaded(settled)
      },
    })
    this.#ends = new WorkerEnds(this.generations, narrator, outOfMemoryKills)
    this.#state = new ApplicationState({
      app: () => this.#app,
      isApart: this.#directory.isApart,
      generations: this.generations,
      development: this.development,
      sendToGateway,
    })
  }

  get name(): string {
    return this.#app.name
  }

  get app(): AppConfig {
    return this.#app
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

  /** It serves what it was last asked to serve, or cannot. Later attempts of an application that does not serve are no event for others. */
  get isSettled(): boolean {
    return this.serving === null ? this.#isGivenUp : !this.isReloading
  }

  /** Its last generation was given up. */
  get isRefused(): boolean {
    return this.generations.problem !== ''
  }

  /** Its processes have gone: no worker can connect any more, and its directory is removed. */
  close(): void {
    this.#directory.close()
    this.#refusals.flush()
  }

  /** No process of it is left. */
  get isEmpty(): boolean {
    return this.workers.size === 0 && this.generations.values().every(one => one.isGone && one.preloader === 'gone')
  }

  /** Starts new processes with the present code. They take over when all workers are linked. The first call starts everything. */
  beginGeneration(): void {
    this.generations.begin(this.#config, this.#app, this.#counts.inAll('wsgi'))
  }

  /** Begins a generation, or, where one is coming up, after that one: false. */
  reload(): boolean {
    const begun = this.#reloader.request()
    this.narrator.reloadAsked(begun)
    return begun
  }

  /** The next generation has the new configuration; pools and the number of workers change at once. */
  configure(config: Config, app: AppConfig): void {
    this.#config = config
    this.#app = app
    this.narrator.configure(app)
    this.workers.configure(app.recycle)
    this.#counts.configure(app)
    // The gateway may have made the application anew.
    this.tellGateway()
    this.wake()
  }

  /** Ends all generations: workers finish their requests and leave. The gateway does not know the application any more. */
  retire(): void {
    this.#isRetired = true
    this.narrator.removed()
    this.development?.close()
    this.#state.retire()
    this.generations.retire()
    this.wake()
  }

  get #newestInterface(): Interface | null {
    const { next, serving } = this.generations
    return this.generations.get(next ?? serving)?.interface ?? null
  }

  /** The pools of the newest generation. The main pool comes first. */
  get pools(): PoolCount[] {
    return this.#counts.ofPools(this.#newestInterface)
  }

  /** How many workers the newest generation should have, in all pools. */
  get wantedInAll(): number {
    return this.#counts.inAll(this.#newestInterface)
  }

  /** One worker more or less in the main pool. */
  changeWanted(by: number): void {
    const kind = this.#newestInterface
    this.#counts.change(kind, by)
    this.#wantedChanged('', this.#counts.ofMain(kind))
  }

  /** So many workers, until the setting changes. `pool`: empty: the main pool. */
  setWanted(pool: string, count: number): void {
    this.#counts.set(this.#newestInterface, pool, count)
    this.#wantedChanged(pool, count)
  }

  #wantedChanged(pool: string, count: number): void {
    this.narrator.info(`workers wanted${pool === '' ? '' : ` in pool ${pool}`}: ${count}`)
    this.wake()
  }

  /** Stops planning: from now on events are only recorded. */
  freeze(): void {
    this.#planning.freeze()
    this.development?.close()
    this.workers.freeze()
    this.#ends.freeze()
    this.generations.freeze()
  }

  /** A new gateway, or a new application in it, must know what the one before it knew. */
  tellGateway(): void {
    this.#state.tell()
  }

  // ---- planning ----

  /** Something has changed: plans soon. */
  wake(): void {
    this.#options.onChange()
    this.#planning.wake()
  }

  #plan(): PlanResult {
    this.generations.forget(number => this.workers.values().some(({ generation }) => generation === number))
    const { actions, wakeAt } = plan(this.#describe())
    for (const action of actions) this.#perform(action)
    const hasActed = actions.length > 0
    if (hasActed) this.#options.onChange()
    return { hasActed, wakeAt }
  }

  #describe(): FleetState {
    return {
      now: performance.now(),
      gracefulMs: this.#gracefulMs,
      hasGateway: this.#options.hasGateway(),
      serving: this.generations.serving,
      next: this.generations.next,
      nextNotBefore: this.generations.notBefore,
      triesAgain: this.generations.triesAgain && !this.#isRetired,
      generations: [...this.generations.values()].map(generation => ({
        number: generation.number,
        preloader: generation.preloader,
        pools: this.#counts.ofPools(generation.interface).map(pool => ({
          ...pool,
          forkNotBefore: generation.crashesOf(pool.name).notBefore,
        })),
      })),
      workers: [...this.workers.values()],
    }
  }

  /** A developer should not wait until a stream of the old code ends. */
  get #gracefulMs(): number {
    const { graceful } = this.#app.timeouts
    return this.development === null ? graceful : Math.min(graceful, DEVELOPMENT_GRACEFUL_MS)
  }

  #perform(action: Action): void {
    switch (action.type) {
      case 'new-generation':
        this.beginGeneration()
        break
      case 'promote':
        this.generations.promote()
        break
      case 'fork':
        this.workers.fork(action.generation, action.pool)
        break
      case 'end-preloader':
        this.generations.get(action.generation)?.end()
        break
      default:
        this.workers.command(action.type, action.worker)
    }
  }

  /** The generation's application is known, and none of its workers answers yet. */
  #learned(generation: Generation): void {
    const mounts = mountsOf(generation.application, this.#app, this.#directory.isApart)
    this.narrator.learned(generation, this.#counts.ofMain(generation.interface), mounts)
    this.#state.tellStatic()
  }
}
