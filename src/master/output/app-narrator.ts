/**
 * What the master writes to the log about one application and its processes: its start-up lines, and one line for each event. These
 * sentences are all in this file, so that tone and level are easy to compare. Where there are several applications, each line names its
 * own. Runs in the master.
 *
 * Levels: as in `narrator.ts`. Not here: the program and its gateway (`narrator.ts`), the format of a line (`observe/log.ts`).
 */
import { relative } from 'node:path'
import type { AppConfig, Config, LogLevel, StaticMount } from '../../config/types.ts'
import type { ForkHazard, LoadFailure } from '../../control/messages.ts'
import type { Grave, Log, LogFields, Told } from '../../observe/log.ts'
import { countOf, describeDuration, describeLastWords, describeSuccessor } from './describe.ts'
import type { NarratedCrashes, NarratedGeneration, NarratedWorker } from './narrated.ts'
import {
  applicationFacts,
  describeApplication,
  describePlace,
  describePython,
  strayStatic,
  uselessSettings,
} from './start-facts.ts'
import { summarizeApplication } from './start-summary.ts'

const SOURCE = 'master'

export interface AppNarratorOptions {
  /** The program's configuration, in force now. */
  readonly config: () => Config
  /** The start is told with all facts, not in short. */
  readonly tellsAll: () => boolean
  /** There are other applications, or their processes. */
  readonly isNamed: () => boolean
}

export class AppNarrator {
  readonly #log: Log
  readonly #options: AppNarratorOptions
  #app: AppConfig
  /** The last generation whose application was named. */
  #named = 0
  #hasNamed = false
  /** When the same failure comes again without being asked for, its traceback is left out. */
  #failedWith = ''

  constructor(log: Log, app: AppConfig, options: AppNarratorOptions) {
    this.#log = log
    this.#app = app
    this.#options = options
  }

  /** The application's configuration was read again. */
  configure(app: AppConfig): void {
    this.#app = app
  }

