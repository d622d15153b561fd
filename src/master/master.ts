/**
 * The master process: binds the sockets, makes the runtime directory, starts the fleet, and ends everything again. It puts the parts
 * together, and never touches a request.
 *
 * Invariants: the sockets are bound before any process is spawned, so a wrong address costs nothing. There is one way out (`ending.ts`):
 * it ends every process, removes the runtime directory and the Unix paths, and flushes the log.
 *
 * An upgrade: the new master starts everything, but its gateway waits. When its applications serve, it takes over (`upgrade/trial.ts`).
 * Until then an end of it removes nothing of the old one's. The old master leaves as at a stop, without what has changed hands (`#leaveTo`).
 * Not here: what a signal asks for (`signals.ts`), the order of a stop (`shutdown.ts`), which process to start or end (`fleet/`).
 */
import type { Config } from '../config/types.ts'
import type { HandedOnChanges } from '../control/upgrade-messages.ts'
import { Admin } from './admin/admin.ts'
import { ProgramCgi } from './cgi/program-cgi.ts'
import type { ConfigWatcher } from './development/config-watcher.ts'
import { Ending } from './ending.ts'
import { asErrno, OperatorError } from './errors.ts'
import { Fleets } from './fleet/fleets.ts'
import { UpstreamChanges } from './fleet/upstream-changes.ts'
import { AffinityKey } from './host/affinity-key.ts'
import { checkIdentity, checkTemporaryDirectory, rootWarnings, usersOf } from './host/identity.ts'
import type { Listener } from './host/listener.ts'
import { BoundListeners, bindListeners } from './host/listeners.ts'
import { type PidFile, preparePidFile, removePrepared } from './host/pid-file.ts'
import { createRuntimeDirectory, type RuntimeDirectory } from './host/runtime-directory.ts'
import { hasTerminal } from './host/terminal.ts'
import { currentUmask } from './host/umask.ts'
import { type ProgramLog, prepareGatewayLogs, reopenLogs } from './output/log-files.ts'
import type { Narrator } from './output/narrator.ts'
import { Outputs } from './output/output.ts'
import type { Programs } from './paths.ts'
import { Readiness } from './readiness.ts'
import { Reloads } from './reload.ts'
import { handleSignals } from './signals.ts'
import type { ConfigSource } from './source.ts'
import { ProgramCertificates } from './tls/program-certificates.ts'
import type { Successor } from './upgrade/successor.ts'
import { problemOf, Trial } from './upgrade/trial.ts'
import { Upgrades } from './upgrade/upgrades.ts'

/** How long to wait for the last output of processes that are gone. Only a daemon that holds a pipe open needs longer. */
const LAST_OUTPUT_MS = 500

export class Master {
  /** In force now. */
  #config: Config
  readonly #source: ConfigSource
  readonly #programs: Programs
  readonly #narrator: Narrator
  readonly #log: ProgramLog
  readonly #outputs: Outputs
  readonly #listeners = new BoundListeners()
  #pidFile: PidFile | null = null
  #runtime: RuntimeDirectory | null = null
  #fleets: Fleets | null = null
  readonly #readiness: Readiness
  readonly #reloads: Reloads
  readonly #admin: Admin
  readonly #certificates: ProgramCertificates
  readonly #cgi: ProgramCgi
  /** Null without `--reload`. */
  #configWatcher: ConfigWatcher | null = null
  readonly #ending: Ending
  readonly #upgrades: Upgrades
  /** Null: we replace no other Jumak. */
  #trial: Trial | null = null
  readonly #upstreamChanges = new UpstreamChanges()

