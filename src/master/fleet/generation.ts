/**
 * One generation: the application code and the Python of one moment, with the preloader that holds them. Finds its
 * surroundings, starts the preloader, starts another one with preload off when the inspection finds what does not survive a fork.
 * Runs in the master.
 *
 * Invariants: `failed` comes at most once and only before `settle`; after `end` or `kill` nothing is reported but the
 * exits of workers. A generation never changes its code: whoever needs newer code starts a new one.
 */
import type { Config, PreloadMode } from '../../config/types.ts'
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
import { CrashLoop } from './crash-loop.ts'
import { PreloaderHandle } from './preloader-handle.ts'
import { preloaderStart } from './preloader-start.ts'
import type { GenerationView } from './supervise.ts'

export type Interface = LoadedApplication['interface']

/** Why a generation cannot serve. `load`: the application's fault; `operator`: what it was told (a Python, a directory); `run`: it dies. */
export interface GenerationFailure extends LoadFailure {
  readonly kind: 'load' | 'operator' | 'run'
}

/** From the preloader, or from a worker that imports by itself. */
export type DevelopmentMessage = Extract<PreloaderToMaster, { readonly type: 'imported' | 'report' }>

export interface GenerationEvents {
  /** The preloader can fork now; with preload off the application is not known yet. */
  forkable(generation: Generation): void
  failed(generation: Generation, failure: GenerationFailure): void
  /** What is being developed: files that were read, what went wrong. */
  developmentMessage(generation: Generation, message: DevelopmentMessage): void
  /** `forked`, `fork-failed`, `exited`. */
  worker(generation: Generation, message: WorkerMessage): void
  /** The preloader ended unasked, after `forkable`. */
  orphaned(generation: Generation, how: string): void
  /** The preloader has ended as asked. */
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
  /** Workers of a WSGI application. */
  readonly wanted: number
  /** What its application probably is; null: nobody knows. */
  readonly expected: Interface | null
  /** Nothing is forked: the application is loaded, and ended again. */
  readonly isCheck?: boolean
  readonly program: string
  readonly runtimeDirectory: string
  readonly outputs: Outputs
  readonly events: GenerationEvents
}

const REPORT_MS = 10_000

export class Generation implements Omit<GenerationView, 'wanted'> {
  readonly number: number
  preloader: GenerationView['preloader'] = 'loading'
  /** What was loaded, once it is known. */
  application: LoadedApplication | null = null
  /** What does not survive a fork; empty when nothing was found or nobody looked. */
  hazards: readonly ForkHazard[] = []
  /** While developing: where its framework could show more. */
  notes: readonly string[] = []
  /** As used now: `off` after hazards. */
  preload: PreloadMode
  readonly startedAt: number = performance.now()
  /** When the preloader could fork; null before. */
  forkableSince: number | null = null
  readonly crashes: CrashLoop = new CrashLoop()
  readonly #options: GenerationOptions
  readonly #events: GenerationEvents
  /** The last one is in use; those before it are ending. */
  readonly #preloaders: PreloaderHandle[] = []
  readonly #report: NodeJS.Timeout
  #environment: ApplicationEnvironment | null = null
  /** Aborted when nobody waits for the Python any more. */
  readonly #search = new AbortController()
  #expected: Interface | null
  /** The preloader follows the application's lines, to tell which one makes a hazard that another preloader has found. */
  #locatesHazards = false
  /** Another preloader is started as soon as this one has gone: what the import locked, or bound, is free by then. */
  #isReplaced = false
  #reported = false
  #ending = false

