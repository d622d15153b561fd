/**
 * Upgrades of this program: whether one may begin, who waits for it, and what the log says. Runs in the old master.
 *
 *     USR2, `jumak upgrade`, or files of another build ──▶ begin ──▶ Successor ──┬─▶ it serves: everything is its own, and we drain
 *                                                                             └─▶ it has failed: nothing has changed
 *
 * Invariants: one at a time; each ends in exactly one of the two; one that we began by ourselves and that failed is not tried again at once.
 * Not here: the new process (`successor.ts`), how we leave (`main.ts`).
 */
import { readFileSync } from 'node:fs'
import { isatty } from 'node:tty'
import { version } from '../../base/version.ts'
import type { Config } from '../../config/types.ts'
import type { Started } from '../../control/started.ts'
import type { HandedOnChanges } from '../../control/upgrade-messages.ts'
import { OperatorError } from '../errors.ts'
import type { Listener } from '../host/listener.ts'
import { isInForeground } from '../host/terminal.ts'
import type { Narrator } from '../output/narrator.ts'
import { commandOf } from './program.ts'
import { startLimit } from './start-limit.ts'
import { Successor, type SuccessorOptions } from './successor.ts'
import { waitingParent } from './supervisor.ts'

export interface UpgradesOptions {
  readonly started: Started
  /** The working directory at the start, by the name that the user gave it. */
  readonly directory: string
  /** Of the start. */
  readonly umask: number
  readonly narrator: Narrator
  /** In force now. */
  readonly config: () => Config
  readonly listeners: () => readonly Listener[]
  readonly adminSocket: () => string | null
  /** As the successor gets them. */
  readonly ticketSecrets: () => SuccessorOptions['ticketSecrets']
  readonly upstreams: () => SuccessorOptions['upstreams']
  /** Names of the applications that serve. */
  readonly serving: () => readonly string[]
  /** Why there can be none now; null: nothing is in the way. */
  readonly obstacle: () => string | null
  /** The service manager, or the init of the container, can be told of the new process. */
  readonly canTell: () => boolean
  /** Variables for the new one that we have taken out of our environment. */
  readonly variables: () => NodeJS.ProcessEnv
  /** An upgrade begins, and is over without success. `pid`: of the new one, which has gone; undefined: it was not started. */
  readonly begun: () => void
  readonly failed: (pid: number | undefined) => void
  /** The new one accepts clients. `taken`: the listeners that it has. Everything must be left to it: then `release` it. */
  readonly serves: (successor: Successor, taken: readonly Listener[]) => void
  /** It has gone before us. */
  readonly ended: (successor: Successor, code: number) => void
  readonly reopenLogs: () => void
}

export type Upgraded = { readonly message: string } | { readonly error: string }

export type BegunUpgrade = { readonly problem: string } | { readonly over: Promise<Upgraded> }

/** Until the new one has read its settings: its start script may install packages. */
const BEFORE_START_MS = 60_000
/** A new one that serves takes everything within a turn of its event loop; one that fails is killed after half of this. */
const RELEASE_MS = 10_000
/** After one that we began by ourselves and that failed. */
const AGAIN_MS = 60_000

export class Upgrades {
  readonly #options: UpgradesOptions
  readonly #parent = waitingParent()
  #successor: Successor | null = null
  #tell: (progress: string) => void = () => {}
  #notBefore = 0
  /** We are stopping, and so is the new one. */
  #isAborted = false
  /** The new one has everything. */
  isDone = false

  constructor(options: UpgradesOptions) {
    this.#options = options
  }

  get isRunning(): boolean {
    return this.#successor !== null
  }

