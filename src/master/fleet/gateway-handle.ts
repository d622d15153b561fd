/**
 * The master's object for a gateway process: spawned with the listening sockets in its stdio, told where to listen,
 * watched until it is gone. Runs in the master; the process's own code is `src/gateway`.
 *
 * Invariant: `events.gone` is called exactly once, when the process has ended, and nothing after it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { standardStream } from '../../base/standard-streams.ts'
import { version } from '../../base/version.ts'
import type { Config } from '../../config/types.ts'
import { gatewayPart } from '../../control/config-shape.ts'
import { type MasterChannel, openMasterChannel } from '../../control/ipc.ts'
import type { GatewayToMaster, MasterToGateway } from '../../control/messages.ts'
import type { Listener } from '../host/listeners.ts'
import { describeExit } from '../output/describe.ts'
import type { Outputs } from '../output/output.ts'

export interface GatewayEvents {
  message(message: GatewayToMaster): void
  /** Something printed to its stderr: only Node does that, when something is wrong. */
  stderr(line: string): void
  /** `how`: `was killed by SIGKILL`, `exited with code 1`, `could not be started: …`. */
  gone(how: string): void
}

export interface GatewayOptions {
  readonly config: Config
  readonly listeners: readonly Listener[]
  readonly events: GatewayEvents
  readonly outputs: Outputs
  /** Path of its script. */
  readonly program: string
}

/** First descriptor after stdin, stdout and stderr. */
const FIRST_LISTENER_FD = 3

export class GatewayHandle {
  readonly startedAt: number = performance.now()
  /** When it said `listening`; null before. */
  listeningSince: number | null = null
  /** Requests that wait or run there, as it told last. */
  inFlight = 0
  /** It answered `drained`. */
  isDrained = false
  readonly #child: ChildProcess
  readonly #channel: MasterChannel
  readonly #events: GatewayEvents
  #gone = false
  #killed = false

  constructor(options: GatewayOptions) {
    this.#events = options.events
    // Nobody may open a debugger in it by a signal, however the master was started.
    const flags = [...process.execArgv, '--disable-sigusr1']
    this.#child = spawn(process.execPath, [...flags, options.program], {
      // Its stdout is ours, or our stderr: the access log goes there without a detour.
      stdio: [
        'ignore',
        standardStream(options.config.accessLog?.path ?? '') ?? 1,
        'pipe',
        ...options.listeners.map(listener => listener.fd),
        'ipc',
      ],
      // A session of its own: Ctrl-C in a terminal reaches the master only, which ends the others in order.
      detached: true,
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
      listeners: options.listeners.map(({ display, unixPath }, index) => ({
        fd: FIRST_LISTENER_FD + index,
        display,
        unixPath,
      })),
    })
  }

  /** Undefined where it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  get isGone(): boolean {
    return this.#gone
  }

  send(message: MasterToGateway): void {
    this.#channel.send(message)
  }

  /** Ends it in order: without its channel it finishes what runs, for a few seconds at most, and leaves. */
  release(): void {
    this.#channel.close()
  }

  /** SIGKILL; false when that was done before: its end is on the way. */
  kill(): boolean {
    if (this.#killed) return false
    this.#killed = true
    // Node has not reaped it before 'exit', so the number is still its own.
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