  constructor(config: Config, programs: Programs, narrator: Narrator, log: ProgramLog, source: ConfigSource) {
    this.#config = config
    this.#source = source
    const { evaluated } = source
    this.#outputs = evaluated?.prepared.outputs ?? new Outputs()
    evaluated?.prepared.printTo(line => narrator.info(line))
    this.#admin = new Admin({
      narrator,
      sendToGateway: message => this.#fleets?.sendToGateway(message),
      onBug: this.#onBug,
    })
    this.#programs = programs
    this.#narrator = narrator
    this.#log = log
    this.#certificates = new ProgramCertificates(
      () => this.#config,
      narrator,
      tls => this.#fleets?.sendToGateway({ type: 'tls', tls }),
    )
    this.#cgi = new ProgramCgi({ narrator, outputs: this.#outputs, program: programs.worker })
    this.#ending = new Ending({
      narrator,
      listeners: this.#listeners,
      fleets: () => this.#fleets,
      upgrades: () => this.#upgrades,
      readiness: () => this.#readiness,
      trial: () => (this.#isOnTrial ? this.#trial : null),
      delayMs: () => this.#config.shutdownDelay,
    })
    this.#readiness = new Readiness({
      started: source.started,
      programs,
      outputs: this.#outputs,
      narrator,
      log: log.log,
      fleets: () => this.#fleets,
      python: () => this.#fleets?.python ?? (this.#config.apps.length === 0 ? 'python3' : null),
      isStopping: () => this.#ending.hasBegun,
    })
    this.#upgrades = this.#makeUpgrades()
    this.#reloads = new Reloads({
      source,
      narrator,
      readiness: this.#readiness,
      upgrades: this.#upgrades,
      fleets: () => this.#fleets,
      certificates: () => this.#certificates.current,
      isOnTrial: () => this.#isOnTrial,
      isStopping: () => this.#ending.hasBegun,
      configured: changed => {
        this.#config = changed
        this.#cgi.configure(changed)
      },
    })
  }

  async run(): Promise<number> {
    // Unhandled rejections arrive there too.
    process.on('uncaughtException', this.#onBug)
    const removeSignals = this.#handleSignals()
    try {
      await this.#start()
    } catch (error) {
      const { message, stack } = asErrno(error)
      this.#narrator.error(error instanceof OperatorError ? message : (stack ?? message))
      this.#ending.stop('now', 1, message)
    }
    const code = await this.#ending.code
    await this.#release()
    removeSignals()
    process.removeListener('uncaughtException', this.#onBug)
    return code
  }

  async #start(): Promise<void> {
    const { gatewayIdentity, gatewayThreads, umask, unixMode, pidFile, temporaryDirectory } = this.#config
    const { started } = this.#source
    this.#readiness.takeSocket()
    if (started.handOver !== null) {
      this.#log.share()
      this.#trial = new Trial(started.handOver, {
        tickets: secrets => this.#certificates.inherit(secrets),
        upstream: changes => this.#inheritChanges(changes),
        reopenLogs: () => this.#reopenLogs(),
      })
    } else this.#readiness.notify()
    const predecessor = this.#trial?.predecessor ?? null
    if (umask !== null) process.umask(umask)
    const users = usersOf(this.#config)
    for (const user of users) checkIdentity(user)
    checkTemporaryDirectory(gatewayIdentity, temporaryDirectory)
    prepareGatewayLogs(this.#config)
    await this.#certificates.read()
    this.#listeners.all = await bindListeners(
      this.#config.bind,
      { mode: unixMode, identity: gatewayIdentity },
      predecessor?.sockets,
      this.#certificates.current !== null,
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
    if (this.#ending.hasBegun) return
    this.#narrator.started(this.#listeners.all)
    for (const remark of this.#source.remarks) this.#narrator.info(remark)
    const differences = predecessor?.sockets.differences(unixMode, gatewayIdentity) ?? []
    for (const warning of [...this.#source.warnings, ...rootWarnings(this.#config), ...differences])
      this.#narrator.warn(warning)
    // `bin/jumak` starts an init where it can.
    if (process.pid === 1) this.#narrator.isProcessOne()
    await this.#cgi.start(this.#config, this.#runtime)
    if (this.#ending.hasBegun) return
    this.#fleets = this.#makeFleets(this.#runtime)
    this.#certificates.start()
    this.#fleets.start()
    this.#log.countWorkers(() => (this.#fleets?.present ?? []).reduce((sum, { workers }) => sum + workers.size, 0))
    if (predecessor === null) this.#listenForCommands(this.#fleets)
    else predecessor.begun(this.#config)
    if (this.#config.isDevelopment) await this.#watchFiles()
  }

  /** Loaded only with `--reload`. */
  async #watchFiles(): Promise<void> {
    const { files } = this.#source
    if (files === null || files().directories.length === 0) return
    const { ConfigWatcher } = await import('./development/config-watcher.ts')
    if (this.#ending.hasBegun) return
    this.#configWatcher = new ConfigWatcher(
      files,
      () => this.#hup(),
      error => this.#narrator.warn(`changes of the configuration are not seen (${error.message}): send HUP`),
    )
  }

  #listenForCommands(fleets: Fleets): void {
    this.#admin.listen({
      fleets,
      listeners: this.#listeners.all.map(({ display }) => display),
      certificates: () => this.#certificates.current?.states ?? [],
      isStopping: () => this.#ending.hasBegun,
      reload: only => this.#reloads.reload(only),
      reloadObstacle: () => this.#reloads.obstacle,
      hasNewFiles: () => this.#upgrades.hasNewFiles,
      upgrade: async tell => {
        const begun = this.#upgrades.begin('jumak upgrade', tell)
        return 'problem' in begun ? { error: begun.problem } : begun.over
      },
      stop: () => this.#ending.asked('graceful', 'jumak stop'),
    })
  }

  #makeFleets(runtime: RuntimeDirectory): Fleets {
    return new Fleets({
      config: this.#config,
      programs: this.#programs,
      listeners: this.#listeners.all,
      affinityKey: new AffinityKey({
        environment: process.env,
        warn: message => this.#narrator.warn(message),
      }),
      changes: this.#upstreamChanges,
      onUpstreamChanged: name => this.#upgrades.upstreamChanged(this.#upstreamChanges.handOn(name)),
      tls: () => this.#certificates.current?.gateway ?? null,
      locate: upstreams => this.#cgi.locate(upstreams),
      runtime,
      outputs: this.#outputs,
      prepared: this.#source.evaluated?.prepared ?? null,
      narrator: this.#narrator,
      beforeFork: () => this.#repairDirectory(),
      waits: this.#isOnTrial,
      onAccepting: () => void this.#takeOver().catch(this.#onBug),
      onGatewayGone: () => this.#ifReplaced(),
      onFatal: code => this.#ending.stop('now', code, problemOf(this.#fleets)),
      onReloaded: (app, settled) => {
        if (settled.failure !== null) this.#ifReplaced()
        this.#judge()
        this.#admin.settled(app, settled)
      },
      onListening: () => this.#judge(),
      onReport: report => this.#admin.reported(report),
      onPong: () => this.#readiness.answered(),
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
      listeners: () => this.#listeners.all,
      adminSocket: () => this.#admin.path,
      ticketSecrets: () => this.#certificates.current?.secrets ?? null,
      upstreams: () => this.#upstreamChanges.changed.map(name => this.#upstreamChanges.handOn(name)),
      serving: () => (this.#fleets?.present ?? []).filter(one => one.serving !== null).map(({ name }) => name),
      canTell: () => this.#readiness.canTell,
      variables: () => this.#readiness.variables,
      begun: () => {
        this.#log.share()
        this.#readiness.reloading('upgrade')
      },
      failed: pid => {
        const { pidFile } = this.#config
        if (pidFile !== null && pid !== undefined) removePrepared(pidFile, pid)
        this.#readiness.tell()
      },
      serves: (successor, taken) => void this.#leaveTo(successor, taken).catch(this.#onBug),
      ended: ({ pid }, code) => this.#readiness.tellInit(`${pid} ${code}`),
      reopenLogs: () => this.#reopenLogs(),
    })
  }

  /** A process of ours did not come up. */
  #ifReplaced(): void {
    if (!this.#ending.hasBegun && !this.#isOnTrial && !this.#config.isDevelopment) this.#upgrades.ifReplaced()
  }

  /** Of the program that ran before us. */
  #inheritChanges(changes: HandedOnChanges): void {
    for (const server of this.#upstreamChanges.inherit(changes))
      this.#narrator.warn(
        `upgrade: upstream ${changes.name} loses the server ${server}, which this version cannot read`,
      )
    this.#fleets?.inheritedChanges()
  }

  /** Something serves now, or cannot. */
  #judge(): void {
    if (this.#isOnTrial && !this.#ending.hasBegun && !this.#trial!.judge(this.#fleets!))
      this.#ending.stop('now', 1, problemOf(this.#fleets))
    this.#readiness.tell()
  }

  async #takeOver(): Promise<void> {
    await this.#trial!.takeOver({
      narrator: this.#narrator,
      pidFile: this.#pidFile,
      isStopping: () => this.#ending.hasBegun,
      listenForCommands: () => this.#listenForCommands(this.#fleets!),
      notify: () => this.#readiness.notify(),
    })
  }

  /** We are a new Jumak that has not taken over yet. */
  get #isOnTrial(): boolean {
    return this.#trial !== null && !this.#trial.isOver
  }

  /** The new one accepts clients: everything that it has is left to it, and we finish what runs. */
  async #leaveTo(successor: Successor, taken: readonly Listener[]): Promise<void> {
    this.#listeners.handedOn = taken
    await this.#ending.leave(async () => {
      this.#readiness.tellInit(`${successor.pid}`)
      await this.#readiness.handOver(successor.pid!)
      successor.release()
    })
  }

  #handleSignals(): () => void {
    return handleSignals({
      stop: (urgency, signal) => this.#ending.asked(urgency, signal),
      // Without a terminal it is an editor's debugger, which has keys of its own.
      interrupt: () =>
        !this.#ending.hasBegun && hasTerminal(this.#config) && (this.#fleets?.debuggers.interrupt() ?? false),
      reload: () => this.#hup(),
      upgrade: () => {
        if (!this.#ending.hasBegun) this.#upgrades.begin('SIGUSR2')
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
    if (!this.#ending.hasBegun) void this.#reloads.reload(null).catch(this.#onBug)
  }

  /** False: it cannot be mended. Then no worker could ever be replaced, so the program ends. */
  #repairDirectory(): boolean {
    if (this.#ending.hasBegun && !this.#ending.isDelaying) return false
    try {
      const repaired = this.#runtime?.repair() ?? ''
      if (repaired !== '') this.#narrator.warn(`the runtime directory ${this.#runtime!.path} ${repaired}`)
      return true
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.#narrator.error(error.message)
      this.#ending.stop('graceful', 1, error.message)
      return false
    }
  }

  readonly #onBug = (error: unknown): void => {
    const { message, stack } = asErrno(error)
    this.#narrator.error(`this is a bug in Jumak: ${stack ?? message}`)
    this.#ending.stop('now', 1, message)
  }

  async #release(): Promise<void> {
    this.#configWatcher?.close()
    await this.#upgrades.abort('')
    await this.#cgi.close()
    this.#fleets?.close()
    this.#source.evaluated?.prepared.drop()
    await this.#readiness.close()
    await this.#outputs.finish(LAST_OUTPUT_MS)
    this.#listeners.close()
    this.#runtime?.close()
    this.#pidFile?.remove()
    this.#admin.close()
  }
}
