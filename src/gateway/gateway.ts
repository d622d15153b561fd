/**
 * What one event loop of the gateway does with the master's messages: passes them on to the applications, drains, reports. Runs in the
 * gateway: in its main thread, or in each of its threads (`threads/`).
 *
 * Invariant: a change (`prepare`) is in force from one moment on. Nothing changes if it cannot be prepared.
 * Not here: listening sockets (`main.ts`, `threads/`), what it is made of (`parts.ts`), the path of a request (`assemble.ts`).
 */
import type { MemoryBudget } from '../base/memory-budget.ts'
import type { Traffic } from '../base/traffic.ts'
import type { HttpsConfig } from '../config/types.ts'
import type { GatewayChange, GatewayStart, GatewayToMaster, MasterToGateway } from '../control/messages.ts'
import {
  type AdmissionParts,
  assembleHandler,
  assembleHandshakes,
  assembleProtocols,
  assembleProxied,
  makeSites,
} from './assemble.ts'
import { Connections } from './connections/connections.ts'
import type { Handshakes } from './connections/handshakes.ts'
import type { Drain } from './listening.ts'
import { type GatewayParts, makeParts } from './parts.ts'
import type { RemoteRecords } from './remote.ts'
import { Reports } from './report.ts'
import type { Entry } from './serve.ts'
import type { OtherLoops } from './shared-parts.ts'
import type { Sites } from './sites/sites.ts'

/** How often the master hears how many requests would be cut if the gateway died. */
const IN_FLIGHT_MS = 500
/** What runs when the master dies has this long: long enough for ordinary requests, short enough for a restart. */
const ORPHAN_DRAIN_MS = 5000

/** What the gateway does for a message of the master; `start` is over, and `accept` is for who listens. */
export type GatewayMessage = Exclude<MasterToGateway, { readonly type: 'start' | 'accept' }>

export type WorkerAdd = Extract<MasterToGateway, { readonly type: 'worker-add' }>

/** All of the gateway, whatever number of threads it has. */
export interface RunningGateway {
  onMessage(message: GatewayMessage): void
  /** After a `start` that waits: clients are accepted from now on. */
  accept(): void
  /** The master has gone. Resolves when the process may end. */
  end(): Promise<void>
}

export interface GatewayOptions {
  readonly start: GatewayStart
  /** Where requests enter. Its handler is the gateway's to set. */
  readonly entry: Entry
  readonly send: (message: GatewayToMaster) => void
  /** Accepts nobody any more. Resolves when all that had connected in time are accepted. Called once. */
  readonly stopAccepting: (drain: Drain) => Promise<unknown>
  /** What this event loop shares with others. Null: there are none. */
  readonly threads?: OtherLoops | null
  /** For connections with TLS. Null: no listener has it, and it is not loaded. */
  readonly handshakes: typeof Handshakes | null
  /** For metrics and syslog. Null: nobody wants them, and it is not loaded. */
  readonly remote?: typeof RemoteRecords | null
}

/** Loads what connections with TLS need; null: no listener has TLS. */
export async function loadHandshakes({ tls }: GatewayStart): Promise<typeof Handshakes | null> {
  return tls === null ? null : (await import('./connections/handshakes.ts')).Handshakes
}

/** Loads what metrics and syslog need; null: nobody wants them. */
export async function loadRemote({ config: { statsd, syslog } }: GatewayStart): Promise<typeof RemoteRecords | null> {
  const isWanted = statsd !== null || (syslog !== null && syslog.access !== null)
  return isWanted ? (await import('./remote.ts')).RemoteRecords : null
}

export class Gateway {
  readonly connections: Connections
  readonly #options: GatewayOptions
  readonly #parts: GatewayParts
  /** The program is about to stop: load balancers should send nothing more, though everything is served. */
  #isStopping = false
  readonly #reports: Reports
  #lastAccept: Promise<unknown> | null = null
  #finished: Promise<void> | null = null
  #inFlight = 0
  /** In force now. */
  #https: HttpsConfig
  /** Null: no listener has TLS. */
  readonly #handshakes: Handshakes | null
  /** Null: there are none, and requests go to applications by their own hosts and paths. */
  #sites: Sites | null

