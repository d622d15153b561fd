/**
 * The Jumak that runs, as the new one that replaces it sees it: which sockets it hands on, and when it lets go. Runs in the new master, from
 * its start until the old one has gone; the other side is `successor.ts`.
 *
 * Invariants: when the old one dies at any moment, the new one goes on, and takes what is left. Every wait for it has an end.
 * Not here: what is taken, and in which order (`main.ts`).
 */
import { Socket } from 'node:net'
import { version } from '../../base/version.ts'
import type { Config } from '../../config/types.ts'
import { type Channel, openPredecessorChannel } from '../../control/channel.ts'
import {
  type FromSuccessor,
  type HandedOnChanges,
  type HandOver,
  readHandOver,
  type ToSuccessor,
} from '../../control/upgrade-messages.ts'
import { asErrno, OperatorError } from '../errors.ts'
import { HandedOnSockets } from '../host/handed-on.ts'
import { startLimit } from './start-limit.ts'

/** The old master says `yours` within a turn of its event loop. One that is stopped says nothing. */
const RELEASE_MS = 5000
/** Beyond `--start-timeout`: to bind, to find a Python, to listen. */
const BEYOND_START_MS = 30_000

export interface PredecessorEvents {
  /** Secrets of its session tickets; `age`: of the newest one, in milliseconds. */
  tickets(inherited: { readonly secrets: readonly string[]; readonly age: number }): void
  /** `jumak upstream` has changed a group of it. */
  upstream(changes: HandedOnChanges): void
  /** USR1 came to it. */
  reopenLogs(): void
}

export class Predecessor {
  readonly sockets: HandedOnSockets
  readonly #handOver: HandOver
  readonly #channel: Channel<FromSuccessor, ToSuccessor>
  readonly #released = Promise.withResolvers<void>()

  /** Throws an OperatorError when the old one is of a version that this one does not understand. */
  constructor(json: string, { tickets, upstream, reopenLogs }: PredecessorEvents) {
    const handOver = readHandOver(json)
    if (handOver === null)
      throw new OperatorError('the running Jumak hands over in a way that this version does not know: restart instead')
    this.#handOver = handOver
    this.sockets = new HandedOnSockets(handOver.listeners)
    this.#channel = openChannel(handOver.channel)
    this.#channel.onMessage(message => {
      if (message.type === 'tickets') tickets(message)
      else if (message.type === 'upstream') upstream(message)
      else if (message.type === 'yours') this.#released.resolve()
      else if (message.type === 'reopen-logs') reopenLogs()
    })
    this.#channel.onClosed(() => this.#released.resolve())
  }

  get pid(): number {
    return this.#handOver.pid
  }

  get adminSocket(): string | null {
    return this.#handOver.adminSocket
  }

  /** The application serves there. */
  serves(app: string): boolean {
    return this.#handOver.apps.includes(app)
  }

  /** The settings are right, and everything is started. */
  begun(config: Config): void {
    this.#channel.send({ type: 'begun', version, limitMs: startLimit(config, BEYOND_START_MS) })
  }

  /** This one ends next. */
  failed(why: string): void {
    this.#channel.send({ type: 'failed', why })
  }

  /** Clients are accepted. Resolves when the old one has let go of everything, or has gone. */
  async release(): Promise<void> {
    this.#channel.send({ type: 'serves', taken: this.sockets.takenOf(this.#handOver.listeners) })
    const timer = setTimeout(this.#released.resolve, RELEASE_MS)
    await this.#released.promise
    clearTimeout(timer)
  }

  /** Everything is taken. */
  settled(): void {
    this.#channel.send({ type: 'settled' })
  }

  reopenLogs(): void {
    this.#channel.send({ type: 'reopen-logs' })
  }
}

function openChannel(fd: number): Channel<FromSuccessor, ToSuccessor> {
  try {
    const socket = new Socket({ fd, readable: true, writable: true })
    socket.unref()
    return openPredecessorChannel(socket)
  } catch (error) {
    throw new OperatorError(`the running Jumak cannot be reached on descriptor ${fd}: ${asErrno(error).message}`)
  }
}
