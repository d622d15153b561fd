/**
 * The applications of the gateway, by name. HUP adds, changes and removes them while they serve. Runs in the gateway.
 *
 * Invariants: numbers of workers are unique in the program, so a message about a worker needs no application's name. One that is removed
 * gets no new request, and is kept until its last worker has gone; a new one may have its name meanwhile.
 * Not here: which of them gets a request (`routing/`, put together in `assemble.ts`).
 */
import type { AppPool } from '../apps/pool/pool.ts'
import type { GatewayApp, StaticMount } from '../config/types.ts'
import type { MasterToGateway } from '../control/messages.ts'
import { Application } from './application.ts'
import type { NamedPool } from './report.ts'
import type { SharedParts } from './shared-parts.ts'

export class Applications {
  #shared: SharedParts
  readonly #onStale: (app: string, path: string) => void
  /** In the order of the configuration. */
  #applications: ReadonlyMap<string, Application>
  /** Not in the configuration any more. */
  readonly #retired = new Set<Application>()

  constructor(apps: readonly GatewayApp[], shared: SharedParts, onStale: (app: string, path: string) => void) {
    this.#shared = shared
    this.#onStale = onStale
    this.#applications = new Map(apps.map(app => [app.name, this.#make(app)]))
  }

  #make(app: GatewayApp): Application {
    return new Application(app, this.#shared, path => this.#onStale(app.name, path))
  }

  /** In the order of the configuration. */
  values(): readonly Application[] {
    return [...this.#applications.values()]
  }

  get(name: string): Application | undefined {
    return this.#applications.get(name)
  }

  /**
   * The configuration was read again. Makes the applications that are new, and returns what puts all of it in force. After that the handlers
   * of all applications may be others.
   */
  prepare(apps: readonly GatewayApp[], affinityKey: string): () => void {
    // For those that are new. The others keep what they have: their clients are known by it.
    this.#shared = { ...this.#shared, affinityKey }
    const before = this.#applications
    const present = new Map(apps.map(app => [app.name, before.get(app.name) ?? this.#make(app)]))
    return () => {
      this.#applications = present
      for (const app of apps) if (before.has(app.name)) present.get(app.name)!.configure(app)
      for (const [name, application] of before) {
        if (present.has(name)) continue
        this.#retired.add(application)
        application.retire(() => this.#retired.delete(application))
      }
    }
  }

  /** Each pool with its application's name and its own; the name of a main pool is empty. For the status. */
  get namedPools(): NamedPool[] {
    return [...this.#applications].flatMap(([app, { pools }]) =>
      [...pools].map(([name, pool]) => ({ app, name, pool })),
    )
  }

  // ---- their workers ----

  get #allPools(): readonly AppPool[] {
    return [...this.#applications.values(), ...this.#retired].flatMap(({ allPools }) => allPools)
  }

  #poolOf(worker: number): AppPool | undefined {
    return this.#allPools.find(pool => pool.has(worker))
  }

  addWorker(message: Extract<MasterToGateway, { readonly type: 'worker-add' }>): void {
    this.get(message.app)?.addWorker(message.pool, message)
  }

  /** A worker that is in no pool has nothing to do any more, or its application was removed before it came. */
  drainWorker(worker: number): void {
    const pool = this.#poolOf(worker)
    if (pool === undefined) this.#shared.events.drained(worker)
    else pool.drainWorker(worker)
  }

  debugged(worker: number, isDebugged: boolean): void {
    this.#poolOf(worker)?.debugged(worker, isDebugged)
  }

  /** True: the application has another path now. */
  serve({ app, generation, path }: Extract<MasterToGateway, { readonly type: 'serve' }>): boolean {
    return this.get(app)?.serve(generation, path) ?? false
  }

  setMounts(app: string, mounts: readonly StaticMount[]): void {
    this.get(app)?.setMounts(mounts)
  }

  // ---- all of them ----

  /** Requests that wait or run, streams and WebSockets included. */
  get inFlight(): number {
    return this.#allPools.reduce((sum, { inFlight }) => sum + inFlight, 0)
  }

  /** Why a new request for some application would have to wait; null while all can serve. */
  get whyNotReady(): string | null {
    const isOne = this.#applications.size === 1
    for (const [name, { whyNotReady }] of this.#applications)
      if (whyNotReady !== null) return isOne ? whyNotReady : `${name}: ${whyNotReady}`
    return null
  }

  drain(deadlineMs: number): void {
    for (const pool of this.#allPools) pool.drain(deadlineMs)
  }

  close(): void {
    for (const application of [...this.#applications.values(), ...this.#retired]) application.close()
  }
}
