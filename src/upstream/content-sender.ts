/**
 * Sends a request with content to one server: the head, then the content as fast as the client gives it and the server takes it. Runs in the gateway,
 * one for each try of such a request.
 *
 * Invariant: after `stop` nothing is written, and nobody is told: the connection may be another request's.
 * Not here: time-outs, and whether another server may be tried (`call.ts`).
 */
import type { OutgoingBody } from './call-request.ts'
import type { UpstreamConnection } from './connection.ts'
import type { Dialect } from './protocols/dialect.ts'
import type { OutgoingHead } from './request-head.ts'

export interface ContentEvents {
  /** It is read now. `isAtHand`: as of the body. */
  onReads(isAtHand: boolean): void
  /** The server is slow. */
  onHeld(): void
  /** All is written. */
  onSent(): void
  /** The client's content will not be complete. */
  onContentFailed(error: Error): void
}

export class ContentSender {
  readonly #body: OutgoingBody
  readonly #connection: UpstreamConnection
  readonly #dialect: Dialect
  readonly #head: OutgoingHead
  readonly #events: ContentEvents
  #position = 0
  #feeds = false
  #isOver = false

  constructor(
    body: OutgoingBody,
    connection: UpstreamConnection,
    dialect: Dialect,
    head: OutgoingHead,
    events: ContentEvents,
  ) {
    this.#body = body
    this.#connection = connection
    this.#dialect = dialect
    this.#head = head
    this.#events = events
  }

  /** Some content was sent, and not all. False within the write of the head, too. */
  get isWaiting(): boolean {
    return this.#feeds && !this.#isOver
  }

  /** `head`: as text of the protocol. */
  start(head: string | Buffer): void {
    const { socket } = this.#connection
    // Head and content that is at hand leave in one write.
    socket.cork()
    this.#connection.write(head)
    this.#feed()
    socket.uncork()
  }

  /** The server has taken what was written. */
  goOn(): void {
    this.#feed()
  }

  stop(): void {
    this.#isOver = true
  }

  #feed(): void {
    this.#feeds = true
    this.#events.onReads(this.#body.isAtHand)
    this.#body.read(this.#position, (error, piece) => this.#came(error, piece))
  }

  #came(error: Error | null, piece: Buffer): void {
    if (this.#isOver) return
    if (error !== null) {
      this.#events.onContentFailed(error)
      return
    }
    const connection = this.#connection
    if (piece.length === 0) {
      this.#isOver = true
      const tail = this.#dialect.tail(this.#head)
      if (tail.length > 0) connection.write(tail)
      this.#events.onSent()
      return
    }
    this.#position += piece.length
    if (connection.write(this.#dialect.content(this.#head, piece))) this.#feed()
    else this.#events.onHeld()
  }
}
