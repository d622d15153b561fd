/**
 * One generation: the application's code and its Python at one moment, with the preloader that holds them. It finds the
 * application's environment, starts the preloader, and reports what becomes of it. Runs in the master.
 *
 * Invariants: `failed` comes at most once and only before `settle`; after `end` or `kill` it reports nothing but the exits of
 * workers. A generation never changes its code: newer code needs a new generation.
 * Not here: which preloader follows which (`preloaders.ts`), which generation serves (`generations.ts`).
 */

import { CrashLoop } from '../../base/crash-loop.ts'
import type { AppConfig, Config, PreloadMode } from '../../config/types.ts'
import type {
  ForkHazard,
  LoadedApplication,
  LoadFailure,
  MasterToPreloader,
  PreloaderToMaster,
} from '../../control/messages.ts'
import { OperatorError } from '../errors.ts'
import { type ApplicationEnvironment, findApplicationEnvironment } from '../host/application-environment.ts'
import type { Python } from '../host/python.ts'
import { describeDuration } from '../output/describe.ts'
import type { Outputs } from '../output/output.ts'
import { Preloaders, type PreloadersEvents } from './preloaders.ts'
import type { PreparedPreloader } from './prepared.ts'
import type { GenerationView } from './supervise.ts'

export type Interface = LoadedApplication['interface']

/** Why a generation cannot serve. `load`: the application's fault; `operator`: a wrong setting; `run`: its processes die or hang. */
export interface GenerationFailure extends LoadFailure {
  readonly kind: 'load' | 'operator' | 'run'
}

/** From the preloader, or from a worker that imports by itself. */
export type DevelopmentMessage = Extract<PreloaderToMaster, { readonly type: 'imported' | 'report' }>

export interface GenerationEvents {
  /** The preloader can fork now; with preload off the application is not known yet. */
  forkable(generation: Generation): void
  failed(generation: Generation, failure: GenerationFailure): void
  /** While developing: the files that Python read, or a report of an error. */
  developmentMessage(generation: Generation, message: DevelopmentMessage): void
  /** `forked`, `fork-failed`, `exited`. */
  worker(generation: Generation, message: WorkerMessage): void
  /** The preloader ended unasked, after `forkable`. */
  orphaned(generation: Generation, how: string): void
  /** The preloaders have ended as asked. */
  ended(generation: Generation): void
  /** The import left something that does not survive a fork. */
  hazards(generation: Generation): void
  output(generation: Generation, line: string, isError: boolean): void
  /** Every ten seconds while the import takes its time. */
  stillLoading(generation: Generation, elapsed: string): void
}

export type WorkerMessage = Extract<PreloaderToMaster, { readonly worker: number }>

export interface GenerationOptions {
  readonly number: number
  readonly config: Config
  readonly app: AppConfig
  /** How many workers it should have if the application is WSGI. */
  readonly wanted: number
  /** The interface that its application probably has; null: unknown. */
  readonly expected: Interface | null
  /** No worker is forked: the preloader loads the application, ends it, and exits. */
  readonly isCheck?: boolean
  readonly program: string
  readonly runtimeDirectory: string
  readonly outputs: Outputs
  /** Has evaluated the configuration's file already. */
  readonly prepared?: PreparedPreloader | null
  readonly events: GenerationEvents
}

const REPORT_MS = 10_000

export class Generation implements Omit<GenerationView, 'pools'> {
  readonly number: number
  preloader: GenerationView['preloader'] = 'loading'
  /** Null until it is loaded. */
  application: LoadedApplication | null = null
  /** Null: it is not found yet, or there is none. */
  python: Python | null = null
  /** What would not survive a fork; empty: nothing was found, or nobody looked. */
  hazards: readonly ForkHazard[] = []
  /** While developing: hints how its framework could show more. */
  notes: readonly string[] = []
  readonly startedAt: number = performance.now()
  /** Since when the preloader can fork; null: it cannot yet. */
  forkableSince: number | null = null
  /** By the name of the pool: those of one hold up no other. */
  readonly #crashes = new Map<string, CrashLoop>()
  readonly #options: GenerationOptions
  readonly #events: GenerationEvents
  readonly #preloaders: Preloaders
  readonly #report: NodeJS.Timeout
  /** Aborts the search for the Python. */
  readonly #search = new AbortController()
  #expected: Interface | null
  /** `failed` was called, or must not be called any more. */
  #isSettled = false
  #isEnding = false

