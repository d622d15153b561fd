/**
 * The master, assembled: binds the sockets, makes the runtime directory, starts the fleet, and ends everything again.
 * It never touches a request.
 *
 * Invariants: sockets are bound before anything is spawned, so a wrong address costs nothing; there is one way out
 * (`#finish`), for stops, failures and our own bugs alike: it ends every process, removes the runtime directory and
 * the Unix paths, and flushes the log.
 */
import { closeSync, openSync, unlinkSync, write, writeSync } from 'node:fs'
import { join } from 'node:path'
import { isatty } from 'node:tty'
import { standardStream } from '../base/standard-streams.ts'
import type { Config, Identity, Reloaded } from '../config/types.ts'
import { Log } from '../observe/log.ts'
import { LOG_ADVICE, Sink } from '../observe/sink.ts'
import { type ControlServer, listenForWorkers } from './control-server.ts'
import { countOf } from './describe.ts'
import { Development } from './development.ts'
import { asErrno, OperatorError } from './errors.ts'
import { Fleet } from './fleet.ts'
import { checkIdentity, describeIdentity, openLog, prepareLog, runAs } from './identity.ts'
import { bindListeners, type Listener } from './listeners.ts'
import { Narrator } from './narrator.ts'
import { Notifier, takeNotifySocket } from './notifier.ts'
import { Outputs } from './output.ts'
import { PROGRAMS, type Programs } from './paths.ts'
import { type PidFile, writePidFile } from './pid-file.ts'
import { Reloader } from './reload.ts'
import { createRuntimeDirectory, type RuntimeDirectory } from './runtime-directory.ts'
import { Shutdown } from './shutdown.ts'
import { handleSignals, type Urgency } from './signals.ts'

/** Last words of processes that are gone are in their pipes; only a daemon that holds one open takes longer. */
const LAST_OUTPUT_MS = 500
/** A reader of the log that is stuck does not hold up the end. */
const LAST_LINES_MS = 1000

/** Where the configuration came from. */
export interface ConfigSource {
  /** What is useless or surprising in it. */
  readonly warnings: readonly string[]
  /** Reads it anew; null: it can not be. */
  readonly reload: () => Reloaded | null
}

/**
 * Serves until it is told to stop. Resolves with the exit code: 0 stopped as asked, 1 failed at run time, 3 the application
 * could not be loaded. Only a write to a log whose reader is stuck may be left: the caller ends the process.
 */
export async function runMaster(
  config: Config,
  programs: Programs = PROGRAMS,
  source: ConfigSource = { warnings: [], reload: () => null },
): Promise<number> {
  const { logFile, logFormat, logLevel } = config
  const stream = logFile === null ? 2 : standardStream(logFile)
  let sink: Sink
  try {
    sink = new Sink(
      stream ?? logFile!,
      count => droppedLine(logFormat, count),
      error => stream === null && tellTerminal(`jumak: ${logFile}: ${error.message}: lines of the log are lost\n`),
      path => openLog(config.identity, path),
    )
  } catch (error) {
    const why = asErrno(error).code ?? asErrno(error).message
    writeSync(2, `jumak: cannot write the log ${logFile} (${why}): ${LOG_ADVICE} with --log-file\n`)
    return 1
  }
  const log = new Log(sink, logLevel, logFormat, stream === 2 && isatty(2) && !process.env['NO_COLOR'])
  const code = await new Master(config, programs, new Narrator(log, config), sink, source).run()
  await sink.close(LAST_LINES_MS)
  // Whoever started it looks at the terminal, or at what the init system has caught.
  if (code !== 0 && stream === null) writeSync(2, `jumak: ended with code ${code}, ${logFile} says why\n`)
  return code
}

/** Waits for nobody: a terminal may be stopped, a pipe stuck. */
function tellTerminal(line: string): void {
  write(2, line, () => {})
}

/** In the log's own format, past its level: what is missing matters at every one. */
function droppedLine(format: 'text' | 'json', count: number): string {
  let line = ''
  const log = new Log({ write: text => (line += text) }, 'error', format)
  log.error('master', `${count} lines of this log were dropped: its reader is too slow, or its disk is full`)
  return line
}

class Master {
  /** As it is in force. */
  #config: Config
  readonly #source: ConfigSource
  readonly #programs: Programs
  readonly #narrator: Narrator
  readonly #log: Sink
  readonly #outputs = new Outputs()
  readonly #stopped = Promise.withResolvers<number>()
  #listeners: Listener[] = []
  #pidFile: PidFile | null = null
  #directory: RuntimeDirectory | null = null
  #control: ControlServer | null = null
  #fleet: Fleet | null = null
  #shutdown: Shutdown | null = null
  #development: Development | null = null
  #notifier: Notifier | null = null
  /** The generation that the service manager was told of. */
  #told: number | null = null
  #isFinishing = false

