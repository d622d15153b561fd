/**
 * Everything that the master says: start-up lines, and one line for each thing that happens to a process. The only
 * file with sentences about them, so that their tone and level are seen at once. Runs in the master.
 *
 * Levels: error: something is broken that was asked for; warn: it mended itself or may surprise; info: what an operator
 * wants to see of a healthy run; debug: the rest.
 */
import { version } from '../base/version.ts'
import type { Config, LogLevel } from '../config/types.ts'
import type { ForkHazard, LoadFailure } from '../control/messages.ts'
import type { Log } from '../observe/log.ts'
import type { CrashLoop } from './crash-loop.ts'
import { countOf, describeDuration } from './describe.ts'
import type { Generation, GenerationFailure } from './generation.ts'
import type { Listener } from './listeners.ts'
import type { WorkerHandle } from './worker-handle.ts'

const SOURCE = 'master'

export class Narrator {
  readonly #log: Log
  readonly #config: Config
  /** What the application prints is shown at every log level: dropping its tracebacks would not be quiet but blind. */
  readonly #outputLevel: LogLevel
  /** Generations whose application was named. */
  #named = 0

  constructor(log: Log, config: Config) {
    this.#log = log
    this.#config = config
    this.#outputLevel = config.logLevel === 'debug' ? 'info' : config.logLevel
  }

  info(message: string): void {
    this.#log.info(SOURCE, message)
  }
  warn(message: string): void {
    this.#log.warn(SOURCE, message)
  }
  error(message: string): void {
    this.#log.error(SOURCE, message)
  }

  /** A line that another process printed. */
  output(source: string, line: string): void {
    this.#log.write(this.#outputLevel, source, line)
  }

  // ---- start, reload ----

  started(listeners: readonly Listener[]): void {
    this.info(`Jumak ${version}, process ${process.pid}`)
    for (const listener of listeners) this.#fact('address', listener.display)
  }

  /** Once for each generation, as soon as its application is known. */
  learned(generation: Generation, wanted: number): void {
    const { application, python } = generation
    if (application === null || python === null || this.#named >= generation.number) return
    this.#named = generation.number
    const framework = application.framework === '' ? '' : `, ${application.framework}`
    const interpreter = `${application.python}, ${python.path} (${python.reason})`
    if (python.note !== '') this.warn(python.note)
    if (generation.number > 1) {
      this.info(`generation ${generation.number}: ${application.application}${framework}, Python ${interpreter}`)
      return
    }
    const { app, threads, workersReason } = this.#config
    const reason = workersReason === '' || wanted !== this.#config.workers ? '' : ` (${workersReason})`
    this.#fact('application', `${application.application}${framework}`)
    if (app.found !== '') this.#fact('', app.found)
    this.#fact('Python', interpreter)
    this.#fact('workers', `${wanted} × ${countOf(threads, 'thread')}${reason}`)
    this.#fact('preload', describePreload(generation))
    for (const note of generation.notes) this.#fact('', note)
  }

  #fact(name: string, value: string): void {
    this.info(`  ${name.padEnd(12)} ${value}`)
  }

  stillLoading(elapsed: string): void {
    this.info(`still importing ${this.#config.app.display} after ${elapsed}`)
  }

  hazards(generation: Generation, hazards: readonly ForkHazard[]): void {
    for (const hazard of hazards) this.warn(`preload off: ${hazard.what} would not survive a fork`)
    this.info(`generation ${generation.number}: each worker imports the application`)
  }

  promoted(generation: Generation, isFirst: boolean): void {
    if (isFirst) this.info('ready')
    else this.info(`generation ${generation.number} serves; older workers finish what they have and leave`)
  }

  /** `current`: the generation that goes on, null when none has served. */
  generationFailed(generation: Generation, failure: GenerationFailure, current: number | null): void {
    const traceback = failure.traceback === '' ? '' : `\n${failure.traceback.trimEnd()}`
    const rest =
      current === null ? '' : `\ngeneration ${generation.number} is given up, generation ${current} serves on`
    this.error(`${failure.message}${traceback}${rest}`)
  }

