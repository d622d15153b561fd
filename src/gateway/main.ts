/**
 * Entry of the gateway process: owns every client connection and the queue before the workers. The master tells it
 * where to listen and which workers there are; it reports what becomes of them.
 *
 * Ends when it is told to drain, or when the master is gone: then it stops accepting, finishes what runs within a few seconds, and
 * leaves, so that the port is free for the next start. It writes its log through the master; only the access log is its own.
 */
import { writeSync } from 'node:fs'
import { linkFactory } from '../apps/links.ts'
import { AppPool } from '../apps/pool/pool.ts'
import { OpenFiles } from '../base/open-files.ts'
import { freeBytes, TemporarySpace } from '../base/temporary-space.ts'
import type { GatewayConfig, Identity, Limits, StaticMount } from '../config/types.ts'
import { type GatewayChannel, openGatewayChannel } from '../control/ipc.ts'
import type { InheritedListener, MasterToGateway } from '../control/messages.ts'
import { StaticFiles } from '../handlers/static/handler.ts'
import type { Exchange } from '../http/exchange.ts'
import type { Protocol } from '../http/protocol.ts'
import { type TrustedProxies, trustedProxies } from '../http/trusted-proxies.ts'
import { createHttp1 } from '../http1/protocol.ts'
import { createWebSocketEngine } from '../websocket/engine.ts'
import { AccessLog } from './access-log.ts'
import { assembleHandler } from './assemble.ts'
import { Connections } from './connections/connections.ts'
import { closeWhenQuiet } from './connections/last-accepts.ts'
import { Development } from './development/development.ts'
import { both, requestLines } from './development/request-lines.ts'
import { renderError, respondWithError } from './errors/error-response.ts'
import { OwnPages } from './errors/own-pages.ts'
import { Refusals } from './errors/refusals.ts'
import { GatewayMemory } from './memory.ts'
import { poolEvents } from './pool-events.ts'
import { dropPrivileges } from './privileges.ts'
import { createServe } from './serve.ts'
import { listen } from './transports/plain.ts'

/** How often the master hears how many requests would be cut if we died. */
const IN_FLIGHT_MS = 500
/** What runs when the master dies has this long: long enough for ordinary requests, short enough for a restart. */
const ORPHAN_DRAIN_MS = 5000
/** Of what is free on the disk at start; the rest is for others. */
const FREE_SHARE = 3 / 4

class Gateway {
  readonly #channel: GatewayChannel
  /** Each refused request would cost a message that the master throws away. */
  readonly #logsDebug: boolean
  readonly #pool: AppPool
  readonly #connections: Connections
  readonly #memory: GatewayMemory
  readonly #ownMounts: readonly StaticMount[]
  readonly #files: StaticFiles
  readonly #access: AccessLog
  readonly #pages: OwnPages
  readonly #refusals = new Refusals((level, message, request) => this.#log(level, message, request))
  readonly #servers: ReturnType<typeof listen>[] = []
  #development: Development | null = null
  /** The program is about to stop: whoever balances load should send nothing more, though everything is served. */
  #isStopping = false
  /** Nobody is accepted any more. */
  #lastAccept: Promise<unknown> | null = null
  #finished: Promise<void> | null = null
  #inFlight = 0