  constructor(options: GenerationOptions) {
    this.number = options.number
    this.#expected = options.expected
    this.#options = options
    this.#events = options.events
    this.#preloaders = new Preloaders({
      ...options,
      generation: options.number,
      multiprocess: options.wanted > 1,
      isCheck: options.isCheck ?? false,
      prepared: options.prepared ?? null,
      events: {
        message: message => this.#receive(message),
        unsafe: message => {
          this.#expected = message.interface
          this.hazards = message.hazards
        },
        preloadOff: () => this.#events.hazards(this),
        output: (line, isError) => this.#events.output(this, line, isError),
        died: how => this.#onDeath(how),
        ended: () => this.#events.ended(this),
      },
    })
    this.#report = setInterval(() => {
      this.#events.stillLoading(this, describeDuration(performance.now() - this.startedAt))
    }, REPORT_MS)
    void this.#start()
  }

  /** In force now: `off` after hazards. */
  get preload(): PreloadMode {
    return this.#preloaders.preload
  }

  /** The interface of its application, as far as it is known: with preload off the first worker tells. */
  get interface(): Interface | null {
    return this.application?.interface ?? this.#expected
  }

  /** Prefix of the application's paths that its workers know. */
  get path(): string {
    return this.#options.app.path
  }

  /** Its preloader calls functions of a configuration's file. */
  get hasHooks(): boolean {
    return (this.#options.app.configuration?.hooks.length ?? 0) > 0
  }

  get warmup(): AppConfig['warmup'] {
    return this.#options.app.warmup
  }

  get slots(): Record<Interface, number> {
    const { threads, concurrency } = this.#options.app
    return { wsgi: this.isGreen ? concurrency : threads, asgi: concurrency }
  }

  /** A WSGI application runs in greenlets. */
  get isGreen(): boolean {
    return this.#options.app.workerClass === 'gevent'
  }

  /** Of the workers of this pool. */
  crashesOf(pool: string): CrashLoop {
    const crashes = this.#crashes.get(pool) ?? new CrashLoop()
    this.#crashes.set(pool, crashes)
    return crashes
  }

  /** The process id of its preloader. */
  get pid(): number | undefined {
    return this.#preloaders.pid
  }

  /** No preloader of it runs. */
  get isGone(): boolean {
    return this.#preloaders.isGone
  }

  /** The application is known: from the preloader, or from the first worker when it imports. */
  learn(application: LoadedApplication): void {
    this.application ??= application
    clearInterval(this.#report)
  }

  send(message: MasterToPreloader): void {
    this.#preloaders.send(message)
  }

  /** It cannot serve. Also called from outside: a worker's import failed, workers die again and again, it takes too long. */
  fail(failure: GenerationFailure): void {
    if (this.#isSettled || this.#isEnding) return
    this.settle()
    this.#events.failed(this, failure)
  }

  /** It serves: from now on a death is replaced, and is no failure of the generation. */
  settle(): void {
    this.#isSettled = true
    clearInterval(this.#report)
  }

  /** Ends its preloaders in order. While one imports, it is killed. */
  end(): void {
    const isImporting = this.preloader === 'loading'
    this.#stopReporting()
    this.#preloaders.end(isImporting)
    if (this.isGone) this.#events.ended(this)
  }

  /** SIGKILL to every process that is left. */
  kill(): void {
    this.#stopReporting()
    this.#preloaders.kill()
  }

  #stopReporting(): void {
    this.#isEnding = true
    this.#search.abort()
    this.preloader = 'gone'
    clearInterval(this.#report)
  }

  async #start(): Promise<void> {
    let environment: ApplicationEnvironment
    try {
      environment = await findApplicationEnvironment(this.#options, this.#search.signal)
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.preloader = 'gone'
      this.fail({ kind: 'operator', message: error.message, traceback: '' })
      return
    }
    this.python = environment.python
    if (!this.#isEnding) this.#preloaders.start(environment)
  }

  #receive(message: Parameters<PreloadersEvents['message']>[0]): void {
    switch (message.type) {
      case 'loaded':
        // It is told once, whatever comes.
        if (this.preloader !== 'loading') break
        this.hazards = message.hazards
        this.notes = message.notes
        this.learn(message)
        if (message.hazards.length > 0) this.#events.hazards(this)
        this.#becomeForkable()
        break
      case 'waiting':
        this.#becomeForkable()
        break
      case 'load-failed':
        this.fail({ kind: 'load', message: message.message, traceback: message.traceback })
        break
      // The answer to a question that was asked before there was a generation.
      case 'evaluated':
        break
      case 'imported':
      case 'report':
        this.#events.developmentMessage(this, message)
        break
      default:
        this.#events.worker(this, message)
    }
  }

  #becomeForkable(): void {
    if (this.preloader !== 'loading') return
    this.preloader = 'forking'
    this.forkableSince = performance.now()
    this.#events.forkable(this)
  }

  #onDeath(how: string): void {
    const wasLoading = this.preloader === 'loading'
    this.preloader = 'gone'
    if (!wasLoading) {
      this.#events.orphaned(this, how)
      return
    }
    // After `load-failed` the preloader leaves by itself; `fail` reports once.
    const message = `${this.#options.app.target.display} could not be imported: the process that imports it ${how}`
    this.fail({ kind: 'load', message, traceback: '' })
  }
}
