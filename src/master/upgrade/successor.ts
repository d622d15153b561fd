/**
 * The new master, as the old one sees it during an upgrade: starts it with the listening sockets, and watches it until it serves or has
 * failed. Runs in the old master; the other side is `predecessor.ts`.
 *
 * Invariants: exactly one of `serves` and `failed` comes, and `failed` only when the process is gone. What it inherits is named in its
 * environment, and nothing of it gets further. It has a session of its own, and outlives us.
 * Not here: whether an upgrade may begin, and what follows (`upgrades.ts`).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Duplex } from 'node:stream'
import { type Channel, openSuccessorChannel } from '../../control/channel.ts'
import { HAND_OVER, INIT, STARTED_AS } from '../../control/started.ts'
import {
  type FromSuccessor,
  type HandedOnChanges,
  type HandOver,
  type ToSuccessor,
  UPGRADE_FORMAT,
} from '../../control/upgrade-messages.ts'
import { asErrno } from '../errors.ts'
import type { Listener } from '../host/listener.ts'
import { withUmask } from '../host/umask.ts'
import { describeDuration, describeExit } from '../output/describe.ts'

export interface SuccessorEvents {
  /** Its settings are right, and it starts everything. */
  begun(version: string): void
  /** It accepts clients. `taken`: the listeners that it has. */
  serves(taken: readonly Listener[]): void
  /** It has gone. */
  failed(why: string): void
  /** It has gone after `serves`, and before us. `code`: as a shell has it. */
  ended(code: number): void
  reopenLogs(): void
}

export interface SuccessorOptions {
  readonly command: readonly [string, ...string[]]
  /** The path that was started; null: Node with a script. */
  readonly program: string | null
  readonly directory: string
  /** As it was when we were started. */
  readonly umask: number
  readonly variables: NodeJS.ProcessEnv
  readonly listeners: readonly Listener[]
  readonly adminSocket: string | null
  /** Of TLS sessions, as in the message `tickets`; null: there is no TLS. */
  readonly ticketSecrets: { readonly secrets: readonly string[]; readonly age: number } | null
  /** What `jumak upstream` has changed so far. */
  readonly upstreams: readonly HandedOnChanges[]
  /** Applications that serve now. */
  readonly apps: readonly string[]
  /** Descriptor of the pipe to the container's init. */
  readonly init: number | null
  /** Until it says how long it may take; 0: no limit. */
  readonly limitMs: number
  readonly events: SuccessorEvents
}

const FIRST_FD = 3
/** For an end in order: nothing of it serves. */
const END_MS = 5000
/** Between its exit and the last message. */
const LAST_MESSAGES_MS = 500
/** Node's limit of a timer. */
const MAX_MS = 2 ** 31 - 1

export class Successor {
  /** It has failed, or has everything. */
  readonly over: Promise<void>
  readonly #options: SuccessorOptions
  readonly #resolve: () => void
  #child: ChildProcess | null = null
  #channel: Channel<ToSuccessor, FromSuccessor> | null = null
  #timer: NodeJS.Timeout | undefined
  #why = ''
  #serves = false
  #isSettled = false
  #isGone = false

