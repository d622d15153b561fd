/**
 * All applications and the one gateway before them: a fleet for each application, made when the configuration names it and dropped when
 * its last process has gone. Passes on what the gateway says to the fleet that it is about. Runs in the master.
 *
 * Invariants: numbers of workers are unique in the program, so a report about a worker needs no application's name; an application that
 * fails never ends the program while another one serves or may still come up.
 * Not here: one application (`fleet.ts`), the gateway's process (`gateways.ts`), how the program ends (`shutdown.ts`).
 */
import type { AppConfig, Config } from '../../config/types.ts'
import { gatewayApp } from '../../control/config-shape.ts'
import type { MasterToGateway } from '../../control/messages.ts'
import { OperatorError } from '../errors.ts'
import { checkIdentity } from '../host/identity.ts'
import type { Listener } from '../host/listener.ts'
import { OutOfMemoryKills } from '../host/out-of-memory-kills.ts'
import type { RuntimeDirectory } from '../host/runtime-directory.ts'
import type { Narrator } from '../output/narrator.ts'
import type { Outputs } from '../output/output.ts'
import type { Programs } from '../paths.ts'
import { Fleet } from './fleet.ts'
import type { GatewayHandle } from './gateway-handle.ts'
import { Gateways } from './gateways.ts'

export interface FleetsOptions {
  readonly config: Config
  readonly programs: Programs
  readonly listeners: readonly Listener[]
  readonly runtime: RuntimeDirectory
  readonly outputs: Outputs
  readonly narrator: Narrator
  /** Called before each fork of a worker; false: no worker can be forked. */
  readonly beforeFork: () => boolean
  /** No application can serve, or the gateway cannot listen: the program ends with this code. */
  readonly onFatal: (exitCode: number) => void
  /** A generation of some application serves now, or was given up. */
  readonly onReloaded: () => void
  /** The gateway has answered `ping`. */
  readonly onPong: () => void
}

export class Fleets {
  readonly #options: FleetsOptions
  #config: Config
  /** By the application's name. */
  readonly #fleets = new Map<string, Fleet>()
  /** Not in the configuration any more. They end when nothing runs in them. */
  readonly #retired = new Set<Fleet>()
  readonly #gateways: Gateways
  readonly #outOfMemoryKills = new OutOfMemoryKills()
  /** Applications whose first generation was given up. */
  readonly #givenUp = new Set<Fleet>()
  #lastNumber = 0
  #hasToldReady = false
  #onChange: () => void = () => {}

  constructor(options: FleetsOptions) {
    this.#options = options
    this.#config = options.config
    this.#gateways = new Gateways({
      ...options,
      config: () => this.#config,
      outOfMemoryKills: this.#outOfMemoryKills,
      started: () => {
        for (const fleet of this.values()) fleet.gatewayStarted()
      },
      gone: () => {
        for (const fleet of this.values()) fleet.workers.unlink()
      },
      workerReport: report => this.#ownerOf(report.worker)?.workers.onGateway(report),
      codeChanged: (app, path) => this.get(app)?.development?.foundStale(path),
      isServing: () => this.values().some(fleet => fleet.serving !== null),
      changed: () => {
        this.#onChange()
        for (const fleet of this.values()) fleet.wake()
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

  /** Each application serves, or its first generation was given up; none is being reloaded, and one serves. */
  get isSettled(): boolean {
    const fleets = this.present
    return (
      fleets.every(fleet => !fleet.isReloading && (fleet.serving !== null || this.#givenUp.has(fleet))) &&
      fleets.some(fleet => fleet.serving !== null)
    )
  }

  /** Starts everything. */
  start(): void {
    for (const fleet of this.#fleets.values()) fleet.beginGeneration()
    this.#gateways.wake()
  }

  /**
   * Adds, changes and removes applications. `newWorkers`: those whose number of workers was set anew. Returns those that were added: they
   * are being started, and need no reload.
   */
  configure(config: Config, newWorkers: ReadonlySet<string>): ReadonlySet<string> {
    this.#config = config
    this.sendToGateway({ type: 'error-pages', pages: config.errorPages })
    this.sendToGateway({ type: 'apps', apps: config.apps.map(gatewayApp) })
    const before = new Map(this.#fleets)
    const added = new Set<string>()
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
        fleet.configure(config, app, newWorkers.has(app.name))
      }
    }
    for (const fleet of before.values()) {
      this.#retired.add(fleet)
      fleet.retire()
    }
    return added
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
      this.#add(app).beginGeneration()
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.#options.narrator.ofApp(app).error(`the application ${app.name} cannot be started: ${error.message}`)
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
      onHopeless: exitCode => this.#onHopeless(fleet, exitCode),
      onFirstServes: () => this.#onFirstServes(),
      onChange: () => this.#changed(fleet),
    })
    this.#fleets.set(app.name, fleet)
    return fleet
  }

  #changed(fleet: Fleet): void {
    if (this.#retired.has(fleet) && fleet.isEmpty) {
      this.#retired.delete(fleet)
      fleet.close()
    }
    this.#onChange()
  }

  /** True: no application serves, and none may still come up. */
  #onHopeless(fleet: Fleet, exitCode: number): boolean {
    this.#givenUp.add(fleet)
    const fleets = this.present
    const isFatal = fleets.every(one => one.serving === null && this.#givenUp.has(one))
    if (isFatal) this.#options.onFatal(exitCode)
    return isFatal
  }

  #onFirstServes(): void {
    const fleets = this.present
    if (this.#hasToldReady || fleets.some(fleet => fleet.serving === null)) return
    this.#hasToldReady = true
    if (fleets.length > 1) this.#options.narrator.allServe(fleets.length)
    void this.#options.narrator.memory(this.#pids(fleets))
  }

  #pids(fleets: readonly Fleet[]): Record<string, number[]> {
    const known = (pids: readonly (number | null | undefined)[]) => pids.flatMap(pid => pid ?? [])
    return {
      master: [process.pid],
      gateway: known([this.gateway?.pid]),
      preloader: known(
        fleets.flatMap(({ generations }) =>
          generations
            .values()
            .map(({ pid }) => pid)
            .toArray(),
        ),
      ),
      workers: known(
        fleets.flatMap(({ workers }) =>
          workers
            .values()
            .map(({ pid }) => pid)
            .toArray(),
        ),
      ),
    }
  }
}
