/**
 * The master process: binds the sockets, makes the runtime directory, starts the fleet, and ends everything again. It puts the parts
 * together, and never touches a request.
 *
 * Invariants: the sockets are bound before any process is spawned, so a wrong address costs nothing. There is one way out (`#finish`),
 * for stops, failures and our own bugs: it ends every process, removes the runtime directory and the Unix paths, and flushes the log.
 * Not here: what a signal asks for (`signals.ts`), the order of a stop (`shutdown.ts`), which process to start or end (`fleet/`).
 */
import { writeSync } from 'node:fs'
import type { Config, Reloaded } from '../config/types.ts'
import { LOG_ADVICE } from '../observe/sink.ts'
import { Admin } from './admin/admin.ts'
import type { ReloadBegun } from './admin/target.ts'
import { asErrno, OperatorError } from './errors.ts'
import { Fleets } from './fleet/fleets.ts'
import { AffinityKey } from './host/affinity-key.ts'
import { checkIdentity, checkTemporaryDirectory, rootWarnings, usersOf } from './host/identity.ts'
import type { Listener } from './host/listener.ts'
import { bindListeners } from './host/listeners.ts'
import { type PidFile, writePidFile } from './host/pid-file.ts'
import { createRuntimeDirectory, type RuntimeDirectory } from './host/runtime-directory.ts'
import { hasTerminal } from './host/terminal.ts'
import { ProgramLog, prepareAccessLog, reopenLogs } from './output/log-files.ts'
import { Narrator } from './output/narrator.ts'
import { Notifier, takeNotifySocket } from './output/notifier.ts'
import { Outputs } from './output/output.ts'
import { PROGRAMS, type Programs } from './paths.ts'
import { Shutdown } from './shutdown.ts'
import { handleSignals, type Urgency } from './signals.ts'

/** How long to wait for the last output of processes that are gone. Only a daemon that holds a pipe open needs longer. */
const LAST_OUTPUT_MS = 500

/** Where the configuration came from. */
export interface ConfigSource {
  /** About settings that are useless or surprising. */
  readonly warnings: readonly string[]
  /** Reads it again, of all or of `only` one application; null: that is not possible. */
  readonly reload: (only: string | null) => Reloaded | null
}

/**
 * Serves until it is told to stop. Resolves with the exit code: 0 stopped as asked, 1 failed at run time, 3 an application could not be
 * loaded, and none serves. Then the caller ends the process: a write to a log whose reader is stuck may still be pending.
 */
export async function runMaster(
  config: Config,
  programs: Programs = PROGRAMS,
  source: ConfigSource = { warnings: [], reload: () => null },
): Promise<number> {
  let log: ProgramLog
  try {
    log = new ProgramLog(config)
  } catch (error) {
    const { code, message } = asErrno(error)
    // An error of our own has no code, and its message says everything.
    const why =
      code === undefined ? message : `cannot write the log ${config.logFile} (${code}): ${LOG_ADVICE} with --log-file`
    writeSync(2, `jumak: ${why}\n`)
    return 1
  }
  const code = await new Master(config, programs, new Narrator(log.log, config), log, source).run()
  await log.close(code)
  return code
}

class Master {
  /** In force now. */
  #config: Config
  readonly #source: ConfigSource
  readonly #programs: Programs
  readonly #narrator: Narrator
  readonly #log: ProgramLog
  readonly #outputs = new Outputs()
  readonly #stopped = Promise.withResolvers<number>()
  #listeners: Listener[] = []
  #pidFile: PidFile | null = null
  #runtime: RuntimeDirectory | null = null
  #fleets: Fleets | null = null
  #shutdown: Shutdown | null = null
  #notifier: Notifier | null = null
  readonly #admin: Admin
  #isFinishing = false