  constructor(options: SuccessorOptions) {
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<void>()
    this.over = promise
    this.#resolve = resolve
    try {
      this.#start()
    } catch (error) {
      queueMicrotask(() => this.#gone(`cannot be started: ${asErrno(error).message}`))
    }
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** It may take everything that is left: we are leaving. */
  release(): void {
    this.#channel?.send({ type: 'yours' })
  }

  /** `jumak upstream` has changed a group. */
  upstreamChanged(changes: HandedOnChanges): void {
    this.#channel?.send({ type: 'upstream', ...changes })
  }

  reopenLogs(): void {
    this.#channel?.send({ type: 'reopen-logs' })
  }

  /** Nobody can know yet that it is the program: a signal that ends us is meant for it. Later it is none of our business. */
  passOn(signal: NodeJS.Signals): void {
    if (this.#serves && !this.#isSettled && !this.#isGone) this.#child?.kill(signal)
  }

  /** Ends it, and by force after a while. `failed` follows. */
  abort(why: string): void {
    if (this.#serves || this.#isGone || this.#why !== '') return
    this.#why = why
    this.#signal('SIGTERM')
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#signal('SIGKILL'), END_MS)
  }

  #start(): void {
    const { command, directory, umask, variables, listeners, init, program } = this.#options
    const fds = listeners.map(({ fd }) => fd)
    const handOver: HandOver = {
      format: UPGRADE_FORMAT,
      pid: process.pid,
      channel: FIRST_FD,
      listeners: listeners.map(({ key, display, unixPath, port, placed, isShared }, index) => ({
        fd: FIRST_FD + 1 + index,
        key,
        display,
        unixPath,
        port,
        placed,
        isShared,
      })),
      adminSocket: this.#options.adminSocket,
      apps: this.#options.apps,
    }
    const env: NodeJS.ProcessEnv = { ...variables, [HAND_OVER]: JSON.stringify(handOver) }
    if (program !== null) env[STARTED_AS] = program
    if (init !== null) env[INIT] = String(FIRST_FD + 1 + fds.length)
    const [file, ...args] = command
    const child = withUmask(umask, () =>
      spawn(file, args, {
        cwd: directory,
        env,
        stdio: ['inherit', 'inherit', 'inherit', 'pipe', ...fds, ...(init === null ? [] : [init])],
        // A session of its own: it is no part of us.
        detached: true,
      }),
    )
    this.#child = child
    child.on('error', error => {
      if (child.pid === undefined) this.#gone(`cannot be started: ${error.message}`)
    })
    child.on('exit', (code, signal) => {
      if (this.#serves) this.#options.events.ended(code ?? 128 + constants.signals[signal!])
      setTimeout(() => this.#gone(describeExit(code, signal)), LAST_MESSAGES_MS)
    })
    child.on('close', (code, signal) => this.#gone(describeExit(code, signal)))
    const stream = child.stdio[FIRST_FD] as Duplex | null | undefined
    if (!stream) return
    this.#channel = openSuccessorChannel(stream)
    this.#channel.onMessage(message => this.#receive(message))
    // Its death follows, or it has everything and serves for itself.
    this.#channel.onClosed(() => {
      if (this.#serves) this.#resolve()
    })
    const { ticketSecrets, upstreams } = this.#options
    if (ticketSecrets !== null) this.#channel.send({ type: 'tickets', ...ticketSecrets })
    for (const changes of upstreams) this.upstreamChanged(changes)
    this.#limit(this.#options.limitMs)
  }

  #limit(ms: number): void {
    clearTimeout(this.#timer)
    if (ms === 0) return
    this.#timer = setTimeout(() => this.abort(`it did not serve within ${describeDuration(ms)}`), Math.min(ms, MAX_MS))
  }

  #receive(message: FromSuccessor): void {
    const { events, listeners } = this.#options
    switch (message.type) {
      case 'begun':
        if (this.#serves || this.#why !== '') break
        this.#limit(message.limitMs)
        events.begun(message.version)
        break
      case 'failed':
        this.#why ||= message.why
        break
      case 'serves':
        // It is being ended.
        if (this.#serves || this.#why !== '') break
        clearTimeout(this.#timer)
        this.#serves = true
        events.serves(listeners.filter((_, index) => message.taken.includes(index)))
        break
      case 'settled':
        this.#leave()
        break
      case 'reopen-logs':
        events.reopenLogs()
        break
    }
  }

  /** It has everything: from now on its life is no matter of ours. */
  #leave(): void {
    this.#isSettled = true
    this.#child?.unref()
    this.#resolve()
  }

  /** To its process group: until Node runs, it may be a shell that has started something. */
  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid
    if (pid === undefined || this.#isGone) return
    try {
      process.kill(-pid, signal)
    } catch {
      this.#child?.kill(signal)
    }
  }

  #gone(how: string): void {
    if (this.#isGone) return
    this.#isGone = true
    clearTimeout(this.#timer)
    this.#channel?.close()
    if (!this.#serves) this.#options.events.failed(this.#why || `it ${how}`)
    this.#resolve()
  }
}
