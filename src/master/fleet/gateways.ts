/**
 * The present gateway and its successors: starts one, sends it the state that it must know, passes on its messages, and counts crashes.
 * Runs in the master.
 *
 * Invariant: a new gateway is told what the one before it was told. At once: the present configuration (with its error pages), that the
 * program stops, which generation serves, the static files, the state of the code (`--reload`). Then each worker (`workers.ts`), and
 * whether it stands in a debugger.
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
  /** As in the message `start`. */
  readonly affinityKey: string
  readonly outputs: Outputs
  readonly narrator: Narrator
  readonly outOfMemoryKills: OutOfMemoryKills
  readonly workers: Workers
  /** With `--reload`. */
  readonly development: Development | null
  /** Static files that the generations' settings name. */
  readonly mounts: () => StaticMount[]
  /** The generation that serves. Null: none has served yet, so the address is wrong when the gateway cannot listen. */
  readonly serving: () => number | null
  /** The state has changed, so the plan must be made again. */
  readonly changed: () => void
  /** The gateway has answered `ping`. */
  readonly onPong: () => void
  /** The gateway cannot listen: the program ends with this code. */
  readonly onFatal: (exitCode: number) => void
}

export class Gateways {
  current: GatewayHandle | null = null
  readonly #options: GatewaysOptions
  readonly #crashes = new CrashLoop()
  /** The program stops soon, and serves on until then. */
  #isStopping = false
  #isFrozen = false

  constructor(options: GatewaysOptions) {
    this.#options = options
  }

  /** The earliest moment for the next start, in milliseconds. */
  get notBefore(): number {
    return this.#crashes.notBefore
  }

  send(message: MasterToGateway): void {
    this.current?.send(message)
  }

  /** From now on the gateway answers health checks with "not ready", and serves on. */
  announceStop(): void {
    this.#isStopping = true
    this.send({ type: 'stopping' })
  }

  /** Also when nothing has changed: that costs little. */
  tellStatic(): void {
    this.send({ type: 'static', mounts: this.#options.mounts() })
  }

  /** From now on the end of a gateway is no crash. */
  freeze(): void {
    this.#isFrozen = true
  }

  spawn(config: Config): void {
    const { programs, listeners, affinityKey, outputs, narrator, development, serving } = this.#options
    const handle: GatewayHandle = new GatewayHandle({
      config,
      program: programs.gateway,
      listeners,
      affinityKey,
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
      // At the first start, a gateway that never listened: the next one would not listen either.
      const isFatal = serving() === null && handle.listeningSince === null
      this.#crashes.died(handle.startedAt, handle.listeningSince, performance.now())
      narrator.gatewayGone(outOfMemoryKills.explain(how), handle, isFatal, this.#crashes)
      if (isFatal) onFatal(1)
    }
    workers.unlink()
    changed()
  }
}
