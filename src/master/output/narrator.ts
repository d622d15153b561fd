/**
 * Everything that the master writes to the log: start-up lines, and one line for each event of a process. The sentences about processes
 * are all in this file, so that tone and level are easy to compare. Runs in the master.
 *
 * Levels: error: something does not work that was asked for; warn: it mended itself, or may surprise; info: what an operator wants to
 * see of a healthy run; debug: the rest.
 * Not here: the format of a line (`observe/log.ts`), start-up facts (`start-facts.ts`), words for numbers (`describe.ts`).
 */
import { relative } from 'node:path'
import type { Change, Config, LogLevel, StaticMount } from '../../config/types.ts'
import type { ForkHazard, LoadFailure, RequestTold } from '../../control/messages.ts'
import type { Colour, Log, LogFields } from '../../observe/log.ts'
import type { Listener } from '../host/listener.ts'
import { hasTerminal } from '../host/terminal.ts'
import { countOf, describeDuration, describeLastWords, describeSuccessor } from './describe.ts'
import type { NarratedCrashes, NarratedGateway, NarratedGeneration, NarratedWorker } from './narrated.ts'
import {
  applicationFacts,
  describeApplication,
  describePython,
  memoryFacts,
  programFacts,
  uselessSettings,
} from './start-facts.ts'
import { summarizeApplication, summarizeProgram } from './start-summary.ts'

const SOURCE = 'master'

export class Narrator {
  readonly #log: Log
  #config: Config
  /** The application's output is shown at every log level, because a log without its tracebacks would be of no use. */
  #outputLevel: LogLevel
  /** `--log-level`, or what `jumak log-level` has made of it. */
  level: LogLevel
  /** The last generation whose application was named. */
  #named = 0
  #hasNamed = false
  /** While developing: when the same failure comes again, its traceback is left out. */
  #failedWith = ''

  constructor(log: Log, config: Config) {
    this.#log = log
    this.#config = config
    this.level = config.logLevel
    this.#outputLevel = outputLevel(config.logLevel)
  }

  /** Until the next start. */
  setLevel(level: LogLevel): void {
    const isLouder = level === 'debug' || level === 'info'
    if (isLouder) this.#log.setLevel(level)
    this.info(`log level ${level} (jumak log-level)`)
    this.#log.setLevel(level)
    this.level = level
    this.#outputLevel = outputLevel(level)
  }

  /** All facts of the start: asked for, or for a machine, which reads JSON. */
  get #tellsAll(): boolean {
    return this.level === 'debug' || this.#config.logFormat === 'json'
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

  /** The output of another process: a line, or lines that belong together. */
  output(source: 'worker' | 'preloader', message: string, isError: boolean, about: LogFields): void {
    this.#log.write(isError ? 'error' : this.#outputLevel, source, message, about)
  }

  // ---- start, reload ----

