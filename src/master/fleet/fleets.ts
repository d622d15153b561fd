/**
 * All applications and the one gateway before them: a fleet for each application, made when the configuration names it and dropped when
 * its last process has gone. Without an application the gateway alone serves, sites with files. Passes on what the gateway says to the fleet that it is about. Runs in the master.
 *
 * Invariants: numbers of workers are unique in the program, so a report about a worker needs no application's name; an application that
 * fails never ends the program while another one may still come up, or once any has served; one that was removed says nothing to the
 * gateway under its name, which may be another one's by now.
 * Not here: one application (`fleet.ts`), the gateway's process (`gateways.ts`), how the program ends (`shutdown.ts`).
 */
import type { AppConfig, Config, LogLevel } from '../../config/types.ts'
import { gatewayApp } from '../../control/config-shape.ts'
import type { MasterToGateway, Reported } from '../../control/messages.ts'
import type { GatewayTls } from '../../control/tls-messages.ts'
import type { SitesModel } from '../../sites/model.ts'
import type { Upstream } from '../../sites/upstream-model.ts'
import { OperatorError } from '../errors.ts'
import type { AffinityKey } from '../host/affinity-key.ts'
import { checkIdentity } from '../host/identity.ts'
import type { Listener } from '../host/listener.ts'
import { OutOfMemoryKills } from '../host/out-of-memory-kills.ts'
import type { RuntimeDirectory } from '../host/runtime-directory.ts'
import type { Narrator } from '../output/narrator.ts'
import type { Outputs } from '../output/output.ts'
import type { Programs } from '../paths.ts'
import { Debuggers } from './debuggers.ts'
import { Fleet } from './fleet.ts'
import type { GatewayHandle } from './gateway-handle.ts'
import { Gateways } from './gateways.ts'
import type { Settled } from './generations.ts'
import type { PreparedPreloaders } from './prepared.ts'
import type { ServerOrigin, UpstreamChanges, WantedChange } from './upstream-changes.ts'

export interface FleetsOptions {
  readonly config: Config
  readonly programs: Programs
  readonly listeners: readonly Listener[]
  readonly affinityKey: AffinityKey
  /** What `jumak upstream` has changed; of the program before, too. */
  readonly changes: UpstreamChanges
  /** It has changed something of this group. */
  readonly onUpstreamChanged: (name: string) => void
  /** In force now; null: no listener has TLS. */
  readonly tls: () => GatewayTls | null
  /** Gives the upstream of CGI programs its socket. */
  readonly locate: (upstreams: readonly Upstream[]) => readonly Upstream[]
  readonly runtime: RuntimeDirectory
  readonly outputs: Outputs
  /** Of `jumak gunicorn`, which has one application; null: no file is evaluated. */
  readonly prepared: PreparedPreloaders | null
  readonly narrator: Narrator
  /** Called before each fork of a worker; false: no worker can be forked. */
  readonly beforeFork: () => boolean
  /** No application can serve, or the gateway cannot listen: the program ends with this code. */
  readonly onFatal: (exitCode: number) => void
  /** An upgrade: the gateway accepts clients after `accept`. */
  readonly waits: boolean
  /** After `accept`: it accepts clients. */
  readonly onAccepting: () => void
  /** Its process has ended. */
  readonly onGatewayGone: () => void
  /** A generation of this application serves now, or was given up. */
  readonly onReloaded: (app: string, settled: Settled) => void
  /** Without an application: the gateway listens, so the program serves. */
  readonly onListening: () => void
  /** What the gateway does now: the answer to `report`. */
  readonly onReport: (report: Reported) => void
  /** The gateway has answered `ping`. */
  readonly onPong: () => void
}

export class Fleets {
  readonly debuggers: Debuggers
  /** Applications of the configuration that could not be added, by name: why, in one sentence. Empty at the start. */
  readonly refused = new Map<string, string>()
  readonly #options: FleetsOptions
  #config: Config
  readonly #changes: UpstreamChanges
  /** By the application's name. */
  readonly #fleets = new Map<string, Fleet>()
  /** Not in the configuration any more. They end when nothing runs in them. */
  readonly #retired = new Set<Fleet>()
  readonly #gateways: Gateways
  readonly #outOfMemoryKills = new OutOfMemoryKills()
  /** The worst exit code of what was given up. */
  #exitCode = 0
  #lastNumber = 0
  /** Some application has served. */
  #hasServed = false
  #hasToldReady = false
  #onChange: () => void = () => {}

