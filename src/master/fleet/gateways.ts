/**
 * The present gateway and its successors: starts one, sends it the state that it must know, passes on its messages, and counts crashes.
 * All applications have the same gateway. Runs in the master.
 *
 * Invariant: a new gateway is told what the one before it was told. At once: the present configuration (with its error pages), that the
 * program stops, the level of the log, and for each application which generation serves, the static files, the state of the code
 * (`--reload`). Then each worker (`workers.ts`), and whether it stands in a debugger.
 * Not here: one process (`gateway-handle.ts`), when to start or kill one (`gateway-plan.ts`).
 */

import { CrashLoop } from '../../base/crash-loop.ts'
import type { Config, LogLevel } from '../../config/types.ts'
import type { GatewayToMaster, MasterToGateway, Reported } from '../../control/messages.ts'
import type { GatewayTls } from '../../control/tls-messages.ts'
import type { Listener } from '../host/listener.ts'
import type { OutOfMemoryKills } from '../host/out-of-memory-kills.ts'
import type { Narrator } from '../output/narrator.ts'
import type { Outputs } from '../output/output.ts'
import type { Programs } from '../paths.ts'
import { GatewayHandle } from './gateway-handle.ts'
import { planGateway } from './gateway-plan.ts'
import type { GatewayReport } from './gateway-reports.ts'
import { PlanLoop, type PlanResult } from './plan-loop.ts'

export interface GatewaysOptions {
  readonly programs: Programs
  readonly listeners: readonly Listener[]
  /** As in the message `start`, for the configuration that is in force. */
  readonly affinityKey: () => string
  /** In force now; null: no listener has TLS. */
  readonly tls: () => GatewayTls | null
  readonly outputs: Outputs
  readonly narrator: Narrator
  readonly outOfMemoryKills: OutOfMemoryKills
  /** In force now. */
  readonly config: () => Config
  /** A new gateway must be told the state of each application. */
  readonly started: () => void
  /** The gateway has gone, and every link with it. */
  readonly gone: () => void
  /** What it says about one worker. */
  readonly workerReport: (report: GatewayReport) => void
  /** While developing: a file of the application differs from what Python read. */
  readonly codeChanged: (app: string, path: string) => void
  /** Some application has served. False: the address is wrong when the gateway cannot listen. */
  readonly hasServed: () => boolean
  /** The gateway listens now, has drained, or has gone: the plans of all applications must be made again. */
  readonly changed: () => void
  /** An upgrade: the gateway accepts clients after `accept`, and its end before that is the end of the program. */
  readonly waits: boolean
  /** After `accept`: it accepts clients. */
  readonly onAccepting: () => void
  readonly onReport: (report: Reported) => void
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
  /** Another than that of the configuration. */
  #logLevel: LogLevel | null = null
  #isFrozen = false
  #waits: boolean
  /** It waits, or has waited and does not accept yet. */
  #isOnTrial: boolean
  readonly #planning = new PlanLoop(() => this.#plan())

  constructor(options: GatewaysOptions) {
    this.#options = options
    this.#waits = this.#isOnTrial = options.waits
  }

  get isListening(): boolean {
    return this.current !== null && this.current.listeningSince !== null
  }

  send(message: MasterToGateway): void {
    this.current?.send(message)
  }

  /** From now on the gateway answers health checks with "not ready", and serves on. */
  announceStop(): void {
    this.#isStopping = true
    this.send({ type: 'stopping' })
  }

  /** `onAccepting` follows. */
  accept(): void {
    this.#waits = false
    this.send({ type: 'accept' })
  }

  setLogLevel(level: LogLevel): void {
    this.#logLevel = level
    this.send({ type: 'log-level', level })
  }

  /** From now on the end of a gateway is no crash, and no other one is started. */
  freeze(): void {
    this.#isFrozen = true
    this.#planning.freeze()
  }

  /** Plans soon. The first call starts a gateway. */
  wake(): void {
    this.#planning.wake()
  }

  #plan(): PlanResult {
    const { current } = this
    const { action, wakeAt } = planGateway({
      now: performance.now(),
      gateway: current === null ? 'gone' : this.isListening ? 'listening' : 'starting',
      since: current?.startedAt ?? 0,
      notBefore: this.#crashes.notBefore,
    })
    if (action === 'spawn') this.#spawn()
    else if (action === 'kill' && current?.kill()) this.#options.narrator.gatewayMute()
    // The end of one that is killed is an event.
    return { hasActed: action === 'spawn', wakeAt }
  }

  #spawn(): void {
    const { programs, listeners, affinityKey, tls, outputs, narrator, config, started } = this.#options
    const handle: GatewayHandle = new GatewayHandle({
      config: config(),
      program: programs.gateway,
      listeners,
      affinityKey: affinityKey(),
      tls: tls(),
      outputs,
      waits: this.#waits,
      events: {
        message: message => this.#onMessage(message),
        stderr: line => narrator.gatewayError(line),
        gone: how => this.#gone(handle, how),
      },
    })
    this.current = handle
    if (this.#isStopping) this.announceStop()
    if (this.#logLevel !== null) this.setLogLevel(this.#logLevel)
    started()
  }

  #onMessage(message: GatewayToMaster): void {
    const { narrator, workerReport, codeChanged, onPong, onReport } = this.#options
    if (message.type === 'log')
      narrator.gatewayLog(message.level, message.message, message.request ?? '', message.app ?? '')
    else if (message.type === 'request') narrator.requestOver(message)
    else if (message.type === 'pong') onPong()
    else if (message.type === 'reported') onReport(message)
    else if (message.type === 'code-changed') codeChanged(message.app, message.path)
    else if (message.type === 'drained') narrator.drained(message.cut)
    else if (message.type === 'accepting') this.#onAccepting()
    else if ('worker' in message) workerReport(message)
    if (message.type === 'listening' || message.type === 'drained') this.#changed()
  }

  #onAccepting(): void {
    this.#isOnTrial = false
    this.#options.onAccepting()
  }

  #gone(handle: GatewayHandle, how: string): void {
    const { narrator, outOfMemoryKills, gone, hasServed, onFatal } = this.#options
    if (handle !== this.current) return
    this.current = null
    if (!this.#isFrozen) {
      // At the first start, a gateway that never listened: the next one would not listen either.
      const isFatal = this.#isOnTrial || (!hasServed() && handle.listeningSince === null)
      this.#crashes.died(handle.startedAt, handle.listeningSince, performance.now())
      narrator.gatewayGone(outOfMemoryKills.explain(how), handle, isFatal, this.#crashes)
      if (isFatal) onFatal(1)
    }
    gone()
    this.#changed()
  }

  #changed(): void {
    this.#options.changed()
    this.wake()
  }
}
