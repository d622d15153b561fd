/**
 * Who waits for this program to serve, and is told of its life: the service manager (systemd's protocol), the init of a container, the terminal
 * that has started a daemon. Runs in the master.
 *
 * Not here: the protocol (`output/notifier.ts`), how a daemon is started (`output/launcher.ts`).
 */
import { writeSync } from 'node:fs'
import type { Started } from '../control/started.ts'
import type { Log } from '../observe/log.ts'
import type { Fleets } from './fleet/fleets.ts'
import { Launcher } from './output/launcher.ts'
import type { Narrator } from './output/narrator.ts'
import { Notifier, type NotifySocket, notifyVariables, takeNotifySocket } from './output/notifier.ts'
import type { Outputs } from './output/output.ts'
import type { Programs } from './paths.ts'

export interface ReadinessOptions {
  readonly started: Started
  readonly programs: Programs
  readonly outputs: Outputs
  readonly narrator: Narrator
  readonly log: Log
  /** Null: they are not made yet. */
  readonly fleets: () => Fleets | null
  /** An interpreter for the notifier; null: none is known yet. */
  readonly python: () => string | null
  readonly isStopping: () => boolean
}

export class Readiness {
  readonly #options: ReadinessOptions
  /** Null: we are no daemon, or serve already. */
  readonly #launcher: Launcher | null
  #socket: NotifySocket | null = null
  /** Null: there is no service manager, or an older Jumak still speaks with it. */
  #notifier: Notifier | null = null

  constructor(options: ReadinessOptions) {
    this.#options = options
    const { daemon } = options.started
    this.#launcher = daemon === null ? null : new Launcher(daemon, options.log)
  }

  /** Before anything is spawned: other processes are not to speak with the service manager. */
  takeSocket(): void {
    this.#socket = takeNotifySocket(process.env)
  }

  /** From now on the service manager hears from this process. */
  notify(): void {
    if (this.#socket !== null) this.#notifier = this.#makeNotifier(this.#socket)
    this.tell()
  }

  #makeNotifier(socket: NotifySocket): Notifier {
    const { programs, outputs, narrator, fleets, python } = this.#options
    return new Notifier({
      socket,
      program: programs.notify,
      python,
      askGateway: () => fleets()?.sendToGateway({ type: 'ping' }),
      outputs,
      warn: message => narrator.warn(message),
    })
  }

  /** After the start and after each reload, even a refused one: the service manager waits for it. */
  tell(): void {
    const fleets = this.#options.fleets()
    if (this.#options.isStopping() || !fleets?.isSettled) return
    this.#launcher?.serves()
    this.#notifier?.serves(fleets.present)
  }

  reloading(kind?: 'upgrade'): void {
    this.#notifier?.reloading(kind)
  }

  stopping(): void {
    this.#notifier?.stopping()
  }

  /** The gateway has answered: the program is alive. */
  answered(): void {
    this.#notifier?.answered()
  }

  /** Another process is the program from now on. */
  async handOver(pid: number): Promise<void> {
    await this.#notifier?.handOver(pid)
  }

  /** The init of the container, if there is one. */
  tellInit(line: string): void {
    const { init } = this.#options.started
    if (init !== null) writeSync(init, `${line}\n`)
  }

  /** Whoever started the program can hear that another process takes its place. */
  get canTell(): boolean {
    return this.#socket !== null || this.#options.started.init !== null
  }

  /** For a successor: it speaks with the same service manager. */
  get variables(): NodeJS.ProcessEnv {
    return this.#socket === null ? {} : notifyVariables(this.#socket)
  }

  async close(): Promise<void> {
    await this.#notifier?.close()
  }
}
