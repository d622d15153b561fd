/**
 * The master's object for a preloader: the Python process that imports the application once and forks its workers.
 * Runs in the master; the process's own code is `python/jumak_worker/process/preloader.py`.
 *
 * Invariants: `gone` is called exactly once, after every message. Closing its channel ends a preloader in order: then it ends its
 * workers, which are its children and not the master's.
 * Not here: which preloader follows which (`preloaders.ts`).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import type { Identity } from '../../config/types.ts'
import { openPreloaderChannel, type PreloaderChannel } from '../../control/channel.ts'
import type { MasterToPreloader, PreloaderToMaster } from '../../control/messages.ts'
import { BECOME_WITH_3, firstBytes, otherUser } from '../host/start-as.ts'
import { describeExit } from '../output/describe.ts'
import type { Outputs } from '../output/output.ts'
import type { PreloaderStart } from './preloader-start.ts'

export interface PreloaderEvents {
  message(message: PreloaderToMaster): void
  /** What the application prints during its import, and Python's own messages. */
  output(line: string, isError: boolean): void
  /** `how`: `was killed by SIGKILL`, `exited with code 1`, `could not be started: …`. */
  gone(how: string): void
}

export interface PreloaderOptions {
  readonly python: string
  /** Symbolic links are not resolved: the kernel follows a switched link at each start. */
  readonly directory: string
  /** The application's environment variables, with none of ours. */
  readonly environment: NodeJS.ProcessEnv
  /** The first message. */
  readonly first: PreloaderStart | Extract<MasterToPreloader, { readonly type: 'evaluate' }>
  /** Its standard streams are the developer's terminal. */
  readonly terminal: boolean
  /** Null: ours. */
  readonly identity: Identity | null
  readonly events: PreloaderEvents
  readonly outputs: Outputs
  /** The path that Python runs. */
  readonly program: string
}

/** Between its exit and `gone` at most: a process that it started may hold its pipes open. The last output takes far less. */
const LAST_MESSAGES_MS = 500
/** For an end in order: it stops its workers and exits. */
const END_MS = 5000

export class PreloaderHandle {
  readonly startedAt: number = performance.now()
  readonly #child: ChildProcess
  readonly #channel: PreloaderChannel | null
  #events: PreloaderEvents
  #endTimer: NodeJS.Timeout | null = null
  #lastMessagesTimer: NodeJS.Timeout | null = null
  #gone = false

  constructor(options: PreloaderOptions) {
    const { terminal, identity } = options
    this.#events = options.events
    // A terminal is for a developer, whose code runs with the developer's rights anyway.
    const user = terminal ? null : otherUser(identity)
    const [file, ...args] = user === null ? ([options.python, options.program] as const) : BECOME_WITH_3
    this.#child = spawn(file, args, {
      cwd: options.directory,
      env: user === null ? options.environment : {},
      // Descriptor 3 is a socket pair.
      stdio: terminal ? ['inherit', 'inherit', 'inherit', 'pipe', 'pipe'] : ['ignore', 'pipe', 'pipe', 'pipe'],
      // A session of its own: Ctrl-C in a terminal reaches only the master.
      detached: true,
    })
    const outputs = terminal ? [this.#child.stdio[4] as Duplex | null] : [this.#child.stdout, this.#child.stderr]
    for (const stream of outputs)
      if (stream) options.outputs.read(stream, (line, _, isError) => this.#events.output(line, isError))
    this.#child.on('error', error => {
      // Only when it never ran: 'error' also comes when a signal could not be sent.
      if (this.#child.pid === undefined) this.#finish(`could not be started: ${error.message}`)
    })
    this.#child.on('exit', (code, signal) => {
      this.#lastMessagesTimer = setTimeout(() => this.#finish(describeExit(code, signal)), LAST_MESSAGES_MS)
    })
    this.#child.on('close', (code, signal) => this.#finish(describeExit(code, signal)))
    const stream = this.#child.stdio[3] as Duplex | null | undefined
    if (user !== null)
      stream?.write(firstBytes(user, [options.python, options.program, 'control-on-stdin'], options.environment))
    this.#channel = stream ? openPreloaderChannel(stream) : null
    this.#channel?.onMessage(message => this.#events.message(message))
    this.#channel?.onClosed(reason => this.#onChannelClosed(reason))
    this.#channel?.send(options.first)
  }

  /** What comes from now on goes there. It has not gone yet. */
  listen(events: PreloaderEvents): void {
    this.#events = events
  }

  /** Undefined when it could not be started. */
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

  /** SIGKILL to its process group: the preloader, its workers, and what they started there. */
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
    // A preloader without its channel is of no use.
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
