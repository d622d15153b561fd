/**
 * One application in the gateway: its pools, its static files, and the handler that a request for it goes to. Runs in the gateway.
 * Applications share nothing here but what `shared-parts.ts` gives to all: memory, disk, error pages, the logs.
 *
 * HUP changes it while it serves: its hosts and its pools at once. Its path goes with its code: workers that run know the path with which
 * they were started (SCRIPT_NAME), so another path is in force when a generation that was started with it serves. The master says which
 * path that is, with each worker and with the generation. All other settings need a restart of the program.
 *
 * Invariant: a pool has workers of this application only, and lives as long as one of them.
 * Not here: which requests are for it (`routing/`), which of its pools gets one (`path-pools.ts`).
 */
import { linkFactory } from '../apps/links.ts'
import type { PoolEvents } from '../apps/pool/events.ts'
import type { LinkFactory } from '../apps/pool/link-owner.ts'
import { AppPool } from '../apps/pool/pool.ts'
import type { WorkerAddress } from '../apps/pool/worker.ts'
import { loadNow } from '../base/load-now.ts'
import { fileCompression } from '../compression/files.ts'
import type { GatewayApp, StaticMount } from '../config/types.ts'
import { appHandler } from '../handlers/app.ts'
import { BY_NAME } from '../handlers/static/entry.ts'
import { StaticFiles } from '../handlers/static/handler.ts'
import type { Exchange, Handler } from '../http/exchange.ts'
import { poolAffinity } from './affinity.ts'
import { Addresses } from './connections/addresses.ts'
import { StaleCodeGuard } from './development/stale-code.ts'
import { respondWithError } from './errors/error-response.ts'
import { AppRefusals } from './errors/refusals.ts'
import { choosePool } from './path-pools.ts'
import type { SharedParts } from './shared-parts.ts'
import { staticFirst } from './static-first.ts'
import { socketPassing } from './transports/passing.ts'

export class Application {
  /** Null without `--reload`. */
  readonly codeGuard: StaleCodeGuard | null
  readonly #shared: SharedParts
  readonly #events: PoolEvents
  readonly #refusals: AppRefusals
  /** Requests that wait for a worker, or for more of their content. */
  readonly #perAddress: Addresses
  #config: GatewayApp
  /** By the path that workers were started with. */
  readonly #links = new Map<string, LinkFactory>()
  /** By name, in the order of the configuration: the main pool, whose name is empty, is the first. */
  #pools: ReadonlyMap<string, AppPool> = new Map()
  /** Pools that are not in the configuration any more, until their workers have gone. */
  readonly #retired = new Set<AppPool>()
  #files: StaticFiles
  /** Directories from the application's own settings. */
  #foundMounts: readonly StaticMount[] = []
  #handler: Handler
  /** The generation that serves. */
  #serving: number | null = null

