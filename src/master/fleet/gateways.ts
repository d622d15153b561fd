/**
 * The gateway of the moment and its successors: starts one, tells it what it must know, passes on what it says, and counts those
 * that crash. Runs in the master.
 *
 * Invariant: what every gateway must know (that the program stops, the static files) a new one is told at once.
 * Not here: one process (`gateway-handle.ts`), when to start or kill one (`supervise.ts`).
 */
import type { Config, StaticMount } from '../../config/types.ts'
import type { GatewayToMaster, MasterToGateway } from '../../control/messages.ts'
import type { Development } from '../development/development.ts'
import type { Listener } from '../host/listener.ts'
import type { OutOfMemoryKills } from '../host/out-of-memory-kills.ts'
import type { Narrator } from '../output/narrator.ts'
import type { Outputs } from '../output/output.ts'
import type { Programs } from '../paths.ts'
import { CrashLoop } from './crash-loop.ts'
import { GatewayHandle } from './gateway-handle.ts'
import type { Workers } from './workers.ts'

export interface GatewaysOptions {
  readonly programs: Programs
  readonly listeners: readonly Listener[]
  readonly outputs: Outputs
  readonly narrator: Narrator
  readonly outOfMemoryKills: OutOfMemoryKills
  readonly workers: Workers
  /** With `--reload`. */
  readonly development: Development | null
  /** Static files that the generations' settings name. */
  readonly mounts: () => StaticMount[]
  /** The generation that serves. Null: none has yet, so a gateway that cannot listen was told a wrong address. */
  readonly serving: () => number | null
  /** The state is another one: whoever plans should look. */
  readonly changed: () => void
  /** It has answered `ping`. */
  readonly onPong: () => void
  /** It cannot listen: the program ends with this code. */
  readonly onFatal: (exitCode: number) => void
}

export class Gateways {
  current: GatewayHandle | null = null
  readonly #options: GatewaysOptions
  readonly #crashes = new CrashLoop()
  /** The program stops after a while, and all goes on until then. */
  #isStopping = false
  #isFrozen = false

  constructor(options: GatewaysOptions) {
    this.#options = options
  }

  /** Another one should not start before this moment, in milliseconds. */
  get notBefore(): number {
    return this.#crashes.notBefore
  }

  send(message: MasterToGateway): void {
    this.current?.send(message)
  }

  /** It says that it is not ready any more, and serves on. */
  announceStop(): void {
    this.#isStopping = true
    this.send({ type: 'stopping' })
  }

  /** Again when nothing has changed, which costs little. */
  tellStatic(): void {
    this.send({ type: 'static', mounts: this.#options.mounts() })
  }

  /** No end of one matters any more. */
  freeze(): void {
    this.#isFrozen = true
  }

  spawn(config: Config): void {
    const { programs, listeners, outputs, narrator, development, serving } = this.#options
    const handle: GatewayHandle = new GatewayHandle({
      config,
      program: programs.gateway,
      listeners,
      outputs,
      events: {
        message: message => this.#onMessage(message),
        stderr: line => narrator.gatewayError(line),
        gone: how => this.#gone(handle, how),
      },
    })
    this.current = handle
    if (this.#isStopping) this.announceStop()
    const generation = serving()
    if (generation !== null) this.send({ type: 'serve', generation })
    development?.gatewayStarted()
    this.tellStatic()
  }

  #onMessage(message: GatewayToMaster): void {
    const { narrator, development, workers, changed, onPong } = this.#options
    if (message.type === 'log') narrator.gatewayLog(message.level, message.message, message.request ?? '')
    else if (message.type === 'request') narrator.requestOver(message)
    else if (message.type === 'pong') onPong()
    else if (message.type === 'code-changed') development?.foundStale(message.path)
    else if (message.type === 'drained') narrator.drained(message.cut)
    else if ('worker' in message) workers.onGateway(message)
    changed()
  }

  #gone(handle: GatewayHandle, how: string): void {
    const { narrator, outOfMemoryKills, workers, serving, changed, onFatal } = this.#options
    if (handle !== this.current) return
    this.current = null
    if (!this.#isFrozen) {
      // Another one would not listen either.
      const isFatal = serving() === null && handle.listeningSince === null
      this.#crashes.died(handle.startedAt, handle.listeningSince, performance.now())
      narrator.gatewayGone(outOfMemoryKills.explain(how), handle, isFatal, this.#crashes)
      if (isFatal) onFatal(1)
    }
    workers.unlink()
    changed()
  }
}
