/**
 * The listening sockets that the gateway has inherited: when all of them listen, and how they close. Runs in the gateway, in its main thread.
 *
 * Not here: how one accepts, and what becomes of an accepted socket (`transports/`, `threads/`).
 */
import type { Server } from 'node:net'
import type { GatewayStart, GatewayToMaster, InheritedListener, MasterToGateway } from '../control/messages.ts'
import { closeToNewcomers, closeWhenQuiet } from './connections/last-accepts.ts'
import { leave } from './leave.ts'

/** Begins to accept. `onError` gets the errors of accept (EMFILE) and of listen. */
export type Listen = (listener: InheritedListener, onListening: () => void, onError: (error: Error) => void) => Server

/**
 * How the listening ends. `handedOn`: descriptors on which another gateway listens; nobody else listens on the others that are not shared.
 * Null: the master has gone, and nobody knows who listens.
 */
export type Drain = Extract<MasterToGateway, { readonly type: 'drain' }> | null

export class Listening {
  readonly #listeners: readonly InheritedListener[]
  readonly #listen: Listen
  readonly #send: (message: GatewayToMaster) => void
  /** By the place of its listener. */
  #servers: readonly Server[] = []
  #waiting: number
  #isClosed = false

  /**
   * Says `listening` when clients can connect to all addresses. Leaves when they cannot connect to one of them. If `waits`, it says so at
   * once, and begins at `accept`.
   */
  constructor(
    { listeners, waits }: Pick<GatewayStart, 'listeners' | 'waits'>,
    listen: Listen,
    send: (message: GatewayToMaster) => void,
  ) {
    this.#listeners = listeners
    this.#listen = listen
    this.#send = send
    this.#waiting = listeners.length
    if (waits) send({ type: 'listening' })
    else this.#begin('listening')
  }

  /** Says `accepting` when clients can connect to all addresses. */
  accept(): void {
    if (!this.#isClosed) this.#begin('accepting')
  }

  #begin(type: 'listening' | 'accepting'): void {
    const onListening = () => {
      if (--this.#waiting === 0) this.#send({ type })
    }
    this.#servers = this.#listeners.map(listener =>
      this.#listen(listener, onListening, error => {
        const { display } = listener
        // Before all addresses are listened on, the gateway is of no use without one of them. Later errors go to the log.
        if (this.#waiting > 0) leave(`cannot listen on ${display}: ${error.message}`)
        this.#send({ type: 'log', level: 'error', message: `${display}: ${error.message}` })
      }),
    )
  }

  /**
   * Resolves when all that had connected are accepted, and nobody is any more. What waits in a socket that others have, too, is for them.
   */
  async close(drain: Drain): Promise<void> {
    this.#isClosed = true
    await Promise.all(
      this.#servers.map((server, index) => {
        const { fd, unixPath, isShared } = this.#listeners[index]!
        if (isShared || drain?.handedOn.includes(fd)) return void server.close()
        if (drain === null) return closeWhenQuiet(server)
        return closeToNewcomers(server, { fd, isUnix: unixPath !== null, deadlineMs: drain.deadlineMs })
      }),
    )
  }
}