  preloaderGone(generation: Generation, how: string): void {
    this.error(
      `the preloader of generation ${generation.number} ${how}; its workers serve on until a new generation takes over`,
    )
  }

  // ---- workers ----

  /** `crashes`: null when no other one is started. */
  workerGone(worker: WorkerHandle, how: string, isCrash: boolean, crashes: CrashLoop | null): void {
    const process = worker.pid === null ? '' : ` (process ${worker.pid})`
    const what = `${worker.name}${process} ${how} after ${describeDuration(performance.now() - worker.startedAt)}`
    if (!isCrash) this.#log.debug(SOURCE, what)
    else this.warn(`${what}${crashes === null ? '' : `; ${describeSuccessor(crashes)}`}`)
  }

  workerLost(worker: WorkerHandle): void {
    this.error(`${worker.name} is replaced: ${worker.lostReason || 'its links broke'}`)
  }

  workerStuck(worker: WorkerHandle, note: string): void {
    this.error(`${worker.name} is replaced: ${note}`)
  }

  workerBlocked(worker: WorkerHandle, note: string): void {
    this.warn(`${worker.name} is blocked: ${note}; what blocks it belongs into a thread`)
  }

  workerStacks(worker: WorkerHandle, text: string): void {
    this.warn(`${worker.name} stands here:\n${text.trimEnd()}`)
  }

  workerLoadFailed(worker: WorkerHandle, failure: LoadFailure): void {
    const traceback = failure.traceback === '' ? '' : `\n${failure.traceback.trimEnd()}`
    this.error(`${worker.name}: ${failure.message}${traceback}`)
  }

  /** Called before the kill: the phase says why. */
  killing(worker: WorkerHandle): void {
    const waited = describeDuration(performance.now() - worker.since)
    if (worker.phase === 'linking') this.error(`${worker.name} does not accept links: it is killed`)
    else if (worker.phase === 'draining') this.warn(`${worker.name} still has requests after ${waited}: it is killed`)
    else if (worker.phase === 'stopping' && worker.fault === null)
      this.warn(`${worker.name} did not leave within ${waited}: it is killed`)
    else if (worker.phase === 'killing') this.warn(`${worker.name} was killed ${waited} ago and is still there`)
  }

  // ---- gateway ----

  gatewayLog(level: LogLevel, message: string): void {
    this.#log.write(level, 'gateway', message)
  }

  gatewayError(line: string): void {
    this.#log.error('gateway', line)
  }

  gatewayMute(): void {
    this.error('the gateway does not listen: it is killed')
  }

  /** `isFatal`: it never listened, so another one would not either. */
  gatewayGone(how: string, startedAt: number, isFatal: boolean, crashes: CrashLoop): void {
    const what = `the gateway ${how} after ${describeDuration(performance.now() - startedAt)}`
    const next = isFatal ? 'it never listened' : `${describeSuccessor(crashes)}, new connections wait`
    this.error(`${what}; ${next}`)
  }

  // ---- the end ----

  drained(cut: number): void {
    if (cut > 0)
      this.warn(`${cut === 1 ? '1 request was' : `${cut} requests were`} cut at the end of the graceful timeout`)
  }

  killedAtEnd(count: number): void {
    this.warn(`${countOf(count, 'worker')} did not leave in time: killed`)
  }
}

function describeSuccessor(crashes: CrashLoop): string {
  const delay = crashes.notBefore - performance.now()
  if (delay <= 0) return 'another one takes its place'
  return `${crashes.row} died early in a row, the next is started in ${describeDuration(delay)}`
}

function describePreload(generation: Generation): string {
  const { application, preload, hazards } = generation
  const took = `in ${describeDuration(application?.importMs ?? 0)}`
  if (preload !== 'off') return `imported once ${took}, workers are forked from it`
  return `off${hazards.length > 0 ? ', see the warnings above' : ''}: each worker imports the application, ${took}`
}