  constructor(options: GatewayOptions) {
    this.#options = options
    const [isStopping, traffic] = [() => this.#isStopping, () => this.connections.traffic()]
    this.#parts = makeParts(options.start, options.send, isStopping, traffic, options)
    this.#sites = makeSites(this.#parts, options.start.config.sites)
    const { tls, config, listeners } = options.start
    const protocols = assembleProtocols(this.#parts, options.entry, listeners)
    this.#https = config.https
    this.#handshakes =
      options.handshakes && tls && assembleHandshakes(this.#parts, protocols.http, tls, options.handshakes)
    this.connections = new Connections(
      { ...protocols, https: this.#handshakes },
      assembleProxied(this.#parts, listeners),
    )
    this.#assemble()
    this.#reports = new Reports(
      () => this.#parts.applications.namedPools,
      () => this.connections.count(),
    )
    setInterval(() => {
      this.#tellInFlight()
      this.#reports.sample()
      this.#parts.remote?.sample(() => this.#waiting)
      this.#parts.memory.check()
    }, IN_FLIGHT_MS).unref()
  }

  /** What `assembleAdmission` needs where the main thread also serves. */
  get admissionParts(): AdmissionParts {
    return this.#parts
  }

  /** What clients' bytes are counted in. */
  get memory(): MemoryBudget {
    return this.#parts.memory.budget
  }

  /** For the other threads. Null: no location shows it. */
  get traffic(): Traffic | null {
    return this.#sites?.traffic?.own ?? null
  }

  /** Another thread asks: memory is short, and this one has more than its share. */
  checkMemory(): void {
    this.#parts.memory.check()
  }

  get #waiting(): number {
    return this.#parts.applications.namedPools.reduce((sum, { pool }) => sum + pool.waiting, 0)
  }

  #tellInFlight(): void {
    const { inFlight } = this.#parts.applications
    if (inFlight === this.#inFlight) return
    this.#inFlight = inFlight
    this.#options.send({ type: 'in-flight', count: inFlight })
  }

  onMessage(message: GatewayMessage): void {
    const { applications, accessLog, siteLogs } = this.#parts
    switch (message.type) {
      case 'worker-add':
        this.addWorker(message)
        break
      case 'worker-drain':
        applications.drainWorker(message.worker)
        break
      case 'worker-debugged':
        applications.debugged(message.worker, message.isDebugged)
        break
      case 'no-worker':
        applications.get(message.app)?.refuseWaiting()
        break
      case 'hold':
      case 'sources':
      case 'broken':
        applications.get(message.app)?.codeGuard?.onMessage(message)
        break
      case 'log-level':
        this.#parts.setLogLevel(message.level)
        break
      case 'report':
        this.#options.send({
          type: 'reported',
          id: message.id,
          ...this.#reports.make(),
          upstreams: this.#sites?.reportUpstreams() ?? [],
        })
        break
      case 'reopen-logs':
        accessLog.reopen()
        siteLogs.current?.reopen()
        break
      case 'ping':
        this.#options.send({ type: 'pong' })
        break
      case 'drain':
        if (message.handedOn.length > 0) {
          accessLog.share()
          siteLogs.current?.share()
        }
        void this.#drain(message).then(cut => {
          this.#options.send({ type: 'drained', cut })
          // Meanwhile the master stops the workers.
          return this.#finish()
        })
        break
      default:
        this.prepare(message)()
    }
  }

  /** `cells`: where several threads share the worker's slots. */
  addWorker(message: WorkerAdd & { readonly cells?: SharedArrayBuffer }): void {
    this.#parts.applications.addWorker(message)
  }

  /** In another thread requests of this kind have cost workers. */
  learnOffender(app: string, pool: string, kind: string): void {
    this.#parts.applications.get(app)?.pools.get(pool)?.learnOffender(kind)
  }

  /** Returns what puts the change in force. That cannot fail, and takes effect with the next request. */
  prepare(change: GatewayChange): () => void {
    const { applications, pages } = this.#parts
    switch (change.type) {
      case 'serve':
        return () => {
          if (applications.serve(change)) this.#assemble()
        }
      case 'static':
        return () => applications.setMounts(change.app, change.mounts)
      case 'error-pages':
        return () => pages.replace(change.pages)
      case 'trusted-proxies': {
        const { trusted } = this.#parts
        return () => trusted.replace(change.ranges)
      }
      case 'https':
        return () => {
          this.#https = change.https
          this.#assemble()
        }
      case 'apps': {
        const configure = applications.prepare(change.apps, change.affinityKey)
        const sites = makeSites({ ...this.#parts, affinityKey: change.affinityKey }, change.sites)
        return () => {
          configure()
          this.#sites?.close()
          this.#sites = sites
          this.#assemble()
        }
      }
      case 'upstreams':
        return () => this.#sites?.setUpstreams(change.upstreams)
      case 'tls':
        return () => {
          this.#handshakes?.replace(change.tls)
          this.#assemble()
        }
      case 'stopping':
        return () => {
          this.#isStopping = true
        }
    }
  }

  /** The applications have changed: requests go to them as they are now. */
  #assemble(): void {
    this.#options.entry.handler = assembleHandler(this.#parts, {
      sites: this.#sites,
      tls: this.#handshakes?.rules ?? null,
      https: this.#https,
    })
  }

  /** The master has gone. Drains, if it has not drained yet. Resolves when the process may end. */
  async end(): Promise<void> {
    await this.#drain(null)
    await this.#finish()
  }

  /** Called after a drain. */
  #finish(): Promise<void> {
    this.#finished ??= this.connections
      .linger()
      .then(() =>
        Promise.all([
          this.#parts.accessLog.close(),
          this.#parts.siteLogs.current?.close(),
          this.#parts.remote?.close(),
        ]),
      )
      .then(() => {})
    return this.#finished
  }

  /** Resolves with the number of exchanges that were cut at the deadline. */
  async #drain(drain: Drain): Promise<number> {
    const deadlineMs = drain?.deadlineMs ?? ORPHAN_DRAIN_MS
    const until = performance.now() + deadlineMs
    const { applications, refusals, memory } = this.#parts
    this.#isStopping = true
    this.connections.startDrain()
    applications.drain(deadlineMs)
    this.#sites?.drain()
    this.#lastAccept ??= this.#options.stopAccepting(drain)
    await this.#lastAccept
    const cut = await this.connections.drain(until - performance.now())
    applications.close()
    this.#sites?.close()
    refusals.flush()
    memory.flush()
    return cut
  }
}