  constructor(options: FleetsOptions) {
    this.#options = options
    this.#config = options.config
    this.#changes = options.changes
    this.#changes.configured(options.config.sites.upstreams)
    this.debuggers = new Debuggers(() => this.values().flatMap(({ workers }) => [...workers.values()]), {
      narrator: options.narrator,
      sendToGateway: message => this.sendToGateway(message),
      interrupt: worker => this.#ownerOf(worker.id)?.workers.interrupt(worker),
    })
    this.#gateways = new Gateways({
      ...options,
      config: () => ({ ...this.#config, sites: this.#sites }),
      affinityKey: () => options.affinityKey.of(this.#config),
      outOfMemoryKills: this.#outOfMemoryKills,
      started: () => {
        for (const fleet of this.present) fleet.tellGateway()
      },
      gone: () => {
        for (const fleet of this.values()) fleet.workers.unlink()
        options.onGatewayGone()
      },
      workerReport: report => this.#ownerOf(report.worker)?.workers.onGateway(report),
      codeChanged: (app, path) => this.get(app)?.development?.foundStale(path),
      hasServed: () => this.#hasServed,
      changed: () => {
        this.#onChange()
        for (const fleet of this.values()) fleet.wake()
        if (this.#config.apps.length === 0) this.#gatewayChanged()
      },
    })
    for (const app of options.config.apps) this.#add(app)
  }

  /** Those of the configuration, in its order. */
  get present(): Fleet[] {
    return [...this.#fleets.values()]
  }

  /** Those that are ending, too. */
  values(): Fleet[] {
    return [...this.#fleets.values(), ...this.#retired]
  }

  /** Undefined: no application has this name. */
  get(app: string): Fleet | undefined {
    return this.#fleets.get(app)
  }

  get gateway(): GatewayHandle | null {
    return this.#gateways.current
  }

  /** A Python that is in use; null while none was found. */
  get python(): string | null {
    for (const { python } of this.values()) if (python !== null) return python
    return null
  }

  /** Each application serves, or was given up; none is being reloaded, and one serves. Without one: clients can connect, or will at `accept`. */
  get isSettled(): boolean {
    const fleets = this.present
    if (this.#config.apps.length === 0) return this.#gateways.isListening
    return fleets.every(fleet => fleet.isSettled) && fleets.some(fleet => fleet.serving !== null)
  }

  /** Requests are answered, by applications or from files. */
  get serves(): boolean {
    return this.#config.apps.length === 0 ? this.#gateways.isListening : this.values().some(one => one.serving !== null)
  }

  /** Milliseconds for running requests at a stop, where there is no application. */
  get graceful(): number {
    return this.#config.graceful
  }

  /** Starts everything. */
  start(): void {
    for (const fleet of this.#fleets.values()) fleet.beginGeneration()
    this.#gateways.wake()
  }

  /**
   * Adds, changes and removes applications. Returns the names of those that were added: they are being started, and need no reload.
   */
  configure(config: Config): ReadonlySet<string> {
    const { redirect, hsts } = this.#config.https
    const isHttpsNew = redirect !== config.https.redirect || hsts !== config.https.hsts
    this.#config = config
    this.#changes.configured(config.sites.upstreams)
    if (isHttpsNew) this.sendToGateway({ type: 'https', https: config.https })
    this.sendToGateway({ type: 'error-pages', pages: config.errorPages })
    this.sendToGateway({ type: 'trusted-proxies', ranges: config.trustedProxies })
    this.sendToGateway({
      type: 'apps',
      apps: config.apps.map(gatewayApp),
      affinityKey: this.#options.affinityKey.of(config),
      sites: this.#sites,
    })
    this.refused.clear()
    const before = new Map(this.#fleets)
    const added = new Set<string>()
    const names = config.apps.map(({ name }) => name)
    const leaving = this.values()
      .map(({ name }) => name)
      .filter(name => !names.includes(name))
    this.#options.narrator.setNames([...names, ...leaving])
    // In the order of the configuration.
    this.#fleets.clear()
    for (const app of config.apps) {
      const fleet = before.get(app.name)
      before.delete(app.name)
      if (fleet === undefined) {
        this.#tryToAdd(app)
        added.add(app.name)
      } else {
        this.#fleets.set(app.name, fleet)
        fleet.configure(config, app)
      }
    }
    for (const fleet of before.values()) this.#retire(fleet)
    this.#tellReady()
    return added
  }

  /** With the servers that upstreams have now. */
  get #sites(): SitesModel {
    const { sites } = this.#config
    return { ...sites, upstreams: this.#options.locate(this.#changes.apply(sites.upstreams)) }
  }

  /** Upstreams of the configuration, and all of their servers. */
  get upstreams(): { readonly upstream: Upstream; readonly servers: readonly ServerOrigin[] }[] {
    const { upstreams } = this.#config.sites
    return upstreams.map(upstream => ({ upstream, servers: this.#changes.origins(upstream) }))
  }

  /** `jumak upstream`. Returns why it cannot be done; null: it is in force soon. */
  changeUpstream(wanted: WantedChange): string | null {
    const problem = this.#changes.change(this.#config.sites.upstreams, wanted)
    if (problem !== null) return problem
    this.sendToGateway({ type: 'upstreams', upstreams: this.#sites.upstreams })
    this.#options.onUpstreamChanged(wanted.upstream)
    return null
  }

  /** The program that ran before has changed servers. */
  inheritedChanges(): void {
    const { upstreams } = this.#config.sites
    this.#changes.configured(upstreams)
    this.sendToGateway({ type: 'upstreams', upstreams: this.#changes.apply(upstreams) })
  }

  /** The gateway accepts clients from now on: `onAccepting` follows. */
  accept(): void {
    this.#gateways.accept()
  }

  /** From now on the gateway answers health checks with "not ready", and serves on. */
  announceStop(): void {
    this.#gateways.announceStop()
  }

  /** Stops planning: from now on events are only recorded. */
  freeze(): void {
    this.#outOfMemoryKills.stop()
    for (const fleet of this.values()) fleet.freeze()
    this.#gateways.freeze()
  }

  /** Calls back after every change: the shutdown waits for those. */
  onChange(callback: () => void): void {
    this.#onChange = callback
  }

  /** What the gateway tells for the log, until the next start. */
  setLogLevel(level: LogLevel): void {
    this.#gateways.setLogLevel(level)
  }

  sendToGateway(message: MasterToGateway): void {
    this.#gateways.send(message)
  }

  /** No worker can connect any more. */
  close(): void {
    for (const fleet of this.values()) fleet.close()
  }

  #ownerOf(worker: number): Fleet | undefined {
    return this.values().find(fleet => fleet.workers.has(worker))
  }

  /** One that cannot have its user or its directory is not started, and the others serve on. */
  #tryToAdd(app: AppConfig): void {
    try {
      checkIdentity(app.identity)
      const fleet = this.#add(app)
      fleet.narrator.added()
      fleet.beginGeneration()
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      const why = `the application ${app.name} cannot be started: ${error.message}`
      this.refused.set(app.name, why)
      this.#options.narrator.ofApp(app).error(why)
    }
  }

  #add(app: AppConfig): Fleet {
    const fleet: Fleet = new Fleet({
      ...this.#options,
      config: this.#config,
      app,
      narrator: this.#options.narrator.ofApp(app),
      outOfMemoryKills: this.#outOfMemoryKills,
      nextNumber: () => ++this.#lastNumber,
      sendToGateway: message => this.sendToGateway(message),
      hasGateway: () => this.#gateways.isListening,
      debuggers: this.debuggers,
      onHopeless: exitCode => this.#onHopeless(fleet, exitCode),
      onFirstServes: () => {
        this.#hasServed = true
      },
      onReloaded: settled => {
        this.#tellReady()
        this.#options.onReloaded(app.name, settled)
      },
      onChange: () => this.#changed(fleet),
    })
    this.#fleets.set(app.name, fleet)
    return fleet
  }

  #retire(fleet: Fleet): void {
    this.#retired.add(fleet)
    fleet.retire()
    // Who waits for a reload of it waits in vain.
    const failure = 'it is not in the configuration any more'
    this.#options.onReloaded(fleet.name, { generation: Number.POSITIVE_INFINITY, failure, serving: null })
  }

  #changed(fleet: Fleet): void {
    if (fleet.isEmpty && this.#retired.delete(fleet)) {
      fleet.freeze()
      fleet.narrator.ended()
      fleet.close()
      this.#options.narrator.setNames(this.values().map(({ name }) => name))
    }
    this.#onChange()
  }

  /** True: no application has ever served, and none may still come up. */
  #onHopeless(fleet: Fleet, exitCode: number): boolean {
    this.#exitCode = Math.max(this.#exitCode, exitCode)
    // While developing, another one may be mended.
    const mayComeUp = this.present.some(other => other !== fleet && (!other.isSettled || other.development !== null))
    if (this.#hasServed || mayComeUp) return false
    this.#options.onFatal(this.#exitCode)
    return true
  }

  /** There is no application: the program serves as soon as its gateway does. */
  #gatewayChanged(): void {
    if (!this.#gateways.isListening) return
    this.#hasServed = true
    this.#tellReady()
    this.#options.onListening()
  }

  /** Once, when each application serves or was given up. Later ones tell only that they themselves are ready. */
  #tellReady(): void {
    if (this.#hasToldReady || !this.isSettled) return
    this.#hasToldReady = true
    const fleets = this.present
    if (fleets.length !== 1) this.#options.narrator.allReady(fleets)
    void this.#options.narrator.memory(this.#pids(fleets))
  }

  #pids(fleets: readonly Fleet[]): Record<string, number[]> {
    const { gateway } = this
    return {
      master: [process.pid],
      gateway: pidsOf(gateway === null ? [] : [gateway]),
      preloader: fleets.flatMap(({ generations }) => pidsOf(generations.values())),
      workers: fleets.flatMap(({ workers }) => pidsOf(workers.values())),
    }
  }
}

/** Of those that have been started. */
function pidsOf(processes: Iterable<{ readonly pid: number | null | undefined }>): number[] {
  return [...processes].flatMap(({ pid }) => pid ?? [])
}
