/**
 * The applications of the gateway, by name, and which of them a worker belongs to. Runs in the gateway.
 *
 * Invariant: numbers of workers are unique in the program, so a message about a worker needs no application's name.
 */
import type { AppPool } from '../apps/pool/pool.ts'
import type { GatewayApp, StaticMount } from '../config/types.ts'
import type { MasterToGateway } from '../control/messages.ts'
import { type Application, makeApplication } from './application.ts'
import type { SharedParts } from './shared-parts.ts'

export class Applications {
  readonly #applications = new Map<string, Application>()
  /** By the number of a worker. Has workers until they are drained or lost. */
  readonly #pools = new Map<number, AppPool>()

  constructor(apps: readonly GatewayApp[], shared: SharedParts, onStale: (app: string, path: string) => void) {
    for (const app of apps)
      this.#applications.set(
        app.name,
        makeApplication(app, shared, path => onStale(app.name, path)),
      )
  }

  values(): MapIterator<Application> {
    return this.#applications.values()
  }

  get(name: string): Application | undefined {
    return this.#applications.get(name)
  }

  get #allPools(): AppPool[] {
    return this.values()
      .flatMap(({ pools }) => pools.values())
      .toArray()
  }

  addWorker(message: Extract<MasterToGateway, { readonly type: 'worker-add' }>): void {
    const pool = this.get(message.app)?.pools.get(message.pool)
    if (pool === undefined) return
    this.#pools.set(message.worker, pool)
    pool.addWorker(message)
  }

  drainWorker(worker: number): void {
    this.#pools.get(worker)?.drainWorker(worker)
    this.#pools.delete(worker)
  }

  debugged(worker: number, isDebugged: boolean): void {
    this.#pools.get(worker)?.debugged(worker, isDebugged)
  }

  serve(app: string, generation: number): void {
    for (const pool of this.get(app)?.pools.values() ?? []) pool.serve(generation)
  }

  /** Directories from the application's own settings, besides those of the configuration. */
  setMounts(app: string, mounts: readonly StaticMount[]): void {
    const application = this.get(app)
    application?.files.setMounts([...application.config.staticMounts, ...mounts])
  }

  /** Requests that wait or run, streams and WebSockets included. */
  get inFlight(): number {
    return this.#allPools.reduce((sum, { inFlight }) => sum + inFlight, 0)
  }

  /** Why a new request for some application would have to wait; null while all can serve. */
  get whyNotReady(): string | null {
    for (const pool of this.#allPools) if (pool.whyNotReady !== null) return pool.whyNotReady
    return null
  }

  drain(deadlineMs: number): void {
    for (const pool of this.#allPools) pool.drain(deadlineMs)
  }

  close(): void {
    for (const pool of this.#allPools) pool.close()
  }
}
