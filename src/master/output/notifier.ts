/**
 * Tells the service manager how the program is: the protocol of sd_notify(3), as systemd, podman and others speak it. Runs in
 * the master, which has a small Python process send the datagrams (`python/jumak_worker/process/notify.py` says why), started with
 * the first thing that there is to say; nothing is started where there is no `NOTIFY_SOCKET`.
 *
 * Invariants: `READY=1` is said only when a worker can serve; `WATCHDOG=1` only when the gateway has just answered, so it tells
 * of both event loops; nobody else of the program speaks (`takeNotifySocket`); it never fails the program.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { countOf } from '../output/describe.ts'
import type { Outputs } from '../output/output.ts'

/** Where to tell, and how often it wants a sign of life; 0: never. */
export interface NotifySocket {
  readonly address: string
  readonly watchdogMs: number
}

export interface NotifierOptions {
  readonly socket: NotifySocket
  /** Path of the script. */
  readonly program: string
  /** The application's; null while nobody knows it. */
  readonly python: () => string | null
  /** Has the gateway answer: `answered` follows. */
  readonly askGateway: () => void
  readonly outputs: Outputs
  readonly warn: (message: string) => void
}

/** Asked four times in the time that it gives us: one question may be lost with a gateway that is being replaced. */
const QUESTIONS = 4
/** A helper that takes nothing: what is said is said again, or out of date. */
const MAX_UNSENT = 16 * 1024
/** It ends when it has sent the rest. */
const END_MS = 1000

/** Takes the variables out of `environment`: with `NotifyAccess=all` the application's libraries could say READY. Null: not asked for. */
export function takeNotifySocket(environment: NodeJS.ProcessEnv, pid: number = process.pid): NotifySocket | null {
  const { NOTIFY_SOCKET: address, WATCHDOG_USEC: micros, WATCHDOG_PID: watched } = environment
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name]
  if (!address) return null
  const isOurs = watched === undefined || watched === String(pid)
  return { address, watchdogMs: isOurs && /^\d+$/.test(micros ?? '') ? Number(micros) / 1000 : 0 }
}

export class Notifier {
  readonly #options: NotifierOptions
  readonly #watchdog: NodeJS.Timeout | undefined
  #helper: ChildProcess | null = null
  #isReady = false
  /** The generation that was said to serve. */
  #told: number | null = null
  #hasWarned = false
  #isClosed = false

  constructor(options: NotifierOptions) {
    this.#options = options
    const { address, watchdogMs } = options.socket
    if (!/^[/@]/.test(address)) {
      this.#warn(`${address} is no path and no abstract address`)
      this.#isClosed = true
    } else if (watchdogMs > 0) {
      this.#watchdog = setInterval(() => options.askGateway(), Math.max(1, watchdogMs / QUESTIONS))
    }
  }

  /** At the first time and after each `reloading`. */
  ready(status: string): void {
    this.#isReady = true
    this.#send('READY=1', `STATUS=${status}`)
  }

  /** The same, at the end of a start or a reload, whatever became of it. */
  serves(generation: number, workers: number): void {
    const note = generation === this.#told ? '; the last reload was refused, the log says why' : ''
    this.#told = generation
    this.ready(`generation ${generation} serves, ${countOf(workers, 'worker')}${note}`)
  }

  /** Before the first `ready` it is no reload. */
  reloading(): void {
    if (!this.#isReady) return
    // The clock of hrtime is CLOCK_MONOTONIC.
    this.#send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`, 'STATUS=reloading')
  }

  stopping(): void {
    this.#send('STOPPING=1', 'STATUS=stopping')
  }

  /** The gateway turns, and so do we. */
  answered(): void {
    this.#send('WATCHDOG=1')
  }

  /** Resolves when all has been sent, or cannot be. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#watchdog)
    const helper = this.#helper
    if (helper === null) return
    const { promise, resolve } = Promise.withResolvers<void>()
    helper.on('close', resolve)
    const timer = setTimeout(() => helper.kill('SIGKILL'), END_MS)
    helper.stdin?.end()
    await promise
    clearTimeout(timer)
  }

  #send(...lines: string[]): void {
    if (this.#isClosed) return
    this.#helper ??= this.#start()
    const stdin = this.#helper?.stdin
    // A line break within a line would begin another one.
    const text = lines.map(line => line.replaceAll('\n', ' ')).join('\n')
    if (stdin && stdin.writableLength < MAX_UNSENT) stdin.write(`${JSON.stringify(text)}\n`)
  }

  #start(): ChildProcess | null {
    const { program, socket, outputs } = this.#options
    const python = this.#options.python()
    if (python === null) return null
    const helper = spawn(python, ['-I', '-S', program, String(process.pid)], {
      env: { ...process.env, NOTIFY_SOCKET: socket.address },
      stdio: ['pipe', 'ignore', 'pipe'],
      // A session of its own: Ctrl-C in a terminal reaches the master only.
      detached: true,
    })
    helper.stdin.on('error', () => {})
    outputs.read(helper.stderr as Socket, line => this.#warn(line))
    helper.on('error', error => this.#warn(`${python}: ${error.message}`))
    helper.on('close', () => {
      // The next thing to say starts another one.
      if (this.#helper === helper) this.#helper = null
    })
    return helper
  }

  /** Once: it would be the same each time. */
  #warn(what: string): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    this.#options.warn(`NOTIFY_SOCKET: ${what}`)
  }
}