  get #config(): Config {
    return this.#options.config()
  }

  info(message: string): void {
    this.#write('info', message)
  }
  warn(message: string): void {
    this.#write('warn', message)
  }
  error(message: string): void {
    this.#write('error', message)
  }

  #write(level: LogLevel, message: string, fields: LogFields = {}, grave: Grave | null = null): void {
    this.#log.write(level, SOURCE, message, this.#about(fields), grave)
  }

  #about(fields: LogFields): LogFields {
    return this.#options.isNamed() ? { app: this.#app.name, ...fields } : fields
  }

  #facts(told: Told): void {
    this.#log.facts(SOURCE, { ...told, fields: this.#about(told.fields) })
  }

  /** The output of another process: a line, or lines that belong together. */
  output(source: 'worker' | 'preloader', message: string, isError: boolean, about: LogFields): void {
    // At every log level, because a log without its tracebacks would be of no use.
    const level = isError ? 'error' : this.#log.level === 'debug' ? 'info' : this.#log.level
    this.#log.write(level, source, message, this.#about(about), isError && about.request ? 'exception' : null)
  }

  // ---- start, reload ----

  /** Once for each generation, as soon as its application is known. */
  learned(generation: NarratedGeneration, wanted: number, mounts: readonly StaticMount[]): void {
    const known = applicationFacts(generation, this.#app, wanted, mounts, this.#options.isNamed())
    if (known === null || this.#named >= generation.number) return
    this.#named = generation.number
    const note = generation.python?.note ?? ''
    if (note !== '') this.warn(note)
    const application = generation.application!
    for (const useless of uselessSettings(application.interface, this.#app)) this.warn(useless)
    for (const stray of strayStatic(application, this.#app, mounts)) this.warn(stray)
    const what = `${describeApplication(generation)}, Python ${describePython(generation)}`
    // While developing, the first application that loads may come from a later generation, and the tenth is no news.
    if (!this.#hasNamed) this.#facts(this.#options.tellsAll() ? known : summarizeApplication(known, generation))
    else if (!this.#config.isDevelopment) this.#write('info', `generation ${generation.number}: ${what}`, known.fields)
    if (!this.#hasNamed) for (const hint of generation.notes) this.info(hint)
    this.#hasNamed = true
  }

  codeChanged(path: string): void {
    const { directory } = this.#app
    this.info(`change in ${path.startsWith(`${directory}/`) ? relative(directory, path) : path}: reloading`)
  }

  /** While developing. `ms`: since the generation began. */
  reloaded(generation: number, ms: number): void {
    this.#failedWith = ''
    this.info(`generation ${generation} serves, after ${describeDuration(ms)}`)
  }

  stillLoading(elapsed: string): void {
    this.info(`still importing ${this.#app.target.display} after ${elapsed}`)
  }

  /** With `--preload on` the workers are forked all the same. */
  hazards({ number, preload, hazards }: NarratedGeneration): void {
    for (const { kind, what } of hazards) this.warn(`preload ${preload}: ${what} ${FORK_CONSEQUENCE[kind]}`)
    if (preload === 'off') this.info(`generation ${number}: each worker imports the application`)
  }

  promoted(generation: NarratedGeneration, isFirst: boolean): void {
    if (isFirst) this.info('ready')
    else this.info(`generation ${generation.number} serves; older workers finish their requests and exit`)
  }

  /** `serving`: the generation that serves on; null: none has served. */
  generationFailed(generation: NarratedGeneration, failure: LoadFailure, serving: number | null): void {
    const isKnown = serving === null && this.#failedWith === failure.message + failure.traceback
    this.#failedWith = failure.message + failure.traceback
    const traceback = failure.traceback === '' || isKnown ? '' : `\n${failure.traceback.trimEnd()}`
    const rest = this.#config.isDevelopment
      ? '\nwaiting for a change'
      : serving === null
        ? ''
        : `\ngeneration ${generation.number} is given up, generation ${serving} serves on`
    this.error(`${failure.message}${traceback}${rest}`)
  }

  /** `begun`: false: a generation is coming up already. */
  reloadAsked(begun: boolean): void {
    this.#failedWith = ''
    this.info(
      begun
        ? 'reload: a new generation starts'
        : 'reload: waits until the present one is done or given up (--start-timeout)',
    )
  }

  /** It does not serve, and the program goes on for others. */
  triesAgain({ row, notBefore }: NarratedCrashes): void {
    const failures = row > 1 ? ` after ${row} failures in a row` : ''
    const wait = describeDuration(Math.max(0, notBefore - performance.now()))
    this.warn(`does not serve${failures}: it is tried again in ${wait}, and at a reload`)
  }

  /** The configuration has it, and did not have it before. */
  added(): void {
    const { target } = this.#app
    const what = target.found === '' ? `serving ${target.display}` : target.found
    this.info(`added at ${describePlace(this.#app)}: ${what}`)
  }

  /** The configuration has it no more. */
  removed(): void {
    this.info('removed: its workers finish their requests and exit')
  }

  /** The last process of an application that was removed. */
  ended(): void {
    this.info('removed: all its processes have ended')
  }

  /** At the end of the program. */
  killedAtEnd(count: number): void {
    this.warn(`${countOf(count, 'worker')} did not leave in time: killed`)
  }

  preloaderGone(generation: NarratedGeneration, how: string): void {
    this.error(
      `the preloader of generation ${generation.number} ${how}; its workers serve on until a new generation takes over`,
    )
  }

  // ---- workers ----

  /** `crashes`: null when no other worker is started. */
  workerGone(worker: NarratedWorker, how: string, isCrash: boolean, crashes: NarratedCrashes | null): void {
    const process = worker.pid === null ? '' : ` (process ${worker.pid})`
    const what = `${worker.name}${process} ${how} after ${describeDuration(performance.now() - worker.startedAt)}`
    if (!isCrash) {
      this.#write('debug', what, about(worker))
      return
    }
    const next = crashes === null ? '' : `; ${describeSuccessor(crashes, performance.now())}`
    this.#write('warn', `${what}${next}${describeLastWords(worker.lastLine)}`, about(worker))
  }

  /** `what`: `it sent field 'slots' …`, `its links broke`. `crashes`: null when no other worker is started. */
  workerOffended(worker: NarratedWorker, what: string, crashes: NarratedCrashes | null): void {
    const next =
      crashes !== null && crashes.notBefore > performance.now()
        ? `; ${describeSuccessor(crashes, performance.now())}`
        : ''
    this.#write('error', `${worker.name} is replaced: ${what}${next}`, about(worker))
  }

  workerRecycled(worker: NarratedWorker): void {
    this.#write('info', `${worker.name} is recycled: ${worker.recycleReason}`, about(worker))
  }

  /** `request`: the id of the stuck request; empty when no client waits for it any more. */
  workerStuck(worker: NarratedWorker, note: string, request: string): void {
    const what = worker.fault === 'stuck' ? 'is being replaced' : 'is replaced'
    this.#write('error', `${worker.name} ${what}: ${note}`, { ...about(worker), request }, 'critical')
  }

  workerBlocked(worker: NarratedWorker, note: string): void {
    this.warn(`${worker.name} is blocked: ${note}; the blocking code belongs in a thread`)
  }

  /** `request`: the id of the request that runs there; empty: unknown. */
  workerStacks(worker: NarratedWorker, request: string, text: string): void {
    this.#write('warn', `${worker.name} stands here:\n${text.trimEnd()}`, { ...about(worker), request })
  }

  workerLoadFailed(worker: NarratedWorker, failure: LoadFailure): void {
    const traceback = failure.traceback === '' ? '' : `\n${failure.traceback.trimEnd()}`
    this.#write('error', `${worker.name}: ${failure.message}${traceback}`, about(worker))
  }

  /** Called before the kill: the present phase is the reason. */
  killing(worker: NarratedWorker): void {
    const waited = describeDuration(performance.now() - worker.since)
    const tell = (level: LogLevel, what: string) => this.#write(level, `${worker.name} ${what}`, about(worker))
    if (worker.phase === 'linking') tell('error', 'does not accept links: it is killed')
    else if (worker.phase === 'draining' && this.#config.isDevelopment) tell('info', 'runs old code: it is killed')
    else if (worker.phase === 'draining') tell('warn', `still has requests after ${waited}: it is killed`)
    else if (worker.phase === 'stopping' && worker.fault === null)
      tell(this.#config.isDevelopment ? 'debug' : 'warn', `did not leave within ${waited}: it is killed`)
    else if (worker.phase === 'killing') tell('warn', `was killed ${waited} ago and is still there`)
  }
}

const SHARED = 'would be shared by all workers'
const FORK_CONSEQUENCE: Readonly<Record<ForkHazard['kind'], string>> = {
  thread: 'would not survive a fork',
  process: SHARED,
  socket: SHARED,
  pipe: SHARED,
  file: SHARED,
  lock: 'would be held by all workers at once',
  memory: SHARED,
  descriptor: SHARED,
}

function about(worker: NarratedWorker): LogFields {
  return { worker: worker.id }
}
