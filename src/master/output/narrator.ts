/**
 * What the master writes to the log about the program and its gateway: start-up lines, and one line for each event. Runs in the master.
 *
 * Levels: error: something does not work that was asked for; warn: it mended itself, or may surprise; info: what an operator wants to
 * see of a healthy run; debug: the rest.
 * Not here: an application and its processes (`app-narrator.ts`), the format of a line (`observe/log.ts`), start-up facts
 * (`start-facts.ts`), words for numbers (`describe.ts`).
 */
import type { AppConfig, ChangedApps, ChangedSetting, Config, LogLevel } from '../../config/types.ts'
import type { RequestTold } from '../../control/messages.ts'
import type { Colour, Log, LogFields, Told } from '../../observe/log.ts'
import type { Listener } from '../host/listener.ts'
import { hasTerminal } from '../host/terminal.ts'
import { AppNarrator } from './app-narrator.ts'
import { countOf, describeDuration, describeSuccessor } from './describe.ts'
import type { NarratedCrashes, NarratedFleet, NarratedGateway, NarratedWorker } from './narrated.ts'
import { memoryFacts, programFacts } from './start-facts.ts'
import { summarizeProgram } from './start-summary.ts'

const SOURCE = 'master'

export class Narrator {
  readonly #log: Log
  #config: Config
  /** Of the applications that have processes. */
  #names: readonly string[] = []

  constructor(log: Log, config: Config) {
    this.#log = log
    this.#config = config
    this.setNames(config.apps.map(({ name }) => name))
  }

  /** Least important lines that are written: `--log-level`, or what `jumak log-level` has made of it. */
  get level(): LogLevel {
    return this.#log.level
  }

  /** Until the next start. It is told, unless only worse things are to be told. */
  setLevel(level: LogLevel): void {
    const words = `log level ${level} (jumak log-level)`
    if (level === 'debug') this.#log.setLevel(level)
    this.info(words)
    this.#log.setLevel(level)
  }

  /** For the lines about this application. */
  ofApp(app: AppConfig): AppNarrator {
    return new AppNarrator(this.#log, app, {
      config: () => this.#config,
      tellsAll: () => this.#tellsAll,
      isNamed: () => this.#names.length > 1,
    })
  }

  /** The applications that have processes, also those that are being removed: if there is more than one, lines name their own. */
  setNames(names: readonly string[]): void {
    this.#names = names
    this.#log.align(names.length > 1 ? names : [])
  }

  /** All facts of the start: asked for, or for a machine, which reads JSON. */
  get #tellsAll(): boolean {
    return this.#log.level === 'debug' || this.#config.logFormat === 'json'
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
  told(told: Told): void {
    this.#log.facts(SOURCE, told)
  }

  // ---- start, reload ----

  started(listeners: readonly Listener[]): void {
    const told = programFacts(this.#config, listeners)
    this.#log.facts(SOURCE, this.#tellsAll ? told : summarizeProgram(told, this.#config))
  }

  /** A debugger holds the worker now, or has let it go. */
  debugged({ name }: NarratedWorker, isDebugged: boolean): void {
    const what = isDebugged ? 'stands in a debugger: no deadline passes' : 'has left its debugger'
    this.#log.debug(SOURCE, `${name} ${what}`)
  }

  /** More than one worker is in a debugger, or reads a line. */
  keyboardShared(workers: readonly NarratedWorker[]): void {
    if (!hasTerminal(this.#config)) return
    const names = workers.map(worker => worker.name).join(' and ')
    this.warn(
      `${names} read the same keyboard now, and each line goes to one of them: leave one debugger (\`c\`) before you go on`,
    )
  }

  /** It is a warning only where commands would reach another program. */
  noAdminSocket(why: string, isTaken: boolean): void {
    const what = `no admin socket for jumak status and the like: ${why}`
    if (isTaken) this.warn(what)
    else this.info(what)
  }

  isProcessOne(): void {
    this.warn(
      'Jumak is process 1 without an init: orphans of the application become zombies; start it with bin/jumak and a python3 on PATH, or start the container with --init',
    )
  }

  /**
   * The configuration was read again. `changed`: the program's settings; `ofApps`: those of applications. Returns a sentence on what waits
   * for the next start; empty: nothing does.
   */
  configured(config: Config, changed: readonly ChangedSetting[], ofApps: ChangedApps['changed']): string {
    this.#config = config
    const isNamed = config.apps.length > 1
    const named = ofApps.flatMap(({ app, settings }) =>
      settings.map(one => (isNamed ? { ...one, name: `${one.name} of ${app}` } : one)),
    )
    const all = [...changed, ...named]
    const now = all.filter(({ change }) => change !== 'restart').map(({ name }) => name)
    const later = all.filter(({ change }) => change === 'restart').map(({ name }) => name)
    if (now.length > 0) this.info(`reload: new values of ${now.join(', ')}`)
    if (later.length === 0) return ''
    // With --reload there is no upgrade.
    const upgrade = config.isDevelopment ? '' : ', or with jumak upgrade'
    const waits = `${later.join(', ')} changed, which takes effect at the next start of the program${upgrade}`
    this.warn(`reload: ${waits}`)
    return waits
  }

  reloadRefused(problems: readonly string[]): void {
    for (const problem of problems) this.error(problem)
    this.error('reload: nothing changes, because the settings are wrong')
  }

  /** Of several applications, each serves or was given up; or there is none, and the gateway serves. */
  allReady(fleets: readonly NarratedFleet[]): void {
    const broken = fleets.filter(({ serving }) => serving === null).map(({ name }) => name)
    if (fleets.length === 0) this.info('ready')
    else if (broken.length === 0) this.info(`ready: ${countOf(fleets.length, 'application')} serve`)
    else
      this.warn(
        `ready: ${fleets.length - broken.length} of ${fleets.length} applications serve, and ${broken.join(', ')} cannot`,
      )
  }

  /** The memory of the processes at their start; they grow with their work. `processes`: process ids by name. */
  async memory(processes: Readonly<Record<string, readonly number[]>>): Promise<void> {
    const known = await memoryFacts(processes)
    if (known !== null && this.#tellsAll) this.#log.facts(SOURCE, known)
  }

  // ---- gateway ----

  /** `request`: the id of the request that the line is about; `app`: the name of the application. Empty: it is about none. */
  gatewayLog(level: LogLevel, message: string, request: string, app: string): void {
    this.#log.write(level, 'gateway', message, { ...this.#named(app), request })
  }

  /** An application has a name in the log where there are several. */
  #named(app: string): LogFields {
    return app !== '' && this.#names.length > 1 ? { app } : {}
  }

  /** While developing. A response that came from no worker is dim. */
  requestOver({ request, method, target, status, milliseconds, isApplication, app }: RequestTold): void {
    const line = `${method} ${target} ${this.#log.paint(colourOf(status), String(status))} ${describeDuration(milliseconds)}`
    const fields = { ...this.#named(app), request, method, target, status, seconds: milliseconds / 1000 }
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
}

function colourOf(status: number): Colour {
  if (status >= 500) return 'red'
  if (status >= 400) return 'yellow'
  return status >= 300 ? 'cyan' : 'green'
}
