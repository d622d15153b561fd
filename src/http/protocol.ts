/**
 * The seam between accepted connections and the versions of HTTP. `gateway/connections` opens, counts and drains connections by it,
 * and knows no version. `http1/protocol.ts` implements it. Runs in the gateway.
 *
 * Exchanges do not pass here: a protocol gives each of them to the `onExchange` that it was made with.
 */
import type { Transport } from './transport.ts'

/** One version of HTTP, for all connections of a gateway that speak it. */
export interface Protocol {
  /** Sets the transport's handler before it returns. Calls `onClose` once: the transport has closed, and its exchanges have ended. */
  open(transport: Transport, onClose: () => void): ProtocolConnection
  /** From now on each response ends its connection. Called once, before `startDrain` of the open connections. */
  startDrain(): void
}

export interface ProtocolConnection {
  /** Nothing is being read, answered or sent. */
  readonly isIdle: boolean
  /** No request runs, and a part of one has come; or nothing has yet. */
  readonly isReading: boolean
  /** Everything is sent, and nothing more will be: the client has to close. */
  readonly isOver: boolean
  /** Requests that it carries now, each in a stream of its own (HTTP/2); null: it carries one at a time. */
  readonly streamCount: number | null
  /** An idle connection stays for a moment: a request may be on its way. */
  startDrain(): void
  /**
   * Gives the transport away as soon as the running exchange has ended, unless anything of the next request has come by then. `onDone` is
   * called once, or never if the connection closes before. True: the transport is the caller's, who closes it or sets another handler;
   * the `onClose` of `open` follows.
   */
  release(onDone: (isReleased: boolean) => void): void
  /** Closes now. A WebSocket's client is told why. */
  destroy(): void
}