  started(listeners: readonly Listener[]): void {
    const told = programFacts(this.#config, listeners)
    this.#log.facts(SOURCE, this.#tellsAll ? told : summarizeProgram(told, this.#config.app))
  }

  runsAsRoot(): void {
    this.warn('Jumak runs as root, and so does the application: name another user with --user')
  }

  isProcessOne(): void {
    this.warn(
      'Jumak is process 1 without an init: orphans of the application become zombies; start it with bin/jumak and a python3 on PATH, or start the container with --init',
    )
  }

  /** Once for each generation, as soon as its application is known. */
  learned(generation: NarratedGeneration, wanted: number, mounts: readonly StaticMount[]): void {
    const known = applicationFacts(generation, this.#config, wanted, mounts)
    if (known === null || this.#named >= generation.number) return
    this.#named = generation.number
    const note = generation.python?.note ?? ''
    if (note !== '') this.warn(note)
    for (const useless of uselessSettings(generation.application!.interface, this.#config)) this.warn(useless)
    const what = `${describeApplication(generation)}, Python ${describePython(generation)}`
    // While developing, the first application that loads may come from a later generation, and the tenth is no news.
    if (!this.#hasNamed) this.#log.facts(SOURCE, this.#tellsAll ? known : summarizeApplication(known, generation))
    else if (!this.#config.isDevelopment)
      this.#log.info(SOURCE, `generation ${generation.number}: ${what}`, known.fields)
    if (!this.#hasNamed) for (const hint of generation.notes) this.info(hint)
    this.#hasNamed = true
  }

  /** The configuration was read again. */
  configured(config: Config, changed: readonly { readonly name: string; readonly change: Change }[]): void {
    this.#config = config
    const now = changed.filter(({ change }) => change !== 'restart').map(({ name }) => name)
    const later = changed.filter(({ change }) => change === 'restart').map(({ name }) => name)
    if (now.length > 0) this.info(`reload: new values of ${now.join(', ')}`)
    if (later.length > 0)
      this.warn(`reload: ${later.join(', ')} changed, which takes effect at the next start of the program`)
  }

  codeChanged(path: string): void {
    const { directory } = this.#config
    this.info(`change in ${path.startsWith(`${directory}/`) ? relative(directory, path) : path}: reloading`)
  }

  /** While developing. `ms`: since the generation began. */
  reloaded(generation: number, ms: number): void {
    this.#failedWith = ''
    this.info(`generation ${generation} serves, after ${describeDuration(ms)}`)
  }

  reloadRefused(problems: readonly string[]): void {
    for (const problem of problems) this.error(problem)
    this.error('reload: nothing changes, because the settings are wrong')
  }

  stillLoading(elapsed: string): void {
    this.info(`still importing ${this.#config.app.display} after ${elapsed}`)
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

  /** The memory of the processes at their start; they grow with their work. `processes`: process ids by name. */
  async memory(processes: Readonly<Record<string, readonly number[]>>): Promise<void> {
    const known = await memoryFacts(processes)
    if (known !== null && this.#tellsAll) this.#log.facts(SOURCE, known)
  }

  /** `serving`: the generation that serves on; null: none has served. */
  generationFailed(generation: NarratedGeneration, failure: LoadFailure, serving: number | null): void {
    const isKnown = this.#config.isDevelopment && this.#failedWith === failure.message + failure.traceback
    this.#failedWith = failure.message + failure.traceback
    const traceback = failure.traceback === '' || isKnown ? '' : `\n${failure.traceback.trimEnd()}`
    const rest = this.#config.isDevelopment
      ? '\nwaiting for a change'
      : serving === null
        ? ''
        : `\ngeneration ${generation.number} is given up, generation ${serving} serves on`
    this.error(`${failure.message}${traceback}${rest}`)
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
      this.#log.debug(SOURCE, what, about(worker))
      return
    }
    const next = crashes === null ? '' : `; ${describeSuccessor(crashes, performance.now())}`
    this.#log.warn(SOURCE, `${what}${next}${describeLastWords(worker.lastLine)}`, about(worker))
  }

  /** `what`: `it sent field 'slots' …`, `its links broke`. `crashes`: null when no other worker is started. */
  workerOffended(worker: NarratedWorker, what: string, crashes: NarratedCrashes | null): void {
    const next =
      crashes !== null && crashes.notBefore > performance.now()
        ? `; ${describeSuccessor(crashes, performance.now())}`
        : ''
    this.#log.error(SOURCE, `${worker.name} is replaced: ${what}${next}`, about(worker))
  }

  workerRecycled(worker: NarratedWorker): void {
    this.#log.info(SOURCE, `${worker.name} is recycled: ${worker.recycleReason}`, about(worker))
  }

  /** `request`: the id of the stuck request; empty when no client waits for it any more. */
  workerStuck(worker: NarratedWorker, note: string, request: string): void {
    const what = worker.fault === 'stuck' ? 'is being replaced' : 'is replaced'
    this.#log.error(SOURCE, `${worker.name} ${what}: ${note}`, { ...about(worker), request })
  }

  workerBlocked(worker: NarratedWorker, note: string): void {
    this.warn(`${worker.name} is blocked: ${note}; the blocking code belongs in a thread`)
  }

  /** More than one worker is in a debugger, or reads a line. */
  keyboardShared(workers: readonly NarratedWorker[]): void {
    if (!hasTerminal(this.#config)) return
    const names = workers.map(worker => worker.name).join(' and ')
    this.warn(
      `${names} read the same keyboard now, and each line goes to one of them: leave one debugger (\`c\`) before you go on`,
    )
  }

  /** `request`: the id of the request that runs there; empty: unknown. */
  workerStacks(worker: NarratedWorker, request: string, text: string): void {
    this.#log.warn(SOURCE, `${worker.name} stands here:\n${text.trimEnd()}`, { ...about(worker), request })
  }

  workerLoadFailed(worker: NarratedWorker, failure: LoadFailure): void {
    const traceback = failure.traceback === '' ? '' : `\n${failure.traceback.trimEnd()}`
    this.#log.error(SOURCE, `${worker.name}: ${failure.message}${traceback}`, about(worker))
  }

  /** Called before the kill: the present phase is the reason. */
  killing(worker: NarratedWorker): void {
    const waited = describeDuration(performance.now() - worker.since)
    const tell = (level: LogLevel, what: string) =>
      this.#log.write(level, SOURCE, `${worker.name} ${what}`, about(worker))
    if (worker.phase === 'linking') tell('error', 'does not accept links: it is killed')
    else if (worker.phase === 'draining' && this.#config.isDevelopment) tell('info', 'runs old code: it is killed')
    else if (worker.phase === 'draining') tell('warn', `still has requests after ${waited}: it is killed`)
    else if (worker.phase === 'stopping' && worker.fault === null)
      tell(this.#config.isDevelopment ? 'debug' : 'warn', `did not leave within ${waited}: it is killed`)
    else if (worker.phase === 'killing') tell('warn', `was killed ${waited} ago and is still there`)
  }

  // ---- gateway ----

  /** `request`: the id of the request that the message is about, or empty. */
  gatewayLog(level: LogLevel, message: string, request: string): void {
    this.#log.write(level, 'gateway', message, { request })
  }

  /** While developing. A response that came from no worker is dim. */
  requestOver({ request, method, target, status, milliseconds, isApplication }: RequestTold): void {
    const line = `${method} ${target} ${this.#log.paint(colourOf(status), String(status))} ${describeDuration(milliseconds)}`
    const fields = { request, method, target, status, seconds: milliseconds / 1000 }
    this.#log.info('gateway', isApplication ? line : this.#log.paint('dim', line), fields)
  }

  gatewayError(line: string): void {
    this.#log.error('gateway', line)
  }

  gatewayMute(): void {
    this.error('the gateway does not listen: it is killed')
  }

  /** `isFatal`: it never listened, so the next one would not either. */
  gatewayGone(how: string, gateway: NarratedGateway, isFatal: boolean, crashes: NarratedCrashes): void {
    const { startedAt, inFlight } = gateway
    const cut = inFlight === 0 ? '' : `; about ${countOf(inFlight, 'request')} in flight are cut`
    const what = `the gateway ${how} after ${describeDuration(performance.now() - startedAt)}${cut}`
    const next = isFatal
      ? 'it never listened'
      : `${describeSuccessor(crashes, performance.now())}, new connections wait`
    this.error(`${what}; ${next}`)
  }

  // ---- the end ----

  delaying(ms: number): void {
    this.info(`serving on for ${describeDuration(ms)} (--shutdown-delay); another signal ends the delay`)
  }

  drained(cut: number): void {
    if (cut > 0)
      this.warn(`${cut === 1 ? '1 request was' : `${cut} requests were`} cut at the end of the graceful timeout`)
  }

  killedAtEnd(count: number): void {
    this.warn(`${countOf(count, 'worker')} did not leave in time: killed`)
  }
}

function outputLevel(level: LogLevel): LogLevel {
  return level === 'debug' ? 'info' : level
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

function colourOf(status: number): Colour {
  if (status >= 500) return 'red'
  if (status >= 400) return 'yellow'
  return status >= 300 ? 'cyan' : 'green'
}

function about(worker: NarratedWorker): LogFields {
  return { worker: worker.id }
}
