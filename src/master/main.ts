/**
 * The master process: binds the sockets, makes the runtime directory, starts the fleet, and ends everything again. It puts the parts
 * together, and never touches a request.
 *
 * Invariants: the sockets are bound before any process is spawned, so a wrong address costs nothing. There is one way out (`#finish`),
 * for stops, failures and our own bugs: it ends every process, removes the runtime directory and the Unix paths, and flushes the log.
 *
 * An upgrade: the new master starts everything, but its gateway waits. When its applications serve, it takes over (`upgrade/trial.ts`).
 * Until then an end of it removes nothing of the old one's. The old master leaves as at a stop, without what has changed hands (`#leaveTo`).
 * Not here: what a signal asks for (`signals.ts`), the order of a stop (`shutdown.ts`), which process to start or end (`fleet/`).
 */
import { writeSync } from 'node:fs'
import { loadNow } from '../base/load-now.ts'
import type { Config, Reloaded, WatchedFiles } from '../config/types.ts'
import type { Started } from '../control/started.ts'
import { LOG_ADVICE } from '../observe/sink.ts'
import { Admin } from './admin/admin.ts'
import type { ReloadBegun } from './admin/target.ts'
import type { CgiSpawner } from './cgi/spawner.ts'
import type { ConfigWatcher } from './development/config-watcher.ts'
import { asErrno, OperatorError } from './errors.ts'
import { Fleets } from './fleet/fleets.ts'
import type { PreparedPreloaders } from './fleet/prepared.ts'
import { AffinityKey } from './host/affinity-key.ts'
import { checkIdentity, checkTemporaryDirectory, rootWarnings, usersOf } from './host/identity.ts'
import type { Listener } from './host/listener.ts'
import { bindListeners } from './host/listeners.ts'
import { type PidFile, preparePidFile, removePrepared } from './host/pid-file.ts'
import { createRuntimeDirectory, type RuntimeDirectory } from './host/runtime-directory.ts'
import { hasTerminal } from './host/terminal.ts'
import { currentUmask } from './host/umask.ts'
import { Launcher } from './output/launcher.ts'
import { ProgramLog, prepareGatewayLogs, reopenLogs } from './output/log-files.ts'
import { Narrator } from './output/narrator.ts'
import { Notifier, type NotifySocket, notifyVariables, takeNotifySocket } from './output/notifier.ts'
import { Outputs } from './output/output.ts'
import { PROGRAMS, type Programs } from './paths.ts'
import { reload } from './reload.ts'
import { Shutdown } from './shutdown.ts'
import { handleSignals, type Urgency } from './signals.ts'
import type { Certificates } from './tls/certificates.ts'
import type { InheritedSecrets } from './tls/ticket-secrets.ts'
import type { Successor } from './upgrade/successor.ts'
import { problemOf, Trial } from './upgrade/trial.ts'
import { Upgrades } from './upgrade/upgrades.ts'

/** How long to wait for the last output of processes that are gone. Only a daemon that holds a pipe open needs longer. */
const LAST_OUTPUT_MS = 500

/** Where the configuration came from. */
export interface ConfigSource {
  /** About settings that are useless or surprising. */
  readonly warnings: readonly string[]
  /** What is good to know of them. */
  readonly remarks: readonly string[]
  /** Reads it again, of all or of `only` one application; null: that is not possible. */
  readonly reload: (only: string | null) => Reloaded | null
  /** A file in Python that is evaluated before each `reload`; null: there is none. */
  readonly evaluated: EvaluatedSource | null
  /** Its own files, for `--reload`; null: it has none. */
  readonly files: (() => WatchedFiles) | null
  readonly started: Started
  /** The working directory, by the name that the user gave it. */
  readonly directory: string
}

export interface EvaluatedSource {
  /** The process that has evaluated it waits there for its generation. */
  readonly prepared: PreparedPreloaders
  /** What is wrong; empty: the next `reload` has the new values. */
  readonly again: () => Promise<readonly string[]>
}

/** Without a command line, as in tests: nothing is read again. */
function unread(): ConfigSource {
  return {
    warnings: [],
    remarks: [],
    reload: () => null,
    evaluated: null,
    files: null,
    started: { program: null, handOver: null, init: null, daemon: null },
    directory: process.cwd(),
  }
}

/**
 * Serves until it is told to stop. Resolves with the exit code: 0 stopped as asked, 1 failed at run time, 3 an application could not be
 * loaded, and none serves. Then the caller ends the process: a write to a log whose reader is stuck may still be pending.
 */