  constructor(channel: GatewayChannel, config: GatewayConfig, build: string) {
    this.#channel = channel
    this.#logsDebug = config.logLevel === 'debug'
    this.#access = new AccessLog(config.accessLog, (level, message) => this.#log(level, message))
    const access = both(
      this.#access.write,
      requestLines(config, told => channel.send({ type: 'request', ...told })),
    )
    const space = this.#makeSpace(config)
    this.#memory = new GatewayMemory(config.limits.memory, (level, message) => this.#log(level, message))
    this.#pool = this.#makePool(config, space, build)
    this.#ownMounts = config.staticMounts
    this.#files = new StaticFiles(config.rootPath, space.files, (exchange, error) => this.#refuse(exchange, error))
    this.#pages = new OwnPages(config.errorPages)
    this.#files.answersMissing = this.#pages.has(404)
    this.#files.setMounts(this.#ownMounts)
    if (config.isDevelopment)
      this.#development = new Development(this.#pool, path => channel.send({ type: 'code-changed', path }))
    const trusted = trustedProxies(config.trustedProxies)
    const onExchange = createServe({
      handler: assembleHandler(
        config,
        this.#pool,
        space,
        this.#memory.budget,
        this.#files,
        access,
        this.#development,
        (exchange, error) => this.#refuse(exchange, error),
        () => (this.#isStopping ? 'the program is stopping' : this.#pool.whyNotReady),
      ),
      trusted,
      respond: (exchange, error) => respondWithError(exchange, error, this.#pages),
      forwardedHeaders: config.forwardedHeaders,
      onRefused: (exchange, error) => {
        this.#log('debug', `refused ${exchange.peer.address || 'client'}: ${error.message}`, exchange.id)
        if (access !== null) exchange.onClosed(() => access(exchange))
      },
      onBug: (error, exchange) => {
        const { method, target } = exchange.request
        this.#log('error', `${method} ${target}: ${error.stack ?? error.message}`, exchange.id)
      },
    })
    const http1 = createHttp1({
      limits: config.limits,
      timeouts: config.timeouts,
      onExchange,
      renderError: (status, accept, detail) => renderError(status, accept, detail, this.#pages),
      webSockets: createWebSocketEngine(config, this.#memory.budget),
      memory: this.#memory.budget,
      onProtocolError: (error, peer, request) => this.#refusals.request(error, peer.address || 'client', request),
      onAnswered: entry => access?.(entry),
    })
    setInterval(() => {
      this.#tellInFlight()
      this.#memory.check()
    }, IN_FLIGHT_MS).unref()
    this.#connections = this.#makeConnections(http1, config.limits, trusted)
  }

  #makePool(config: GatewayConfig, space: TemporarySpace, build: string): AppPool {
    const { limits, timeouts, queueOrder, retry, rootPath } = config
    return new AppPool({
      limits,
      timeouts,
      queueOrder,
      retry,
      links: linkFactory({ limits, timeouts, space, memory: this.#memory.budget, build, rootPath }),
      onError: (exchange, error) => this.#refuse(exchange, error),
      beforeDispatch: config.isDevelopment ? () => this.#development?.checkFreshness() : undefined,
      events: poolEvents(this.#channel, (level, message, request) => this.#log(level, message, request)),
    })
  }

  #makeSpace({ temporaryDirectory, limits }: GatewayConfig): TemporarySpace {
    const bytes = limits.temporaryBytes ?? Math.floor(freeBytes(temporaryDirectory) * FREE_SHARE)
    return new TemporarySpace(temporaryDirectory, {
      bytes,
      files: new OpenFiles(limits.openFiles),
      onFull: () => this.#refusals.content(bytes),
    })
  }

  #makeConnections(protocol: Protocol, limits: Limits, trusted: TrustedProxies): Connections {
    const { connections, connectionsPerAddress } = limits
    return new Connections(protocol, {
      limits,
      isExempt: address => trusted.isTrusted(address),
      onFull: () => this.#refusals.connection(connections),
      onAddressFull: address => this.#refusals.connectionFrom(address, connectionsPerAddress),
    })
  }

  #tellInFlight(): void {
    if (this.#pool.inFlight === this.#inFlight) return
    this.#inFlight = this.#pool.inFlight
    this.#channel.send({ type: 'in-flight', count: this.#inFlight })
  }

  /** `request`: the id of the one that it is about. */
  #log(level: 'debug' | 'info' | 'warn' | 'error', message: string, request = ''): void {
    if (level === 'debug' && !this.#logsDebug) return
    this.#channel.send({ type: 'log', level, message, request })
  }

  listen(listeners: readonly InheritedListener[]): void {
    let waiting = listeners.length
    for (const { fd, unixPath, display } of listeners) {
      const server = listen(
        fd,
        unixPath,
        this.#memory.budget,
        transport => this.#connections.accept(transport),
        () => {
          if (--waiting === 0) this.#channel.send({ type: 'listening' })
        },
        error => this.#onListenError(display, error, waiting > 0),
      )
      this.#servers.push(server)
    }
  }

  /** Without its address the gateway is of no use. */
  #onListenError(display: string, error: Error, isFirst: boolean): void {
    if (!isFirst) {
      this.#log('error', `${display}: ${error.message}`)
      return
    }
    leave(`cannot listen on ${display}: ${error.message}`)
  }

  onMessage(message: MasterToGateway): void {
    switch (message.type) {
      case 'worker-add':
        this.#pool.addWorker(message)
        break
      case 'worker-drain':
        this.#pool.drainWorker(message.worker)
        break
      case 'worker-debugged':
        this.#pool.debugged(message.worker, message.isDebugged)
        break
      case 'serve':
        this.#pool.serve(message.generation)
        break
      case 'static':
        this.#files.setMounts([...this.#ownMounts, ...message.mounts])
        break
      case 'error-pages':
        this.#pages.replace(message.pages)
        this.#files.answersMissing = this.#pages.has(404)
        break
      case 'hold':
      case 'sources':
      case 'broken':
        this.#development?.onMessage(message)
        break
      case 'reopen-logs':
        this.#access.reopen()
        break
      case 'ping':
        this.#channel.send({ type: 'pong' })
        break
      case 'stopping':
        this.#isStopping = true
        break
      case 'drain':
        void this.drain(message.deadlineMs).then(cut => {
          this.#channel.send({ type: 'drained', cut })
          // While the master stops the workers.
          return this.#finish()
        })
        break
      case 'start':
        throw new Error('the master said start twice')
    }
  }

  /** Answers with the error. */
  #refuse(exchange: Exchange, error: Error): void {
    this.#refusals.failed(exchange, error)
    if (!this.#development?.respond(exchange, error)) respondWithError(exchange, error, this.#pages)
  }

  /** Drains, if that is not done yet; resolves when the process may end. */
  async end(): Promise<void> {
    await this.drain(ORPHAN_DRAIN_MS)
    await this.#finish()
  }

  /** After a drain. */
  #finish(): Promise<void> {
    this.#finished ??= this.#connections.linger().then(() => this.#access.close())
    return this.#finished
  }

  /** Resolves with the number of exchanges that were cut at the deadline. */
  async drain(deadlineMs: number): Promise<number> {
    const until = performance.now() + deadlineMs
    this.#isStopping = true
    this.#connections.startDrain()
    this.#pool.drain(deadlineMs)
    this.#lastAccept ??= Promise.all(this.#servers.map(closeWhenQuiet))
    await this.#lastAccept
    const cut = await this.#connections.drain(until - performance.now())
    this.#pool.close()
    this.#refusals.flush()
    this.#memory.flush()
    return cut
  }
}

/** The listening sockets are ours already. Nothing is served with more rights than were asked for. */
function dropOrLeave(identity: Identity): void {
  try {
    dropPrivileges(identity)
  } catch (error) {
    leave(`cannot drop privileges: ${(error as Error).message}`)
  }
}

/** The master hears why, on the pipe that needs no event loop. */
function leave(reason: string): never {
  writeSync(2, `${reason}\n`)
  process.exit(1)
}

function main(): void {
  const channel = openGatewayChannel(process)
  let gateway: Gateway | null = null
  channel.onMessage(
    message => {
      if (gateway !== null) {
        gateway.onMessage(message)
      } else if (message.type === 'start') {
        if (message.config.identity !== null) dropOrLeave(message.config.identity)
        gateway = new Gateway(channel, message.config, message.build)
        gateway.listen(message.listeners)
      }
    },
    reason => {
      if (gateway === null) leave(`the master sent ${reason}`)
      // What it has said before still holds.
      else channel.send({ type: 'log', level: 'error', message: `the master sent ${reason}` })
    },
  )
  channel.onClosed(() => {
    // The master is gone, or has ended us after a drain.
    void Promise.resolve(gateway?.end()).then(() => process.exit(0))
  })
  // An init system, or a terminal, signals every process at once: ending is the master's affair.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
}

main()
