/**
 * The listening sockets that the gateway has inherited: when all of them listen, and how they close. Runs in the gateway, in its main thread.
 *
 * Not here: how one accepts, and what becomes of an accepted socket (`transports/`, `threads/`).
 */
import type { Server } from 'node:net'
import type { GatewayStart, GatewayToMaster, InheritedListener } from '../control/messages.ts'
import { closeWhenQuiet } from './connections/last-accepts.ts'
import { leave } from './leave.ts'

/** Begins to accept. `onError` gets the errors of accept (EMFILE) and of listen. */
export type Listen = (listener: InheritedListener, onListening: () => void, onError: (error: Error) => void) => Server

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
   * Resolves when all that had connected are accepted, and nobody is any more. `handedOn`: descriptors on which another gateway listens. What
   * waits there, or in a socket that others have too, is for them.
   */
  async close(handedOn: readonly number[]): Promise<void> {
    this.#isClosed = true
    await Promise.all(
      this.#servers.map((server, index) => {
        const { fd, isShared } = this.#listeners[index]!
        return isShared || handedOn.includes(fd) ? void server.close() : closeWhenQuiet(server)
      }),
    )
  }
}