  constructor(options: GenerationOptions) {
    this.number = options.number
    this.preload = options.config.preload
    this.#expected = options.expected
    this.#options = options
    this.#events = options.events
    this.#report = setInterval(() => {
      this.#events.stillLoading(this, describeDuration(performance.now() - this.startedAt))
    }, REPORT_MS)
    void this.#start()
  }

  /** Null: not found yet, or not at all. */
  get python(): Python | null {
    return this.#environment?.python ?? null
  }

  /** What its application is, as far as it is known: with preload off its first worker tells. */
  get interface(): Interface | null {
    return this.application?.interface ?? this.#expected
  }

  get warmup(): Config['warmup'] {
    return this.#options.config.warmup
  }

  get slots(): Record<LoadedApplication['interface'], number> {
    const { threads, concurrency } = this.#options.config
    return { wsgi: threads, asgi: concurrency }
  }

  get forkNotBefore(): number {
    return this.crashes.notBefore
  }

  /** The application is known: from the preloader, or from the first worker when it imports. */
  learn(application: LoadedApplication): void {
    this.application ??= application
    clearInterval(this.#report)
  }

  send(message: MasterToPreloader): void {
    this.#preloaders.at(-1)?.send(message)
  }

  /** It cannot serve, for a reason found outside (a worker's import, too many deaths). */
  fail(failure: GenerationFailure): void {
    if (this.#reported || this.#ending) return
    this.#reported = true
    clearInterval(this.#report)
    this.#events.failed(this, failure)
  }

  /** It serves: from here on deaths are replaced and are no failures. */
  settle(): void {
    this.#reported = true
    clearInterval(this.#report)
  }

  /** In order; at once while it imports, which nothing interrupts in order. */
  end(): void {
    const loading = this.preloader === 'loading'
    this.#stopReporting()
    for (const preloader of this.#preloaders) {
      if (loading) preloader.kill()
      preloader.end()
    }
    if (this.#preloaders.every(preloader => preloader.isGone)) this.#events.ended(this)
  }

  /** SIGKILL to everything that is left of it. */
  kill(): void {
    this.#stopReporting()
    for (const preloader of this.#preloaders) preloader.kill()
  }

  /** Of its preloader. */
  get pid(): number | undefined {
    return this.#preloaders.at(-1)?.pid
  }

  get isGone(): boolean {
    return this.#preloaders.every(preloader => preloader.isGone)
  }

  #stopReporting(): void {
    this.#ending = true
    this.#search.abort()
    this.preloader = 'gone'
    clearInterval(this.#report)
  }

  async #start(): Promise<void> {
    try {
      this.#environment = await findApplicationEnvironment(this.#options.config, this.#search.signal)
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.preloader = 'gone'
      this.fail({ kind: 'operator', message: error.message, traceback: '' })
      return
    }
    if (!this.#ending) this.#spawn(this.#environment)
  }

  #spawn({ python, variables, settingsFrom }: ApplicationEnvironment): void {
    const { config, number, wanted, program, runtimeDirectory, outputs, isCheck = false } = this.#options
    const handle: PreloaderHandle = new PreloaderHandle({
      python: python.path,
      program,
      directory: config.directory,
      environment: variables,
      outputs,
      start: preloaderStart(config, {
        generation: number,
        runtimeDirectory,
        settingsFrom,
        multiprocess: wanted > 1,
        preload: this.preload,
        locateHazards: this.#locatesHazards,
        isCheck,
      }),
      events: {
        message: message => this.#receive(handle, message),
        output: (line, isError) => this.#events.output(this, line, isError),
        gone: how => this.#onGone(handle, how),
      },
    })
    this.#preloaders.push(handle)
  }

  #receive(from: PreloaderHandle, message: PreloaderToMaster): void {
    if (from !== this.#preloaders.at(-1)) return
    switch (message.type) {
      case 'loaded':
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
        // It loaded before: the workers tell what is wrong, if it is.
        if (this.#isLocating) this.#withoutPreload(from)
        else this.fail({ kind: 'load', message: message.message, traceback: message.traceback })
        break
      case 'unsafe':
        this.#expected = message.interface
        this.#onHazards(from, message.hazards)
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

  get #isLocating(): boolean {
    return this.#locatesHazards && this.preload === 'auto'
  }

  #onHazards(from: PreloaderHandle, hazards: readonly ForkHazard[]): void {
    if (this.#ending || this.preload !== 'auto') return
    this.hazards = hazards
    if (this.#locatesHazards) {
      this.#withoutPreload(from)
      return
    }
    this.#locatesHazards = this.#isReplaced = true
    from.end()
  }

  #withoutPreload(from: PreloaderHandle): void {
    this.preload = 'off'
    this.#locatesHazards = false
    this.#isReplaced = true
    this.#events.hazards(this)
    from.end()
  }

  #onGone(handle: PreloaderHandle, how: string): void {
    if (this.#ending) {
      if (this.isGone) this.#events.ended(this)
      return
    }
    if (handle !== this.#preloaders.at(-1)) return
    if (this.#isLocating && !this.#isReplaced) this.#withoutPreload(handle)
    if (this.#isReplaced) {
      this.#isReplaced = false
      this.#spawn(this.#environment!)
      return
    }
    const loading = this.preloader === 'loading'
    this.preloader = 'gone'
    if (!loading) this.#events.orphaned(this, how)
    // After `load-failed` it leaves by itself; `fail` reports once.
    else {
      const message = `${this.#options.config.app.display} could not be imported: the process that imports it ${how}`
      this.fail({ kind: 'load', message, traceback: '' })
    }
  }
}