  constructor(config: Config, programs: Programs, narrator: Narrator, log: Sink, source: ConfigSource) {
    this.#config = config
    this.#source = source
    this.#programs = programs
    this.#narrator = narrator
    this.#log = log
  }

  async run(): Promise<number> {
    const onBug = (error: unknown) => this.#onBug(error)
    process.on('uncaughtException', onBug)
    // Without a handler a rejection becomes an uncaughtException.
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
    const { identity, umask, unixMode, pidFile, temporaryDirectory } = this.#config
    this.#notifier = this.#makeNotifier()
    if (umask !== null) process.umask(umask)
    checkIdentity(identity)
    checkTemporaryDirectory(identity, temporaryDirectory)
    this.#prepareAccessLog()
    this.#listeners = await bindListeners(this.#config.bind, { mode: unixMode, identity })
    if (pidFile !== null) this.#pidFile = writePidFile(pidFile)
    this.#directory = await createRuntimeDirectory({ temporaryDirectory, identity, environment: process.env })
    this.#control = await listenForWorkers(
      this.#directory.controlSocket,
      (channel, worker, pid) => this.#fleet?.onHello(channel, worker, pid) ?? false,
      reason => this.#narrator.warn(reason),
      identity,
    )
    // Told to stop meanwhile.
    if (this.#isFinishing) return
    this.#narrator.started(this.#listeners)
    for (const warning of this.#source.warnings) this.#narrator.warn(warning)
    if (process.geteuid?.() === 0 && identity === null) this.#narrator.runsAsRoot()
    // `bin/jumak` would have started one.
    if (process.pid === 1) this.#narrator.isProcessOne()
    if (this.#config.watch.length > 0)
      this.#development = new Development({
        config: this.#config,
        narrator: this.#narrator,
        sendToGateway: message => this.#fleet?.sendToGateway(message),
        reload: () => this.#fleet?.beginGeneration(),
      })
    this.#fleet = new Fleet({
      config: this.#config,
      programs: this.#programs,
      listeners: this.#listeners,
      runtimeDirectory: this.#directory.path,
      outputs: this.#outputs,
      narrator: this.#narrator,
      beforeFork: () => this.#repairDirectory(),
      onFatal: code => this.#stop('now', code),
      onReloaded: () => {
        this.#reloader.settled()
        this.#tellReady()
      },
      onPong: () => this.#notifier?.answered(),
      development: this.#development,
    })
    this.#fleet.beginGeneration()
  }

  #makeNotifier(): Notifier | null {
    const socket = takeNotifySocket(process.env)
    if (socket === null) return null
    return new Notifier({
      socket,
      program: this.#programs.notify,
      python: () => this.#fleet?.python ?? null,
      askGateway: () => this.#fleet?.sendToGateway({ type: 'ping' }),
      outputs: this.#outputs,
      warn: message => this.#narrator.warn(message),
    })
  }

  /** At first, and when a reload is over, whatever became of it: the service manager waits for that. */
  #tellReady(): void {
    const fleet = this.#fleet
    if (this.#isFinishing || fleet === null || fleet.serving === null || fleet.isReloading) return
    const note = fleet.serving === this.#told ? '; the last reload was refused, the log says why' : ''
    this.#told = fleet.serving
    this.#notifier?.ready(`generation ${fleet.serving} serves, ${countOf(fleet.wanted, 'worker')}${note}`)
  }

  readonly #reloader = new Reloader(
    () => this.#fleet?.isReloading ?? true,
    () => this.#fleet?.beginGeneration(),
  )

  #handleSignals(): () => void {
    return handleSignals({
      stop: (urgency, signal) => {
        if (!this.#isFinishing) this.#narrator.info(`stopping ${STOP_WORDS[urgency]} (${signal})`)
        this.#stop(urgency, 0)
      },
      reload: () => {
        if (this.#isFinishing) return
        this.#notifier?.reloading()
        if (!this.#readConfig()) {
          this.#tellReady()
          return
        }
        const begun = this.#reloader.request()
        this.#narrator.info(
          begun
            ? 'reload: a new generation is started'
            : 'reload: follows when the present one is done, or is given up (--start-timeout)',
        )
      },
      changeWorkers: by => {
        this.#fleet?.changeWanted(by)
        if (this.#fleet) this.#narrator.info(`workers wanted: ${this.#fleet.wanted}`)
      },
      reopenLogs: () => this.#reopenLogs(),
    })
  }

  /** False: it is wrong, and nothing changes. */
  #readConfig(): boolean {
    const read = this.#source.reload()
    if (read === null) return true
    if ('problems' in read) {
      this.#narrator.reloadRefused(read.problems)
      return false
    }
    this.#config = read.config
    this.#narrator.configured(read.config, read.changed)
    for (const warning of read.warnings) this.#narrator.warn(warning)
    this.#fleet?.configure(
      read.config,
      read.changed.some(({ name }) => name === 'workers'),
    )
    return true
  }

  /** False where it cannot be mended: without it no worker could ever be replaced, so the program ends. */
  #repairDirectory(): boolean {
    const directory = this.#directory!
    if (this.#isFinishing && !this.#shutdown?.isDelaying) return false
    try {
      if (!directory.repair()) return true
      this.#narrator.warn(`the runtime directory ${directory.path} had disappeared and was made again`)
      // Listens, and the path is there, when this returns; what it promises is only the news of it.
      this.#control!.listenAgain().catch((error: unknown) => this.#onBug(error))
      return true
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.#narrator.error(error.message)
      this.#stop('graceful', 1)
      return false
    }
  }

  #reopenLogs(): void {
    try {
      // Where the gateway may not make a file, we do. Its own open says what else is wrong.
      if (this.#config.identity !== null) this.#prepareAccessLog()
    } catch (error) {
      // The gateway tries as well, and writes on to the old file.
      this.#narrator.error(asErrno(error).message)
    }
    this.#fleet?.sendToGateway({ type: 'reopen-logs' })
    try {
      this.#log.reopen()
      this.#narrator.info('logs are opened anew (SIGUSR1)')
    } catch (error) {
      this.#narrator.error(`the log cannot be opened anew: ${asErrno(error).message}; writing on to the old file`)
    }
  }

  /** The gateway writes it, as the user that it becomes; whether it can is told now, in a sentence. */
  #prepareAccessLog(): void {
    const path = this.#config.accessLog?.path ?? '-'
    if (path === '-' || standardStream(path) !== null) return
    try {
      prepareLog(this.#config.identity, path)
    } catch (error) {
      if (error instanceof OperatorError) throw error
      const { identity } = this.#config
      const who = identity === null ? '' : ` as ${describeIdentity(identity)}`
      const { code } = asErrno(error)
      throw new OperatorError(`cannot write the access log ${path}${who} (${code}): ${LOG_ADVICE} with --access-log`)
    }
  }

  #onBug(error: unknown): void {
    this.#narrator.error(`this is a bug in Jumak: ${asErrno(error).stack ?? asErrno(error).message}`)
    this.#stop('now', 1)
  }

  /** The first call decides the exit code; later ones can only hurry. */
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
    this.#development?.close()
    if (this.#fleet !== null) {
      this.#shutdown = new Shutdown({
        fleet: this.#fleet,
        narrator: this.#narrator,
        gracefulMs: this.#config.timeouts.graceful,
        delayMs: this.#config.shutdownDelay,
        urgency,
        stopListening: () => this.#closeListeners(),
      })
      await this.#shutdown.run()
    }
    this.#stopped.resolve(code)
  }

  async #release(): Promise<void> {
    this.#control?.close()
    await this.#notifier?.close()
    await this.#outputs.finish(LAST_OUTPUT_MS)
    this.#closeListeners()
    this.#directory?.remove()
    this.#pidFile?.remove()
  }

  #closeListeners(): void {
    for (const listener of this.#listeners) listener.close()
    this.#listeners = []
  }
}

const STOP_WORDS: Readonly<Record<Urgency, string>> = { graceful: 'gracefully', quick: 'quickly', now: 'at once' }

/** In the name of those who will write there. */
function checkTemporaryDirectory(identity: Identity | null, directory: string): void {
  if (identity === null) return
  const path = join(directory, `jumak-${process.pid}-check`)
  try {
    runAs(identity, () => {
      closeSync(openSync(path, 'wx', 0o600))
      unlinkSync(path)
    })
  } catch (error) {
    if (error instanceof OperatorError) throw error
    throw new OperatorError(
      `${describeIdentity(identity)} cannot write temporary files to ${directory} (${asErrno(error).code}): choose another directory with --temp-dir`,
    )
  }
}
