/**
 * One generation: the application code and the Python of one moment, with the preloader that holds them. Finds the
 * Python, starts the preloader, starts another one with preload off when the inspection finds what does not survive a fork.
 * Runs in the master.
 *
 * Invariants: `failed` comes at most once and only before `settle`; after `end` or `kill` nothing is reported but the
 * exits of workers. A generation never changes its code: whoever needs newer code starts a new one.
 */
import { statSync } from 'node:fs'
import { version } from '../base/version.ts'
import type { Config, PreloadMode } from '../config/types.ts'
import type {
  ForkHazard,
  LoadedApplication,
  LoadFailure,
  MasterToPreloader,
  PreloaderToMaster,
} from '../control/messages.ts'
import { CrashLoop } from './crash-loop.ts'
import { describeDuration } from './describe.ts'
import { applicationEnvironment } from './environment.ts'
import { asErrno, OperatorError } from './errors.ts'
import type { Outputs } from './output.ts'
import { PreloaderHandle } from './preloader-handle.ts'
import { findPython, type Python } from './python.ts'
import type { GenerationView } from './supervise.ts'
import { hasTerminal } from './terminal.ts'

/** Why a generation cannot serve. `load`: the application's fault; `operator`: what it was told (a Python, a directory); `run`: it dies. */
export interface GenerationFailure extends LoadFailure {
  readonly kind: 'load' | 'operator' | 'run'
}

/** From the preloader, or from a worker that imports by itself. */
export type Told = Extract<PreloaderToMaster, { readonly type: 'imported' | 'report' }>

export interface GenerationEvents {
  /** The preloader can fork now; with preload off the application is not known yet. */
  forkable(generation: Generation): void
  failed(generation: Generation, failure: GenerationFailure): void
  /** What is being developed: files that were read, what went wrong. */
  told(generation: Generation, message: Told): void
  /** `forked`, `fork-failed`, `exited`. */
  worker(generation: Generation, message: WorkerMessage): void
  /** The preloader ended unasked, after `forkable`. */
  orphaned(generation: Generation, how: string): void
  /** The preloader has ended as asked. */
  ended(generation: Generation): void
  hazards(generation: Generation, hazards: readonly ForkHazard[]): void
  output(generation: Generation, line: string, isError: boolean): void
  /** Every ten seconds while the import takes its time. */
  stillLoading(generation: Generation, elapsed: string): void
}

export type WorkerMessage = Extract<PreloaderToMaster, { readonly worker: number }>

export interface GenerationOptions {
  readonly number: number
  readonly config: Config
  readonly wanted: number
  readonly program: string
  readonly runtimeDirectory: string
  readonly outputs: Outputs
  readonly events: GenerationEvents
}

const REPORT_MS = 10_000

export class Generation implements GenerationView {
  readonly number: number
  preloader: GenerationView['preloader'] = 'loading'
  python: Python | null = null
  /** What was loaded, once it is known. */
  application: LoadedApplication | null = null
  /** What the preloader found worth saying, such as native threads. */
  notes: readonly string[] = []
  /** What forbids forking; empty when nothing was found or nobody looked. */
  hazards: readonly ForkHazard[] = []
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
  #environment: NodeJS.ProcessEnv = {}
  /** Aborted when nobody waits for the Python any more. */
  readonly #search = new AbortController()
  #reported = false
  #ending = false

  constructor(options: GenerationOptions) {
    this.number = options.number
    this.preload = options.config.preload
    this.#options = options
    this.#events = options.events
    this.#report = setInterval(() => {
      this.#events.stillLoading(this, describeDuration(performance.now() - this.startedAt))
    }, REPORT_MS)
    void this.#start()
  }

  get warmup(): Config['warmup'] {
    return this.#options.config.warmup
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
    const { config } = this.#options
    try {
      checkDirectory(config.directory)
      const search = { explicit: config.python, directory: config.directory, environment: process.env }
      this.python = await findPython(search, this.#search.signal)
      this.#environment = applicationEnvironment(process.env, config.envFiles, config.variables)
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.preloader = 'gone'
      this.fail({ kind: 'operator', message: error.message, traceback: '' })
      return
    }
    if (!this.#ending) this.#spawn(this.python)
  }

  #spawn(python: Python): void {
    const { config, number, wanted, program, runtimeDirectory, outputs } = this.#options
    const { module, file, attributes, factory, display } = config.app
    const handle: PreloaderHandle = new PreloaderHandle({
      python: python.path,
      program,
      directory: config.directory,
      environment: this.#environment,
      outputs,
      start: {
        type: 'start',
        build: version,
        generation: number,
        masterPid: process.pid,
        runtimeDirectory,
        directory: config.directory,
        module,
        file,
        attributes,
        factory,
        display,
        threads: config.threads,
        concurrency: config.concurrency,
        lifespan: config.lifespan,
        rootPath: config.rootPath,
        multiprocess: wanted > 1,
        preload: this.preload,
        identity: config.identity,
        postFork: config.postFork,
        isDevelopment: config.isDevelopment,
        terminal: hasTerminal(config),
      },
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
        this.notes = message.notes
        this.learn(message)
        this.#becomeForkable()
        break
      case 'waiting':
        this.#becomeForkable()
        break
      case 'load-failed':
        this.fail({ kind: 'load', message: message.message, traceback: message.traceback })
        break
      case 'unsafe':
        this.#withoutPreload(from, message.hazards)
        break
      case 'imported':
      case 'report':
        this.#events.told(this, message)
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

  #withoutPreload(from: PreloaderHandle, hazards: readonly ForkHazard[]): void {
    if (this.#ending || this.preload === 'off' || this.python === null) return
    this.hazards = hazards
    this.preload = 'off'
    this.#events.hazards(this, hazards)
    from.end()
    this.#spawn(this.python)
  }

  #onGone(handle: PreloaderHandle, how: string): void {
    if (this.#ending) {
      if (this.isGone) this.#events.ended(this)
      return
    }
    if (handle !== this.#preloaders.at(-1)) return
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

/** Spawning in a directory that is not there would say that the Python is not there. */
function checkDirectory(directory: string): void {
  try {
    if (statSync(directory).isDirectory()) return
  } catch (error) {
    throw new OperatorError(`cannot enter the application's directory ${directory}: ${asErrno(error).message}`)
  }
  throw new OperatorError(`the application's directory ${directory} is no directory`)
}
