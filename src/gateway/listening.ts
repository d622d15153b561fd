/**
 * The listening sockets that the gateway has inherited: when all of them listen, and how they close. Runs in the gateway, in its main thread.
 *
 * Not here: how one accepts, and what becomes of an accepted socket (`transports/`, `threads/`).
 */
import type { Server } from 'node:net'
import type { GatewayToMaster, InheritedListener } from '../control/messages.ts'
import { closeWhenQuiet } from './connections/last-accepts.ts'
import { leave } from './leave.ts'

/** Begins to accept. `onError` gets the errors of accept (EMFILE) and of listen. */
export type Listen = (listener: InheritedListener, onListening: () => void, onError: (error: Error) => void) => Server

export class Listening {
  readonly #servers: readonly Server[]
  #waiting: number

  /** Says `listening` when clients can connect to all addresses. Leaves when they cannot connect to one of them. */
  constructor(listeners: readonly InheritedListener[], listen: Listen, send: (message: GatewayToMaster) => void) {
    this.#waiting = listeners.length
    const onListening = () => {
      if (--this.#waiting === 0) send({ type: 'listening' })
    }
    this.#servers = listeners.map(listener =>
      listen(listener, onListening, error => {
        const { display } = listener
        // Before all addresses are listened on, the gateway is of no use without one of them. Later errors go to the log.
        if (this.#waiting > 0) leave(`cannot listen on ${display}: ${error.message}`)
        send({ type: 'log', level: 'error', message: `${display}: ${error.message}` })
      }),
    )
  }

  /** Resolves when all that had connected are accepted, and nobody is any more. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.map(closeWhenQuiet))
  }
}