export async function runMaster(
  config: Config,
  programs: Programs = PROGRAMS,
  source: ConfigSource = unread(),
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
  await log.openRemote(config)
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
  readonly #outputs: Outputs
  readonly #stopped = Promise.withResolvers<number>()
  #listeners: Listener[] = []
  #pidFile: PidFile | null = null
  #runtime: RuntimeDirectory | null = null
  #fleets: Fleets | null = null
  #shutdown: Shutdown | null = null
  #notifySocket: NotifySocket | null = null
  #notifier: Notifier | null = null
  /** Null: we are no daemon, or serve already. */
  readonly #launcher: Launcher | null
  readonly #admin: Admin
  /** Null: no listener has TLS. */
  #certificates: Certificates | null = null
  /** Of the master that this one replaces. They may come before the certificates are read. */
  #inheritedSecrets: InheritedSecrets | null = null
  /** Null: no site has CGI programs. */
  #cgi: CgiSpawner | null = null
  /** Null without `--reload`. */
  #configWatcher: ConfigWatcher | null = null
  #isFinishing = false
  /** The evaluation of the configuration's file that runs, or the last one. */
  #evaluation: Promise<readonly string[]> = Promise.resolve([])
  readonly #upgrades: Upgrades
  /** Null: we replace no other Jumak. */
  #trial: Trial | null = null
  /** On which a new Jumak listens. */
  #handedOn: readonly Listener[] = []

  constructor(config: Config, programs: Programs, narrator: Narrator, log: ProgramLog, source: ConfigSource) {
    this.#config = config
    this.#source = source
    const { evaluated } = source
    this.#outputs = evaluated?.prepared.outputs ?? new Outputs()
    evaluated?.prepared.printTo(line => narrator.info(line))
    this.#admin = new Admin({
      narrator,
      sendToGateway: message => this.#fleets?.sendToGateway(message),
      onBug: error => this.#onBug(error),
    })
    this.#programs = programs
    this.#narrator = narrator
    this.#log = log
    this.#launcher = source.started.daemon === null ? null : new Launcher(source.started.daemon, log.log)
    this.#upgrades = this.#makeUpgrades()
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
      const { message, stack } = asErrno(error)
      this.#narrator.error(error instanceof OperatorError ? message : (stack ?? message))
      this.#stop('now', 1, message)
    }
    const code = await this.#stopped.promise
    await this.#release()
    removeSignals()
    process.removeListener('uncaughtException', onBug)
    return code
  }

  async #start(): Promise<void> {
    const { gatewayIdentity, gatewayThreads, umask, unixMode, pidFile, temporaryDirectory } = this.#config
    const { started } = this.#source
    this.#notifySocket = takeNotifySocket(process.env)
    if (started.handOver !== null) {
      this.#log.share()
      this.#trial = new Trial(started.handOver, {
        tickets: secrets => this.#inherit(secrets),
        reopenLogs: () => this.#reopenLogs(),
      })
    } else this.#notifier = this.#makeNotifier()
    const predecessor = this.#trial?.predecessor ?? null
    if (umask !== null) process.umask(umask)
    const users = usersOf(this.#config)
    for (const user of users) checkIdentity(user)
    checkTemporaryDirectory(gatewayIdentity, temporaryDirectory)
    prepareGatewayLogs(this.#config)
    this.#certificates = await this.#readCertificates()
    this.#listeners = await bindListeners(
      this.#config.bind,
      { mode: unixMode, identity: gatewayIdentity },
      predecessor?.sockets,
      this.#certificates !== null,
    )
    predecessor?.sockets.closeRest()
    await this.#admin.prepare(this.#config.adminSocket, users, predecessor?.adminSocket ?? null)
    if (pidFile !== null) this.#pidFile = preparePidFile(pidFile, predecessor?.pid ?? null)
    if (predecessor === null) this.#pidFile?.place()
    this.#runtime = await createRuntimeDirectory({
      temporaryDirectory,
      users,
      environment: process.env,
      hasSlotSockets: gatewayThreads > 1,
    })
    // A signal came meanwhile.
    if (this.#isFinishing) return
    this.#narrator.started(this.#listeners)
    for (const remark of this.#source.remarks) this.#narrator.info(remark)
    for (const warning of this.#source.warnings) this.#narrator.warn(warning)
    for (const warning of rootWarnings(this.#config)) this.#narrator.warn(warning)
    for (const warning of predecessor?.sockets.differences(unixMode, gatewayIdentity) ?? [])
      this.#narrator.warn(warning)
    // `bin/jumak` starts an init where it can.
    if (process.pid === 1) this.#narrator.isProcessOne()
    await this.#runCgi(this.#config, this.#runtime)
    if (this.#isFinishing) return
    this.#fleets = this.#makeFleets(this.#runtime)
    this.#certificates?.tellUsers()
    this.#certificates?.tellDoubts(this.#config)
    this.#certificates?.start()
    this.#fleets.start()
    this.#log.countWorkers(() => (this.#fleets?.present ?? []).reduce((sum, { workers }) => sum + workers.size, 0))
    if (predecessor === null) this.#listenForCommands(this.#fleets)
    else predecessor.begun(this.#config)
    if (this.#config.isDevelopment) await this.#watchFiles()
  }

  /** Loaded only where there is TLS. */
  async #readCertificates(): Promise<Certificates | null> {
    const { tls } = this.#config
    if (tls.entries.length === 0 && !tls.isSelfSigned) return null
    const { readCertificates } = await import('./tls/start.ts')
    const certificates = await readCertificates(
      () => this.#config,
      this.#narrator,
      changed => this.#fleets?.sendToGateway({ type: 'tls', tls: changed }),
    )
    if (this.#inheritedSecrets !== null) certificates.inherit(this.#inheritedSecrets)
    return certificates
  }

  /** Loaded only where a site has CGI programs. The spawner hears of them before the gateway does. */
  #runCgi(config: Config, runtime: RuntimeDirectory): Promise<void> | undefined {
    if (config.sites.cgiPrograms.length === 0) return undefined
    // Within the call: at a reload the gateway is told of its socket next.
    const { CgiSpawner } = loadNow<typeof import('./cgi/spawner.ts')>(import.meta, './cgi/spawner')
    this.#cgi = new CgiSpawner({
      config,
      runtime,
      narrator: this.#narrator,
      outputs: this.#outputs,
      program: this.#programs.worker,
    })
    return this.#cgi.start()
  }

  /** The first CGI programs come with a reload. */
  #addCgi(config: Config): void {
    const failed = (error: unknown): void => {
      if (!(error instanceof OperatorError)) throw error
      this.#narrator.error(error.message)
    }
    try {
      this.#runCgi(config, this.#runtime!)?.catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  /** Loaded only with `--reload`. */
  async #watchFiles(): Promise<void> {
    const { files } = this.#source
    if (files === null || files().directories.length === 0) return
    const { ConfigWatcher } = await import('./development/config-watcher.ts')
    if (this.#isFinishing) return
    this.#configWatcher = new ConfigWatcher(
      files,
      () => this.#hup(),
      error => this.#narrator.warn(`changes of the configuration are not seen (${error.message}): send HUP`),
    )
  }

  #inherit(secrets: InheritedSecrets): void {
    this.#inheritedSecrets = secrets
    this.#certificates?.inherit(secrets)
  }

  #listenForCommands(fleets: Fleets): void {
    this.#admin.listen({
      fleets,
      listeners: this.#listeners.map(({ display }) => display),
      certificates: () => this.#certificates?.states ?? [],
      isStopping: () => this.#isFinishing,
      reload: only => this.#reload(only),
      reloadObstacle: () => this.#reloadObstacle,
      hasNewFiles: () => this.#upgrades.hasNewFiles,
      upgrade: async tell => {
        const begun = this.#upgrades.begin('jumak upgrade', tell)
        return 'problem' in begun ? { error: begun.problem } : begun.over
      },
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
      tls: () => this.#certificates?.gateway ?? null,
      locate: upstreams => this.#cgi?.locate(upstreams) ?? upstreams,
      runtime,
      outputs: this.#outputs,
      prepared: this.#source.evaluated?.prepared ?? null,
      narrator: this.#narrator,
      beforeFork: () => this.#repairDirectory(),
      waits: this.#isOnTrial,
      onAccepting: () => void this.#takeOver().catch(error => this.#onBug(error)),
      onGatewayGone: () => this.#ifReplaced(),
      onFatal: code => this.#stop('now', code, problemOf(this.#fleets)),
      onReloaded: (app, settled) => {
        if (settled.failure !== null) this.#ifReplaced()
        this.#judge()
        this.#admin.settled(app, settled)
      },
      onListening: () => this.#judge(),
      onReport: report => this.#admin.reported(report),
      onPong: () => this.#notifier?.answered(),
    })
  }

  #makeUpgrades(): Upgrades {
    const { started, directory } = this.#source
    return new Upgrades({
      started,
      directory,
      // Before the setting of the same name changes it.
      umask: currentUmask(),
      narrator: this.#narrator,
      config: () => this.#config,
      obstacle: () => (this.#isOnTrial ? 'this process has not taken over yet' : null),
      listeners: () => this.#listeners,
      adminSocket: () => this.#admin.path,
      ticketSecrets: () => this.#certificates?.secrets ?? null,
      serving: () => (this.#fleets?.present ?? []).filter(one => one.serving !== null).map(({ name }) => name),
      canTell: () => this.#notifySocket !== null || started.init !== null,
      variables: () => (this.#notifySocket === null ? {} : notifyVariables(this.#notifySocket)),
      begun: () => {
        this.#log.share()
        this.#notifier?.reloading('upgrade')
      },
      failed: pid => {
        const { pidFile } = this.#config
        if (pidFile !== null && pid !== undefined) removePrepared(pidFile, pid)
        this.#tellReady()
      },
      serves: (successor, taken) => void this.#leaveTo(successor, taken).catch(error => this.#onBug(error)),
      ended: ({ pid }, code) => this.#tellInit(`${pid} ${code}`),
      reopenLogs: () => this.#reopenLogs(),
    })
  }

  /** A process of ours did not come up. */
  #ifReplaced(): void {
    if (!this.#isFinishing && !this.#isOnTrial && !this.#config.isDevelopment) this.#upgrades.ifReplaced()
  }

  /** Something serves now, or cannot. */
  #judge(): void {
    if (this.#isOnTrial && !this.#isFinishing && !this.#trial!.judge(this.#fleets!))
      this.#stop('now', 1, problemOf(this.#fleets))
    this.#tellReady()
  }

  async #takeOver(): Promise<void> {
    await this.#trial!.takeOver({
      narrator: this.#narrator,
      pidFile: this.#pidFile,
      isStopping: () => this.#isFinishing,
      listenForCommands: () => this.#listenForCommands(this.#fleets!),
      notify: () => {
        this.#notifier = this.#makeNotifier()
        this.#tellReady()
      },
    })
  }

  /** We are a new Jumak that has not taken over yet. */
  get #isOnTrial(): boolean {
    return this.#trial !== null && !this.#trial.isOver
  }

  /** The init of the container, if there is one. */
  #tellInit(line: string): void {
    const { init } = this.#source.started
    if (init !== null) writeSync(init, `${line}\n`)
  }

  /** The new one accepts clients: everything that it has is left to it, and we finish what runs. */
  async #leaveTo(successor: Successor, taken: readonly Listener[]): Promise<void> {
    this.#isFinishing = true
    this.#handedOn = taken
    this.#tellInit(`${successor.pid}`)
    await this.#notifier?.handOver(successor.pid!)
    successor.release()
    await this.#finish('graceful', 0)
  }

  #makeNotifier(): Notifier | null {
    const socket = this.#notifySocket
    if (socket === null) return null
    return new Notifier({
      socket,
      program: this.#programs.notify,
      python: () => this.#fleets?.python ?? (this.#config.apps.length === 0 ? 'python3' : null),
      askGateway: () => this.#fleets?.sendToGateway({ type: 'ping' }),
      outputs: this.#outputs,
      warn: message => this.#narrator.warn(message),
    })
  }

  /** After the start and after each reload, even a refused one: the service manager waits for it. */
  #tellReady(): void {
    if (this.#isFinishing || !this.#fleets?.isSettled) return
    this.#launcher?.serves()
    this.#notifier?.serves(this.#fleets.present)
  }

  #handleSignals(): () => void {
    return handleSignals({
      stop: (urgency, signal) => this.#askedToStop(urgency, signal),
      // Without a terminal it is an editor's debugger, which has keys of its own.
      interrupt: () =>
        !this.#isFinishing && hasTerminal(this.#config) && (this.#fleets?.debuggers.interrupt() ?? false),
      reload: () => this.#hup(),
      upgrade: () => {
        if (!this.#isFinishing) this.#upgrades.begin('SIGUSR2')
      },
      changeWorkers: by => {
        for (const fleet of this.#fleets?.present ?? []) fleet.changeWanted(by)
      },
      reopenLogs: () => {
        this.#reopenLogs()
        // During an upgrade two programs write them.
        this.#upgrades.reopenLogs()
        this.#trial?.predecessor.reopenLogs()
      },
    })
  }

  #reopenLogs(): void {
    reopenLogs(this.#config, this.#log, this.#narrator, () => this.#fleets?.sendToGateway({ type: 'reopen-logs' }))
  }

  #hup(): void {
    if (!this.#isFinishing) void this.#reload(null).catch(error => this.#onBug(error))
  }

  /** Of all applications, or of `only` one. */
  async #reload(only: string | null): Promise<ReloadBegun> {
    const { evaluated } = this.#source
    if (evaluated === null || this.#reloadObstacle !== null || this.#upgrades.hasNewFiles) return this.#reloadNow(only)
    // One after the other: each has the file as it is then.
    const again = () => (this.#isFinishing ? ['the program is stopping'] : evaluated.again())
    this.#evaluation = this.#evaluation.then(again, again)
    const problems = await this.#evaluation
    if (problems.length === 0) return this.#reloadNow(only)
    if (!this.#isFinishing) this.#narrator.reloadRefused(problems)
    this.#tellReady()
    return { problems, later: '' }
  }

  #reloadNow(only: string | null): ReloadBegun {
    return reload(only, {
      read: this.#source.reload,
      narrator: this.#narrator,
      notifier: this.#notifier,
      fleets: this.#fleets,
      upgrades: this.#upgrades,
      certificates: this.#certificates,
      obstacle: this.#reloadObstacle,
      configured: config => {
        this.#config = config
        if (this.#cgi === null) this.#addCgi(config)
        else this.#cgi.configure(config)
      },
      tellReady: () => this.#tellReady(),
    })
  }

  get #reloadObstacle(): string | null {
    return this.#upgrades.isRunning || this.#isOnTrial ? 'an upgrade is on its way; try again when it is over' : null
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
      this.#stop('graceful', 1, error.message)
      return false
    }
  }

  #onBug(error: unknown): void {
    const { message, stack } = asErrno(error)
    this.#narrator.error(`this is a bug in Jumak: ${stack ?? message}`)
    this.#stop('now', 1, message)
  }

  /** `by`: the signal or the command. */
  #askedToStop(urgency: Urgency, by: string): void {
    if (!this.#isFinishing) this.#narrator.info(`stopping ${STOP_WORDS[urgency]} (${by})`)
    this.#upgrades.passOn(urgency === 'graceful' ? 'SIGTERM' : 'SIGINT')
    this.#stop(urgency, 0, `it was asked to stop (${by})`)
  }

  /** The first call decides the exit code; later calls only make it faster. `why`: for the old master, while we are on trial. */
  #stop(urgency: Urgency, code: number, why: string): void {
    if (this.#isFinishing) {
      this.#shutdown?.hurry(urgency)
      return
    }
    this.#isFinishing = true
    if (this.#isOnTrial) this.#trial!.predecessor.failed(why)
    void this.#upgrades.abort('the old process was asked to stop')
    this.#notifier?.stopping()
    void this.#finish(urgency, code)
  }

  async #finish(urgency: Urgency, code: number): Promise<void> {
    if (this.#fleets !== null) {
      this.#shutdown = new Shutdown({
        fleets: this.#fleets,
        narrator: this.#narrator,
        // A load balancer sees no difference.
        delayMs: this.#upgrades.isDone ? 0 : this.#config.shutdownDelay,
        urgency,
        // While we are on trial the old one listens.
        handedOn: this.#isOnTrial ? this.#listeners : this.#handedOn,
        stopListening: () => this.#closeListeners(),
      })
      await this.#shutdown.run()
    }
    this.#stopped.resolve(code)
  }

  async #release(): Promise<void> {
    this.#configWatcher?.close()
    await this.#upgrades.abort('')
    await this.#cgi?.close()
    this.#fleets?.close()
    this.#source.evaluated?.prepared.drop()
    await this.#notifier?.close()
    await this.#outputs.finish(LAST_OUTPUT_MS)
    this.#closeListeners()
    this.#runtime?.close()
    this.#pidFile?.remove()
    this.#admin.close()
  }

  #closeListeners(): void {
    // A copy that we kept would let clients wait for nobody, if the new Jumak is stopped while we finish what runs.
    for (const listener of this.#listeners)
      if (this.#handedOn.includes(listener)) listener.leave()
      else listener.close()
    this.#listeners = []
  }
}

const STOP_WORDS: Readonly<Record<Urgency, string>> = { graceful: 'gracefully', quick: 'quickly', now: 'at once' }
