/**
 * The master's object for a gateway process: spawns it with the listening sockets in its stdio, sends it its configuration, and watches
 * it until it is gone. Runs in the master; the process's own code is `src/gateway`.
 *
 * Invariant: `events.gone` is called exactly once, when the process has ended, and no event comes after it.
 * Not here: when to start or kill one (`supervise.ts`), the one that is in use (`gateways.ts`).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import module from 'node:module'
import { dirname } from 'node:path'
import { POOL_OF_A_LOOP } from '../../base/pool-shares.ts'
import { standardStream } from '../../base/standard-streams.ts'
import { version } from '../../base/version.ts'
import type { Config } from '../../config/types.ts'
import { gatewayPart } from '../../control/config-shape.ts'
import { type MasterChannel, openMasterChannel } from '../../control/ipc.ts'
import type { GatewayToMaster, MasterToGateway } from '../../control/messages.ts'
import type { GatewayTls } from '../../control/tls-messages.ts'
import type { Listener } from '../host/listener.ts'
import { describeExit } from '../output/describe.ts'
import type { Outputs } from '../output/output.ts'

export interface GatewayEvents {
  message(message: GatewayToMaster): void
  /** A line on its stderr: only Node writes there, when something is wrong. */
  stderr(line: string): void
  /** `how`: `was killed by SIGKILL`, `exited with code 1`, `could not be started: …`. */
  gone(how: string): void
}

export interface GatewayOptions {
  readonly config: Config
  readonly affinityKey: string
  /** Null: no listener has TLS. */
  readonly tls: GatewayTls | null
  readonly listeners: readonly Listener[]
  readonly events: GatewayEvents
  readonly outputs: Outputs
  /** Path of its script. */
  readonly program: string
  /** It accepts no client before `accept`. */
  readonly waits: boolean
}

/** First descriptor after stdin, stdout and stderr. */
const FIRST_LISTENER_FD = 3
const POOL_SIZE = 'UV_THREADPOOL_SIZE'
/** libuv takes no more. */
const MAX_POOL = 1024

export class GatewayHandle {
  readonly startedAt: number = performance.now()
  /** When it reported `listening`; null before. */
  listeningSince: number | null = null
  /** Requests that wait or run there, by its last report. */
  inFlight = 0
  /** It answered `drained`. */
  isDrained = false
  readonly #listeners: readonly Listener[]
  readonly #child: ChildProcess
  readonly #channel: MasterChannel
  readonly #events: GatewayEvents
  #gone = false
  #killed = false

  constructor(options: GatewayOptions) {
    this.#events = options.events
    this.#listeners = options.listeners
    // Whatever flags the master has: no signal may open a debugger in the gateway.
    const flags = [...process.execArgv, '--disable-sigusr1']
    this.#child = spawn(process.execPath, [...flags, options.program], {
      // The access log goes to our stdout or stderr without a detour.
      stdio: [
        'ignore',
        standardStream(options.config.accessLog?.path ?? '') ?? 1,
        'pipe',
        ...options.listeners.map(listener => listener.fd),
        'ipc',
      ],
      // A session of its own: Ctrl-C in a terminal reaches only the master, which ends the others in order.
      detached: true,
      env: withCompileCache(environmentOf(options.config.gatewayThreads)),
    })
    this.#child.on('error', error => {
      if (this.#child.pid === undefined) this.#finish(`could not be started: ${error.message}`)
    })
    this.#child.on('exit', (code, signal) => this.#finish(describeExit(code, signal)))
    if (this.#child.stderr) options.outputs.read(this.#child.stderr, line => this.#events.stderr(line))
    this.#channel = openMasterChannel(this.#child)
    this.#channel.onMessage(
      message => this.#receive(message),
      reason => {
        if (this.kill()) this.#events.stderr(`the gateway sent ${reason}: it is killed`)
      },
    )
    this.#channel.send({
      type: 'start',
      build: version,
      config: gatewayPart(options.config),
      affinityKey: options.affinityKey,
      waits: options.waits,
      tls: options.tls,
      listeners: options.listeners.map(({ display, unixPath, port, isShared, scheme, hasProxyHeader }, index) => ({
        fd: FIRST_LISTENER_FD + index,
        display,
        unixPath,
        port,
        isShared,
        scheme,
        hasProxyHeader,
      })),
    })
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  get isGone(): boolean {
    return this.#gone
  }

  send(message: MasterToGateway): void {
    this.#channel.send(message)
  }

  /** It answers `drained`. `handedOn`: those on which another gateway listens. */
  drain(deadlineMs: number, handedOn: readonly Listener[]): void {
    const fds = this.#listeners.flatMap((listener, index) =>
      handedOn.includes(listener) ? [FIRST_LISTENER_FD + index] : [],
    )
    this.send({ type: 'drain', deadlineMs, handedOn: fds })
  }

  /** Ends it in order: without its channel it finishes its requests, for a few seconds at most, and exits. */
  release(): void {
    this.#channel.close()
  }

  /** SIGKILL; false: it was sent before. */
  kill(): boolean {
    if (this.#killed) return false
    this.#killed = true
    // Before 'exit' Node has not reaped the process, so the number still belongs to it.
    if (!this.#gone) this.#child.kill('SIGKILL')
    return true
  }

  #receive(message: GatewayToMaster): void {
    if (this.#gone) return
    if (message.type === 'listening') this.listeningSince = performance.now()
    if (message.type === 'drained') this.isDrained = true
    if (message.type === 'in-flight') this.inFlight = message.count
    else this.#events.message(message)
  }

  #finish(how: string): void {
    if (this.#gone) return
    this.#gone = true
    this.#events.gone(how)
  }
}

/**
 * How many threads of a pool read and write files and compress, for the whole process (`base/pool-shares.ts`). A user may
 * want more. With fewer the shares would not be what they promise.
 */
export function environmentOf(gatewayThreads: number, given: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const needed = POOL_OF_A_LOOP * gatewayThreads
  const wanted = Number(given[POOL_SIZE] ?? needed)
  const threads = Number.isInteger(wanted) ? Math.min(MAX_POOL, Math.max(needed, wanted)) : needed
  return { ...given, [POOL_SIZE]: String(threads) }
}

/** The gateway and its threads have the master's cache of compiled files, if it has one (`cli/main.ts`). */
function withCompileCache(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const ofThisNode = module.getCompileCacheDir()
  return ofThisNode === undefined ? environment : { ...environment, NODE_COMPILE_CACHE: dirname(ofThisNode) }
}