  constructor(config: Config, programs: Programs, narrator: Narrator, log: ProgramLog, source: ConfigSource) {
    this.#config = config
    this.#source = source
    this.#admin = new Admin({
      narrator,
      sendToGateway: message => this.#fleets?.sendToGateway(message),
      onBug: error => this.#onBug(error),
    })
    this.#programs = programs
    this.#narrator = narrator
    this.#log = log
  }

  async run(): Promise<number> {
    const onBug = (error: unknown) => this.#onBug(error)
    process.on('uncaughtException', onBug)
    // Unhandled rejections arrive there too.
    let removeSignals = () => {}
    try {
      removeSignals = this.#handleSignals()
      await this.#start()
    } catch (error) {
      if (error instanceof OperatorError) this.#narrator.error(error.message)
      else this.#narrator.error(asErrno(error).stack ?? asErrno(error).message)
      this.#stop('now', 1)
    }
    const code = await this.#stopped.promise
    await this.#release()
    removeSignals()
    process.removeListener('uncaughtException', onBug)
    return code
  }

  async #start(): Promise<void> {
    const { gatewayIdentity, gatewayThreads, umask, unixMode, pidFile, temporaryDirectory } = this.#config
    this.#notifier = this.#makeNotifier()
    if (umask !== null) process.umask(umask)
    const users = usersOf(this.#config)
    for (const user of users) checkIdentity(user)
    checkTemporaryDirectory(gatewayIdentity, temporaryDirectory)
    prepareAccessLog(this.#config)
    this.#listeners = await bindListeners(this.#config.bind, {
      mode: unixMode,
      identity: gatewayIdentity,
    })
    await this.#admin.prepare(this.#config.adminSocket, users)
    if (pidFile !== null) this.#pidFile = writePidFile(pidFile)
    this.#runtime = await createRuntimeDirectory({
      temporaryDirectory,
      users,
      environment: process.env,
      hasSlotSockets: gatewayThreads > 1,
    })
    // A signal came meanwhile.
    if (this.#isFinishing) return
    this.#narrator.started(this.#listeners)
    for (const warning of this.#source.warnings) this.#narrator.warn(warning)
    for (const warning of rootWarnings(this.#config)) this.#narrator.warn(warning)
    // `bin/jumak` starts an init where it can.
    if (process.pid === 1) this.#narrator.isProcessOne()
    this.#fleets = this.#makeFleets(this.#runtime)
    this.#fleets.start()
    this.#admin.listen({
      fleets: this.#fleets,
      listeners: this.#listeners.map(({ display }) => display),
      isStopping: () => this.#isFinishing,
      reload: only => this.#reload(only),
      stop: () => this.#askedToStop('graceful', 'jumak stop'),
    })
  }

  #makeFleets(runtime: RuntimeDirectory): Fleets {
    return new Fleets({
      config: this.#config,
      programs: this.#programs,
      listeners: this.#listeners,
      affinityKey: new AffinityKey({
        environment: process.env,
        warn: message => this.#narrator.warn(message),
      }),
      runtime,
      outputs: this.#outputs,
      narrator: this.#narrator,
      beforeFork: () => this.#repairDirectory(),
      onFatal: code => this.#stop('now', code),
      onReloaded: (app, settled) => {
        this.#tellReady()
        this.#admin.settled(app, settled)
      },
      onReport: report => this.#admin.reported(report),
      onPong: () => this.#notifier?.answered(),
    })
  }

  #makeNotifier(): Notifier | null {
    const socket = takeNotifySocket(process.env)
    if (socket === null) return null
    return new Notifier({
      socket,
      program: this.#programs.notify,
      python: () => this.#fleets?.python ?? null,
      askGateway: () => this.#fleets?.sendToGateway({ type: 'ping' }),
      outputs: this.#outputs,
      warn: message => this.#narrator.warn(message),
    })
  }

  /** After the start and after each reload, even a refused one: the service manager waits for it. */
  #tellReady(): void {
    if (this.#isFinishing || !this.#fleets?.isSettled) return
    this.#notifier?.serves(this.#fleets.present)
  }

  #handleSignals(): () => void {
    return handleSignals({
      stop: (urgency, signal) => this.#askedToStop(urgency, signal),
      // Without a terminal it is an editor's debugger, which has keys of its own.
      interrupt: () =>
        !this.#isFinishing && hasTerminal(this.#config) && (this.#fleets?.debuggers.interrupt() ?? false),
      reload: () => {
        if (!this.#isFinishing) this.#reload(null)
      },
      changeWorkers: by => {
        for (const fleet of this.#fleets?.present ?? []) fleet.changeWanted(by)
      },
      reopenLogs: () =>
        reopenLogs(this.#config, this.#log, this.#narrator, () => this.#fleets?.sendToGateway({ type: 'reopen-logs' })),
    })
  }

  /**
   * Reads the configuration again and starts new generations: of all, or of `only` one application. If something is wrong with the
   * configuration, nothing changes.
   */
  #reload(only: string | null): ReloadBegun {
    this.#notifier?.reloading()
    const read = this.#readConfig(only)
    if ('added' in read)
      for (const fleet of this.#fleets?.present ?? [])
        if (!read.added.has(fleet.name) && (only === null || only === fleet.name)) fleet.reload()
    // Where nothing was begun.
    this.#tellReady()
    return 'problems' in read ? { problems: read.problems, later: '' } : { problems: [], later: read.later }
  }

  /** Returns the applications that were added, which are being started, and what waits for the next start. */
  #readConfig(
    only: string | null,
  ): { readonly added: ReadonlySet<string>; readonly later: string } | { readonly problems: readonly string[] } {
    const read = this.#source.reload(only)
    if (read === null) return { added: new Set(), later: '' }
    if ('problems' in read) {
      this.#narrator.reloadRefused(read.problems)
      return read
    }
    this.#config = read.config
    const later = this.#narrator.configured(read.config, read.changed, read.apps.changed)
    for (const warning of read.warnings) this.#narrator.warn(warning)
    return { added: this.#fleets?.configure(read.config) ?? new Set(), later }
  }

  /** False: it cannot be mended. Then no worker could ever be replaced, so the program ends. */
  #repairDirectory(): boolean {
    if (this.#isFinishing && !this.#shutdown?.isDelaying) return false
    try {
      const repaired = this.#runtime?.repair() ?? ''
      if (repaired !== '') this.#narrator.warn(`the runtime directory ${this.#runtime!.path} ${repaired}`)
      return true
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.#narrator.error(error.message)
      this.#stop('graceful', 1)
      return false
    }
  }

  #onBug(error: unknown): void {
    this.#narrator.error(`this is a bug in Jumak: ${asErrno(error).stack ?? asErrno(error).message}`)
    this.#stop('now', 1)
  }

  /** `by`: the signal or the command. */
  #askedToStop(urgency: Urgency, by: string): void {
    if (!this.#isFinishing) this.#narrator.info(`stopping ${STOP_WORDS[urgency]} (${by})`)
    this.#stop(urgency, 0)
  }

  /** The first call decides the exit code; later calls only make it faster. */
  #stop(urgency: Urgency, code: number): void {
    if (this.#isFinishing) {
      this.#shutdown?.hurry(urgency)
      return
    }
    this.#isFinishing = true
    this.#notifier?.stopping()
    void this.#finish(urgency, code)
  }

  async #finish(urgency: Urgency, code: number): Promise<void> {
    if (this.#fleets !== null) {
      this.#shutdown = new Shutdown({
        fleets: this.#fleets,
        narrator: this.#narrator,
        delayMs: this.#config.shutdownDelay,
        urgency,
        stopListening: () => this.#closeListeners(),
      })
      await this.#shutdown.run()
    }
    this.#stopped.resolve(code)
  }

  async #release(): Promise<void> {
    this.#fleets?.close()
    await this.#notifier?.close()
    await this.#outputs.finish(LAST_OUTPUT_MS)
    this.#closeListeners()
    this.#runtime?.close()
    this.#pidFile?.remove()
    this.#admin.close()
  }

  #closeListeners(): void {
    for (const listener of this.#listeners) listener.close()
    this.#listeners = []
  }
}

const STOP_WORDS: Readonly<Record<Urgency, string>> = { graceful: 'gracefully', quick: 'quickly', now: 'at once' }