  /** `by`: the signal or the command. `tell`: a line of progress. */
  begin(by: string, tell: (progress: string) => void = () => {}): BegunUpgrade {
    const { narrator } = this.#options
    try {
      const problem = this.#obstacle()
      if (problem !== null) throw new OperatorError(problem)
      return { over: this.#start(by, tell) }
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      narrator.error(`no upgrade (${by}): ${error.message}`)
      return { problem: error.message }
    }
  }

  /**
   * A process of ours did not come up. If the program's files have been replaced it is of another build, and only a new master can have
   * such processes. Does nothing if it was tried a moment ago.
   */
  ifReplaced(): void {
    if (this.isRunning || this.isDone || performance.now() < this.#notBefore || !this.hasNewFiles) return
    this.#notBefore = performance.now() + AGAIN_MS
    const found = installedVersion()
    const what = found === null ? 'are gone' : `are of version ${found}, and this is ${version}`
    this.begin(`the program's files ${what}`)
  }

  /** Processes of ours that are started from now on are of another build. */
  get hasNewFiles(): boolean {
    return installedVersion() !== version
  }

  /** We are stopping. Resolves when the new one has gone, or has everything. One that is stopped holds us up for a while only. */
  async abort(why: string): Promise<void> {
    if (this.#successor === null) return
    this.#isAborted = true
    this.#successor.abort(why)
    const timer = Promise.withResolvers<void>()
    const timeout = setTimeout(timer.resolve, RELEASE_MS)
    await Promise.race([this.#successor?.over, timer.promise])
    clearTimeout(timeout)
  }

  /** We are asked to stop. A new one that serves, but does not have everything yet, ends with us. */
  passOn(signal: 'SIGTERM' | 'SIGINT'): void {
    this.#successor?.passOn(signal)
  }

  /** `jumak upstream` has changed a group: the new one must know. */
  upstreamChanged(changes: HandedOnChanges): void {
    this.#successor?.upstreamChanged(changes)
  }

  reopenLogs(): void {
    this.#successor?.reopenLogs()
  }

  /** Why there can be no upgrade; null: there can. */
  #obstacle(): string | null {
    const { obstacle, canTell } = this.#options
    if (obstacle() !== null) return obstacle()
    if (this.#successor !== null) return `one is on its way, to process ${this.#successor.pid}`
    if (this.#options.config().isDevelopment)
      return 'with --reload the program belongs to the terminal where it was started; start it again'
    if (isatty(0) && isInForeground())
      return 'it runs in the foreground of a terminal, which would take the old process for the whole program; start it again'
    if (process.pid === 1)
      return 'it is process 1, and the container ends with it; start it with bin/jumak and a python3 on PATH, or start the container with --init'
    if (this.#parent !== null && !canTell())
      return `${this.#parent} has started it, and would take the end of the old process for the end of the service; with systemd use Type=notify, in a container start bin/jumak without another init, otherwise restart`
    return null
  }

  /** Throws an OperatorError when there is nothing to start. */
  #start(by: string, tell: (progress: string) => void): Promise<Upgraded> {
    const {
      started,
      directory,
      umask,
      narrator,
      config,
      listeners,
      adminSocket,
      ticketSecrets,
      upstreams,
      serving,
      variables,
    } = this.#options
    const command = commandOf({ program: started.program, directory })
    const { promise, resolve } = Promise.withResolvers<Upgraded>()
    this.#tell = tell
    this.#options.begun()
    let newVersion = version
    const successor: Successor = new Successor({
      command,
      program: started.program,
      directory,
      umask,
      variables: { ...process.env, ...variables() },
      listeners: listeners(),
      adminSocket: adminSocket(),
      ticketSecrets: ticketSecrets(),
      upstreams: upstreams(),
      apps: serving(),
      init: started.init,
      limitMs: startLimit(config(), BEFORE_START_MS),
      events: {
        begun: theirs => {
          newVersion = theirs
          this.#tell(`process ${successor.pid} is Jumak ${theirs}, and starts the applications`)
        },
        serves: taken => {
          this.isDone = true
          const message = `process ${successor.pid} (Jumak ${newVersion}) serves`
          narrator.info(`upgrade: ${message}; this one, process ${process.pid}, finishes what runs`)
          resolve({ message: `upgraded: ${message}` })
          this.#options.serves(successor, taken)
        },
        failed: why => {
          this.#successor = null
          const first = why.split('\n', 1)[0]!
          const what = `the upgrade to process ${successor.pid ?? '(none)'} is given up: ${first}`
          if (this.#isAborted) narrator.info(what)
          else narrator.error(`${what}; this process serves on`)
          resolve({ error: `the upgrade is given up: ${why}\nprocess ${process.pid} serves on` })
          this.#options.failed(successor.pid)
        },
        ended: code => this.#options.ended(successor, code),
        reopenLogs: () => this.#options.reopenLogs(),
      },
    })
    this.#successor = successor
    const what = `process ${successor.pid ?? '(none)'} starts: ${command[0]}`
    narrator.info(`upgrade: ${what} (${by})`)
    this.#tell(what)
    return promise
  }
}

/** Of the files that a process of ours would run now; null: there are none. */
function installedVersion(): string | null {
  try {
    const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
    return String((JSON.parse(text) as { readonly version?: unknown }).version)
  } catch {
    return null
  }
}
