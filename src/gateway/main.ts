/**
 * Entry of the gateway process, and its life. The gateway owns every connection of a client and the queue before the workers. The
 * master tells it where to listen and which workers there are; the gateway reports what becomes of them.
 *
 * It ends when the master tells it to drain. When the master is gone, it stops accepting, finishes what runs within a few seconds and
 * leaves, so that the port is free for the next start. It writes its log through the master; only the access log is its own.
 * Not here: what the gateway is made of (`parts.ts`) and the path of a request (`assemble.ts`).
 */

import { writeSync } from 'node:fs'
import { dropPrivileges } from '../base/privileges.ts'
import type { GatewayConfig, Identity } from '../config/types.ts'
import { type GatewayChannel, openGatewayChannel } from '../control/ipc.ts'
import type { InheritedListener, MasterToGateway } from '../control/messages.ts'
import { assembleAdmission, assembleConnections, assembleHandler } from './assemble.ts'
import type { Admission } from './connections/admission.ts'
import type { Connections } from './connections/connections.ts'
import { closeWhenQuiet } from './connections/last-accepts.ts'
import { type GatewayParts, makeParts } from './parts.ts'
import { Reports } from './report.ts'
import type { Entry } from './serve.ts'
import { listen, type SocketTransport } from './transports/plain.ts'

/** How often the master hears how many requests would be cut if the gateway died. */
const IN_FLIGHT_MS = 500
/** What runs when the master dies has this long: long enough for ordinary requests, short enough for a restart. */
const ORPHAN_DRAIN_MS = 5000

class Gateway {
  readonly #channel: GatewayChannel
  readonly #parts: GatewayParts
  readonly #entry: Entry
  readonly #admission: Admission
  readonly #connections: Connections<string>
  readonly #servers: ReturnType<typeof listen>[] = []
  /** The program is about to stop: load balancers should send nothing more, though everything is served. */
  #isStopping = false
  /** Nobody is accepted any more. */
  #lastAccept: Promise<unknown> | null = null
  readonly #reports: Reports
  #finished: Promise<void> | null = null
  #inFlight = 0

  constructor(channel: GatewayChannel, config: GatewayConfig, build: string, affinityKey: string) {
    this.#channel = channel
    this.#parts = makeParts(config, build, affinityKey, channel, () => this.#isStopping)
    this.#entry = { handler: assembleHandler(this.#parts) }
    this.#admission = assembleAdmission(this.#parts)
    this.#connections = assembleConnections(this.#parts, this.#entry, network => this.#admission.leave(network))
    this.#reports = new Reports(
      () => this.#parts.applications.namedPools,
      () => this.#connections.size,
    )
    setInterval(() => {
      this.#tellInFlight()
      this.#reports.sample()
      this.#parts.memory.check()
    }, IN_FLIGHT_MS).unref()
  }

  #tellInFlight(): void {
    const { inFlight } = this.#parts.applications
    if (inFlight === this.#inFlight) return
    this.#inFlight = inFlight
    this.#channel.send({ type: 'in-flight', count: inFlight })
  }

  listen(listeners: readonly InheritedListener[]): void {
    let waiting = listeners.length
    for (const { fd, unixPath, display } of listeners) {
      const server = listen(
        fd,
        unixPath,
        this.#parts.memory.budget,
        transport => this.#accept(transport),
        () => {
          if (--waiting === 0) this.#channel.send({ type: 'listening' })
        },
        error => this.#onListenError(display, error, waiting > 0),
      )
      this.#servers.push(server)
    }
  }

  #accept(transport: SocketTransport): void {
    const network = this.#admission.admit(transport.remoteAddress)
    if (network === null) this.#admission.refuse(transport)
    else this.#connections.open(transport, network)
  }

  /** Before all addresses are listened on, the gateway is of no use without one of them. Later errors go to the log. */
  #onListenError(display: string, error: Error, isFirst: boolean): void {
    if (!isFirst) {
      this.#parts.log('error', `${display}: ${error.message}`)
      return
    }
    leave(`cannot listen on ${display}: ${error.message}`)
  }

  onMessage(message: MasterToGateway): void {
    const { applications, pages, accessLog } = this.#parts
    switch (message.type) {
      case 'worker-add':
        applications.addWorker(message)
        break
      case 'worker-drain':
        applications.drainWorker(message.worker)
        break
      case 'worker-debugged':
        applications.debugged(message.worker, message.isDebugged)
        break
      case 'serve':
        if (applications.serve(message)) this.#assemble()
        break
      case 'static':
        applications.setMounts(message.app, message.mounts)
        break
      case 'error-pages':
        pages.replace(message.pages)
        break
      case 'hold':
      case 'sources':
      case 'broken':
        applications.get(message.app)?.codeGuard?.onMessage(message)
        break
      case 'apps':
        applications.configure(message.apps, message.affinityKey)
        this.#assemble()
        break
      case 'log-level':
        this.#parts.setLogLevel(message.level)
        break
      case 'report':
        this.#channel.send({ type: 'reported', id: message.id, ...this.#reports.make() })
        break
      case 'reopen-logs':
        accessLog.reopen()
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
          // Meanwhile the master stops the workers.
          return this.#finish()
        })
        break
      case 'start':
        throw new Error('the master said start twice')
    }
  }

  /** The applications have changed: requests go to them as they are now. */
  #assemble(): void {
    this.#entry.handler = assembleHandler(this.#parts)
  }

  /** Drains, if it has not drained yet. Resolves when the process may end. */
  async end(): Promise<void> {
    await this.drain(ORPHAN_DRAIN_MS)
    await this.#finish()
  }

  /** Called after a drain. */
  #finish(): Promise<void> {
    this.#finished ??= this.#connections.linger().then(() => this.#parts.accessLog.close())
    return this.#finished
  }

  /** Resolves with the number of exchanges that were cut at the deadline. */
  async drain(deadlineMs: number): Promise<number> {
    const until = performance.now() + deadlineMs
    this.#isStopping = true
    const { applications, refusals, memory } = this.#parts
    this.#connections.startDrain()
    applications.drain(deadlineMs)
    this.#lastAccept ??= Promise.all(this.#servers.map(closeWhenQuiet))
    await this.#lastAccept
    const cut = await this.#connections.drain(until - performance.now())
    applications.close()
    refusals.flush()
    memory.flush()
    return cut
  }
}

/** The listening sockets are here already. Nothing is served with more rights than the operator asked for. */
function dropOrLeave(identity: Identity): void {
  try {
    dropPrivileges(identity)
  } catch (error) {
    leave(`cannot drop privileges: ${(error as Error).message}`)
  }
}

/** Writes the reason to standard error, which the master reads: no event loop is needed for that. */
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
        if (message.config.gatewayIdentity !== null) dropOrLeave(message.config.gatewayIdentity)
        gateway = new Gateway(channel, message.config, message.build, message.affinityKey)
        gateway.listen(message.listeners)
      }
    },
    reason => {
      if (gateway === null) leave(`the master sent ${reason}`)
      // The messages before it still hold.
      else channel.send({ type: 'log', level: 'error', message: `the master sent ${reason}` })
    },
  )
  channel.onClosed(() => {
    // The master is gone, or has ended this process after a drain.
    void Promise.resolve(gateway?.end()).then(() => process.exit(0))
  })
  // An init system or a terminal signals every process at once. The master decides when the gateway ends.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
}

main()
