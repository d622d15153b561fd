/**
 * The preloaders of one generation, one after another. Runs in the master.
 *
 *     first ──▶ imports the application once, and forks the workers
 *       └─ finds hazards (`--preload auto`) ──▶ second: imports again, and follows the application's lines to locate them
 *                                                  └─ located, failed or died ──▶ third: preload is off, the workers import
 *
 * Invariants: only the last preloader is listened to; the next one starts when the one before it has gone, for then what its import
 * locked or bound is free again; after `end` or `kill` none starts.
 * Not here: one process (`preloader-handle.ts`), what its messages mean for the generation (`generation.ts`).
 */
import type { AppConfig, Config, PreloadMode } from '../../config/types.ts'
import type { MasterToPreloader, PreloaderToMaster } from '../../control/messages.ts'
import type { ApplicationEnvironment } from '../host/application-environment.ts'
import type { Outputs } from '../output/output.ts'
import { type PreloaderEvents, PreloaderHandle } from './preloader-handle.ts'
import { preloaderStart } from './preloader-start.ts'
import type { PreparedPreloader } from './prepared.ts'

type Unsafe = Extract<PreloaderToMaster, { readonly type: 'unsafe' }>

export interface PreloadersEvents {
  /** From the last preloader; without `unsafe`, and without failures while it locates hazards. */
  message(message: Exclude<PreloaderToMaster, Unsafe>): void
  /** The import left something that does not survive a fork. */
  unsafe(message: Unsafe): void
  /** The workers import from now on. */
  preloadOff(): void
  output(line: string, isError: boolean): void
  /** The last preloader has died unasked. */
  died(how: string): void
  /** All preloaders have gone, as asked. */
  ended(): void
}

export interface PreloadersOptions {
  readonly generation: number
  readonly config: Config
  readonly app: AppConfig
  /** The application has more than one worker. */
  readonly multiprocess: boolean
  readonly isCheck: boolean
  readonly runtimeDirectory: string
  readonly outputs: Outputs
  /** Has evaluated the configuration's file already; null: there is none. */
  readonly prepared: PreparedPreloader | null
  readonly events: PreloadersEvents
}

export class Preloaders {
  /** In force now: `off` after hazards. */
  preload: PreloadMode
  readonly #options: PreloadersOptions
  readonly #events: PreloadersEvents
  /** The last one is in use; those before it are ending. */
  readonly #handles: PreloaderHandle[] = []
  /** The preloader follows the application's lines, to tell which one makes a hazard that another preloader has found. */
  #locatesHazards = false
  /** Another preloader starts as soon as this one has gone. */
  #isReplaced = false
  #isEnding = false

  constructor(options: PreloadersOptions) {
    this.preload = options.app.preload
    this.#options = options
    this.#events = options.events
  }

  /** The process id of the last one. */
  get pid(): number | undefined {
    return this.#handles.at(-1)?.pid
  }

  get isGone(): boolean {
    return this.#handles.every(handle => handle.isGone)
  }

  start(environment: ApplicationEnvironment): void {
    const { python, program, variables, settingsFrom } = environment
    const { config, app, generation, multiprocess, isCheck, runtimeDirectory, outputs } = this.#options
    const start = preloaderStart(config, app, {
      generation,
      runtimeDirectory,
      settingsFrom,
      multiprocess,
      preload: this.preload,
      locateHazards: this.#locatesHazards,
      isCheck,
    })
    const events: PreloaderEvents = {
      message: message => this.#receive(handle, message),
      output: (line, isError) => this.#events.output(line, isError),
      gone: how => this.#onGone(handle, how, environment),
    }
    const prepared = this.#takePrepared(start.terminal, python.path)
    const { terminal, identity } = start
    const handle: PreloaderHandle =
      prepared ??
      new PreloaderHandle({
        python: python.path,
        program,
        directory: app.directory,
        environment: variables,
        outputs,
        terminal,
        identity,
        first: start,
        events,
      })
    if (prepared !== null) {
      prepared.listen(events)
      prepared.send(start)
    }
    this.#handles.push(handle)
  }

  /** For the first start only: what comes after it needs a process that has imported nothing. Null: a new one evaluates the file again. */
  #takePrepared(terminal: boolean, python: string): PreloaderHandle | null {
    const { prepared } = this.#options
    if (prepared === null || this.#handles.length > 0) return null
    const { handle } = prepared
    if (!handle.isGone && !terminal && prepared.python === python) return handle
    handle.end()
    return null
  }

  send(message: MasterToPreloader): void {
    this.#handles.at(-1)?.send(message)
  }

  /** Ends them in order. `isImporting`: kills them, because an import reads no message. */
  end(isImporting: boolean): void {
    this.#isEnding = true
    for (const handle of this.#handles) {
      if (isImporting) handle.kill()
      handle.end()
    }
  }

  /** SIGKILL to everything that is left. */
  kill(): void {
    this.#isEnding = true
    for (const handle of this.#handles) handle.kill()
  }

  #receive(from: PreloaderHandle, message: PreloaderToMaster): void {
    if (from !== this.#handles.at(-1)) return
    if (message.type === 'unsafe') this.#onHazards(from, message)
    // The first import went well: if something is wrong, the workers will tell.
    else if (message.type === 'load-failed' && this.#isLocating) this.#turnOff(from)
    else this.#events.message(message)
  }

  get #isLocating(): boolean {
    return this.#locatesHazards && this.preload === 'auto'
  }

  #onHazards(from: PreloaderHandle, message: Unsafe): void {
    if (this.#isEnding || this.preload !== 'auto') return
    this.#events.unsafe(message)
    if (this.#locatesHazards) {
      this.#turnOff(from)
      return
    }
    this.#locatesHazards = this.#isReplaced = true
    from.end()
  }

  #turnOff(from: PreloaderHandle): void {
    this.preload = 'off'
    this.#locatesHazards = false
    this.#isReplaced = true
    this.#events.preloadOff()
    from.end()
  }

  #onGone(handle: PreloaderHandle, how: string, environment: ApplicationEnvironment): void {
    if (this.#isEnding) {
      if (this.isGone) this.#events.ended()
      return
    }
    if (handle !== this.#handles.at(-1)) return
    if (this.#isLocating && !this.#isReplaced) this.#turnOff(handle)
    if (!this.#isReplaced) {
      this.#events.died(how)
      return
    }
    this.#isReplaced = false
    this.start(environment)
  }
}