  /** `onStale`: development: a file of the code has changed. */
  constructor(config: GatewayApp, shared: SharedParts, onStale: (path: string) => void) {
    const { name } = config
    const log: PoolEvents['log'] = (level, message, request) => shared.log(level, message, request, name)
    this.#config = config
    this.#shared = shared
    this.#events = { ...shared.events, log }
    this.#refusals = new AppRefusals(
      (level, message, request = '') => log(level, message, request),
      config.limits.requestsPerAddress,
    )
    this.#perAddress = this.#countAddresses()
    this.codeGuard = shared.config.isDevelopment ? new StaleCodeGuard(onStale) : null
    this.#pools = this.#makePools()
    this.#files = this.#makeFiles()
    this.#handler = this.#makeHandler()
  }

  /** In force now. */
  get config(): GatewayApp {
    return this.#config
  }

  get pools(): ReadonlyMap<string, AppPool> {
    return this.#pools
  }

  /** With those that are ending. */
  get allPools(): readonly AppPool[] {
    return [...this.#pools.values(), ...this.#retired]
  }

  /** What a request for the application goes to, until `configure` or `serve`. */
  get handler(): Handler {
    return this.#handler
  }

  /** Why a new request would have to wait; null while each pool can serve. */
  get whyNotReady(): string | null {
    for (const [name, { whyNotReady }] of this.#pools)
      if (whyNotReady !== null) return name === '' ? whyNotReady : `pool ${name}: ${whyNotReady}`
    return null
  }

  /** The program stops, and no worker follows. */
  refuseWaiting(): void {
    for (const pool of this.allPools) pool.refuseWaiting()
  }

  /** The configuration was read again. */
  configure(config: GatewayApp): void {
    this.#config = { ...config, path: this.#config.path }
    const before = this.#pools
    this.#pools = this.#makePools()
    for (const [name, pool] of before) if (!this.#pools.has(name)) this.#retire(pool)
    this.#handler = this.#makeHandler()
  }

  /** The application is not in the configuration any more. Calls back when its last worker has gone. */
  retire(onGone: () => void): void {
    const pools = [...this.#pools.values()]
    this.#pools = new Map()
    const onClosed = () => {
      if (this.allPools.length > 0) return
      this.#refusals.flush()
      onGone()
    }
    for (const pool of pools) this.#retired.add(pool)
    for (const pool of [...this.#retired]) this.#retire(pool, onClosed)
  }

  #retire(pool: AppPool, onClosed = () => {}): void {
    this.#retired.add(pool)
    this.codeGuard?.drop(pool)
    pool.retire(() => {
      this.#retired.delete(pool)
      onClosed()
    })
  }

  /** `pool`: its name. One that was removed meanwhile gets no worker: the master, which knows that by now, ends the worker. */
  addWorker(pool: string, address: WorkerAddress): void {
    this.#pools.get(pool)?.addWorker(address)
  }

  /** This generation of the application serves. True: the application has another path now. */
  serve(generation: number, path: string): boolean {
    this.#serving = generation
    const moves = path !== this.#config.path
    if (moves) {
      this.#config = { ...this.#config, path }
      // Workers that are linked keep theirs.
      this.#links.clear()
      this.#files = this.#makeFiles()
      this.#handler = this.#makeHandler()
    }
    for (const pool of this.#pools.values()) pool.serve(generation)
    return moves
  }

  /** Directories from the application's own settings, besides those of the configuration. */
  setMounts(mounts: readonly StaticMount[]): void {
    this.#foundMounts = mounts
    this.#files.setMounts([...this.#config.staticMounts, ...mounts])
  }

  /** Closes all pools. */
  close(): void {
    for (const pool of this.allPools) pool.close()
    this.#refusals.flush()
  }

  // ---- its parts ----

  #countAddresses(): Addresses {
    const { trusted, threads } = this.#shared
    const { name, limits } = this.#config
    return new Addresses(limits.requestsPerAddress, address => trusted.isTrusted(address), threads?.addressCounts(name))
  }

  #linksOf({ path = '' }: WorkerAddress): LinkFactory {
    const known = this.#links.get(path)
    if (known !== undefined) return known
    const { build, memory, space, config } = this.#shared
    const { limits, timeouts, rootPath } = this.#config
    const threads = config.gatewayThreads
    const links = linkFactory({
      limits,
      timeouts,
      space,
      memory: memory.budget,
      build,
      rootPath,
      appPath: path,
      clientTimeouts: config.timeouts,
      threads,
      passing: socketPassing,
    })
    this.#links.set(path, links)
    return links
  }

  #makePools(): ReadonlyMap<string, AppPool> {
    return new Map(this.#config.pools.map(({ name }) => [name, this.#pools.get(name) ?? this.#makePool(name)]))
  }

  #makePool(name: string): AppPool {
    const { limits, timeouts, queueOrder, retry } = this.#config
    const { codeGuard } = this
    const { threads } = this.#shared
    const pool = new AppPool({
      limits,
      timeouts,
      queueOrder,
      retry,
      links: (address, worker, owner) => this.#linksOf(address)(address, worker, owner),
      onError: this.#refuse,
      beforeDispatch: codeGuard === null ? undefined : () => codeGuard.checkFreshness(),
      events: this.#events,
      slotSource: threads?.slotSource(this.#config.name, name, queueOrder),
      onOffender: threads ? kind => threads.onOffender(this.#config.name, name, kind) : undefined,
      perAddress: this.#perAddress,
      affinity: poolAffinity(() => this.#config, name, this.#shared.affinityKey),
    })
    codeGuard?.add(pool)
    if (this.#serving !== null) pool.serve(this.#serving)
    return pool
  }

  #makeFiles(): StaticFiles {
    const { rootPath, path, staticMounts } = this.#config
    const { config, kept, space } = this.#shared
    const files = new StaticFiles(rootPath, space.files, this.#refuse, path, {
      policy: { ...BY_NAME, compression: fileCompression(config.compression) },
      kept,
    })
    files.setMounts([...staticMounts, ...this.#foundMounts])
    return files
  }

  #makeHandler(): Handler {
    const { memory, space, pages } = this.#shared
    const { requestBuffering, limits } = this.#config
    const refuse = this.#refuse
    const options = {
      requestBuffering,
      limits,
      space,
      memory: memory.budget,
      perAddress: this.#perAddress,
      onError: refuse,
    }
    const handlers = this.#pools
      .values()
      .map(pool => appHandler(pool, options))
      .toArray()
    const toPool = handlers.length === 1 ? handlers[0]! : choosePool(this.#config, handlers)
    return staticFirst(this.#files, this.#sendingFiles(toPool), { isAnswered: () => pages.has(404), refuse })
  }

  #sendingFiles(toPool: Handler): Handler {
    const { name, sendfileRoots: roots } = this.#config
    if (roots.length === 0) return toPool
    const { withSendfile } = loadNow<typeof import('./sendfile.ts')>(import.meta, './sendfile')
    const openFiles = this.#shared.space.files
    const warn = (message: string, request: string) => this.#shared.log('warn', message, request, name)
    return withSendfile(toPool, { app: name, roots, openFiles, refuse: this.#refuse, warn })
  }

  readonly #refuse = (exchange: Exchange, error: Error): void => {
    this.#refusals.failed(exchange, error)
    if (!this.codeGuard?.respond(exchange, error)) respondWithError(exchange, error, this.#shared.pages)
  }
}
