/**
 * Tells the service manager the state of the program, with the protocol of sd_notify(3) that systemd, podman and others speak. Runs in
 * the master. A small Python process sends the datagrams (`python/jumak_worker/process/notify.py` says why). The first message starts it;
 * without a `NOTIFY_SOCKET` it is never started.
 *
 * Invariants: `READY=1` is sent only when a worker can serve; `WATCHDOG=1` only when the gateway has just answered, so it stands for both
 * event loops; no other process of the program speaks (`takeNotifySocket`); an error here never ends the program.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { countOf } from '../output/describe.ts'
import type { Outputs } from '../output/output.ts'
import type { NarratedFleet } from './narrated.ts'

/** The service manager's socket, and how often it wants a sign of life; 0: never. */
export interface NotifySocket {
  readonly address: string
  readonly watchdogMs: number
}

export interface NotifierOptions {
  readonly socket: NotifySocket
  /** Path of the script. */
  readonly program: string
  /** The Python of an application, or one on PATH where there is no application; null while none is known. */
  readonly python: () => string | null
  /** Asks the gateway for an answer: `answered` follows. */
  readonly askGateway: () => void
  readonly outputs: Outputs
  readonly warn: (message: string) => void
}

/** Questions in one period of the watchdog: some may be lost with a gateway that is being replaced. */
const QUESTIONS = 4
/** Beyond this the helper is stuck, and messages are dropped: they come again, or are out of date soon. */
const MAX_UNSENT = 16 * 1024
/** For the helper to send the rest, and to exit. */
const END_MS = 1000

/** Removes the variables from `environment`, so that no library of the application says READY (`NotifyAccess=all`). Null: no socket. */
export function takeNotifySocket(environment: NodeJS.ProcessEnv, pid: number = process.pid): NotifySocket | null {
  const { NOTIFY_SOCKET: address, WATCHDOG_USEC: micros, WATCHDOG_PID: watched } = environment
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name]
  if (!address) return null
  const isOurs = watched === undefined || watched === String(pid)
  return { address, watchdogMs: isOurs && /^\d+$/.test(micros ?? '') ? Number(micros) / 1000 : 0 }
}

/** What `takeNotifySocket` has taken, for a new Jumak that replaces this one. */
export function notifyVariables({ address, watchdogMs }: NotifySocket): NodeJS.ProcessEnv {
  return { NOTIFY_SOCKET: address, ...(watchdogMs > 0 ? { WATCHDOG_USEC: String(watchdogMs * 1000) } : {}) }
}

export class Notifier {
  readonly #options: NotifierOptions
  readonly #watchdog: NodeJS.Timeout | undefined
  #helper: ChildProcess | null = null
  #isReady = false
  /** `RELOADING=1` was sent, and no `READY=1` since. */
  #isReloading = false
  #what: 'reload' | 'upgrade' = 'reload'
  /** The generations that were last reported as serving. */
  #told = ''
  #hasWarned = false
  /** Messages that the helper has not sent yet. */
  #unsent = 0
  #onDelivered: () => void = () => {}
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

  /** After the start, and after each `reloading`. */
  ready(status: string): void {
    this.#isReady = true
    this.#isReloading = false
    this.#send('READY=1', `STATUS=${status}`)
  }

  /** The same, at the end of a start or a reload, even of a refused one. */
  serves(fleets: readonly NarratedFleet[]): void {
    if (fleets.length === 0) {
      if (!this.#isReady || this.#isReloading) this.ready('sites are served, no application')
      return
    }
    const isNamed = fleets.length > 1
    const states = fleets.map(({ name, serving, wantedInAll, isRefused }) => {
      const what =
        serving === null ? 'does not serve' : `generation ${serving} serves, ${countOf(wantedInAll, 'worker')}`
      const rest = serving !== null && isRefused ? ', a later one was refused' : ''
      return isNamed ? `${name}: ${what}${rest}` : what
    })
    const generations = fleets.map(({ name, serving }) => `${name} ${serving}`).join()
    const isSame = generations === this.#told
    const isRefused = this.#isReloading || fleets.some(one => one.isRefused && one.serving !== null)
    // Only an application that never served has failed again.
    if (isSame && !isRefused) return
    const note = isSame ? `; the last ${this.#what} was refused, the log says why` : ''
    this.#told = generations
    this.ready(`${states.join('; ')}${note}`)
  }

  /** Before the first `ready` there is no reload. */
  reloading(what: 'reload' | 'upgrade' = 'reload'): void {
    if (!this.#isReady) return
    this.#isReloading = true
    this.#what = what
    // `hrtime` reads CLOCK_MONOTONIC.
    this.#send(
      'RELOADING=1',
      `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`,
      `STATUS=${what === 'reload' ? 'reloading' : 'upgrading'}`,
    )
  }

  stopping(): void {
    this.#send('STOPPING=1', 'STATUS=stopping')
  }

  /** Another process is the program from now on, and speaks. Resolves when the service manager has been told, or cannot be told. */
  async handOver(pid: number): Promise<void> {
    this.#send(`MAINPID=${pid}`, `STATUS=process ${pid} takes over`)
    this.#isClosed = true
    clearInterval(this.#watchdog)
    if (this.#helper === null || this.#unsent === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onDelivered = resolve
    const timer = setTimeout(resolve, END_MS)
    await promise
    clearTimeout(timer)
  }

  /** The gateway's event loop runs, and so does ours. */
  answered(): void {
    this.#send('WATCHDOG=1')
  }

  /** Resolves when everything is sent, or cannot be sent. */
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
    // A line break within a line would begin another message.
    const text = lines.map(line => line.replaceAll('\n', ' ')).join('\n')
    if (!stdin || stdin.writableLength >= MAX_UNSENT) return
    this.#unsent++
    stdin.write(`${JSON.stringify(text)}\n`)
  }

  #start(): ChildProcess | null {
    const { program, socket, outputs } = this.#options
    const python = this.#options.python()
    if (python === null) return null
    const helper = spawn(python, ['-I', '-S', program, String(process.pid)], {
      env: { ...process.env, NOTIFY_SOCKET: socket.address },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A session of its own: Ctrl-C in a terminal reaches only the master.
      detached: true,
    })
    helper.stdin.on('error', () => {})
    // A byte for each message that was sent, or could not be.
    helper.stdout.on('data', (bytes: Buffer) => this.#sent(bytes.length))
    outputs.read(helper.stderr as Socket, line => this.#warn(line))
    helper.on('error', error => this.#warn(`it is told by a Python, and ${python} cannot be started: ${error.message}`))
    helper.on('close', () => {
      // The next message starts another helper.
      if (this.#helper === helper) this.#helper = null
      this.#sent(this.#unsent)
    })
    return helper
  }

  #sent(count: number): void {
    this.#unsent -= count
    if (this.#unsent <= 0) this.#onDelivered()
  }

  /** Only once, because the reason would be the same each time. */
  #warn(what: string): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    this.#options.warn(`NOTIFY_SOCKET: ${what}`)
  }
}
