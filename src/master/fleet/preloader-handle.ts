/**
 * The master's object for a preloader: the Python process that imports the application once and forks its workers.
 * Runs in the master; the process's own code is `python/jumak_worker`.
 *
 * Invariants: `gone` is called exactly once, after every message; ending a preloader in order closes its channel, and
 * it takes its workers with it (they are children of it, not of the master).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { openPreloaderChannel, type PreloaderChannel } from '../../control/channel.ts'
import type { MasterToPreloader, PreloaderToMaster } from '../../control/messages.ts'
import { describeExit } from '../output/describe.ts'
import type { Outputs } from '../output/output.ts'
import type { PreloaderStart } from './preloader-start.ts'

export interface PreloaderEvents {
  message(message: PreloaderToMaster): void
  /** What the application prints while it is imported, and Python's own complaints. */
  output(line: string, isError: boolean): void
  /** `how`: `was killed by SIGKILL`, `exited with code 1`, `could not be started: …`, or what it did wrong. */
  gone(how: string): void
}

export interface PreloaderOptions {
  readonly python: string
  /** Not resolved: the kernel follows a switched symbolic link anew at each start. */
  readonly directory: string
  /** The user's, with nothing of ours in it. */
  readonly environment: NodeJS.ProcessEnv
  readonly start: PreloaderStart
  readonly events: PreloaderEvents
  readonly outputs: Outputs
  /** What Python runs. */
  readonly program: string
}

/** From its death to the end of its pipes, which what it started may hold open: its last words take far less. */
const LAST_MESSAGES_MS = 500
/** In order: it stops its workers and leaves. */
const END_MS = 5000

export class PreloaderHandle {
  readonly startedAt: number = performance.now()
  readonly #child: ChildProcess
  readonly #channel: PreloaderChannel | null
  readonly #events: PreloaderEvents
  #endTimer: NodeJS.Timeout | null = null
  #lastMessagesTimer: NodeJS.Timeout | null = null
  #gone = false

  constructor(options: PreloaderOptions) {
    const { terminal } = options.start
    this.#events = options.events
    this.#child = spawn(options.python, [options.program], {
      cwd: options.directory,
      env: options.environment,
      // Descriptor 3 is a socket pair.
      stdio: terminal ? ['inherit', 'inherit', 'inherit', 'pipe', 'pipe'] : ['ignore', 'pipe', 'pipe', 'pipe'],
      // A session of its own: Ctrl-C in a terminal reaches the master only.
      detached: true,
    })
    const outputs = terminal ? [this.#child.stdio[4] as Duplex | null] : [this.#child.stdout, this.#child.stderr]
    for (const stream of outputs)
      if (stream) options.outputs.read(stream, (line, _, isError) => this.#events.output(line, isError))
    this.#child.on('error', error => {
      // Only when it never ran; a signal that could not be sent is no end.
      if (this.#child.pid === undefined) this.#finish(`could not be started: ${error.message}`)
    })
    this.#child.on('exit', (code, signal) => {
      this.#lastMessagesTimer = setTimeout(() => this.#finish(describeExit(code, signal)), LAST_MESSAGES_MS)
    })
    this.#child.on('close', (code, signal) => this.#finish(describeExit(code, signal)))
    const stream = this.#child.stdio[3] as Duplex | null | undefined
    this.#channel = stream ? openPreloaderChannel(stream) : null
    this.#channel?.onMessage(message => this.#events.message(message))
    this.#channel?.onClosed(reason => this.#onChannelClosed(reason))
    this.#channel?.send(options.start)
  }

  /** Undefined where it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  get isGone(): boolean {
    return this.#gone
  }

  send(message: MasterToPreloader): void {
    this.#channel?.send(message)
  }

  /** Ends it in order, and by force after a while. */
  end(): void {
    if (this.#gone || this.#endTimer !== null) return
    this.#channel?.close()
    this.#endTimer = setTimeout(() => this.kill(), END_MS)
  }

  /** SIGKILL to it and to all of its session that did not leave it: workers, and what they started. */
  kill(): void {
    const { pid } = this.#child
    if (pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      this.#child.kill('SIGKILL')
    }
  }

  #onChannelClosed(reason: string): void {
    if (this.#gone) return
    // Alive without a channel it cannot be asked for anything any more.
    if (reason !== '') this.#events.output(`the preloader ${reason}: it is ended`, true)
    this.end()
  }

  #finish(how: string): void {
    if (this.#gone) return
    this.#gone = true
    if (this.#endTimer !== null) clearTimeout(this.#endTimer)
    if (this.#lastMessagesTimer !== null) clearTimeout(this.#lastMessagesTimer)
    this.#channel?.close()
    this.#events.gone(how)
  }
}
