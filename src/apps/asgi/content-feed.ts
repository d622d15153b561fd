/**
 * The content of one request on its way to an ASGI worker: BODY frames as far as the worker's credit goes, then BODY_END. What
 * the credit does not allow is not asked for, so the client waits with it. Runs in the gateway.
 */
import type { CallBody } from '../pool/body.ts'
import { MAX_CONTENT, WINDOW } from '../wire/multiplex.ts'
import { writeBody, writeBodyEnd } from '../wire/multiplex-encode.ts'
import type { Outbox } from './outbox.ts'

const NOTHING = Buffer.alloc(0)

export class ContentFeed {
  /** The client is waited for, not the worker. */
  isStarving = false
  readonly #body: CallBody
  readonly #outbox: Outbox
  readonly #id: number
  readonly #onFailed: (error: Error) => void
  #credit = WINDOW
  #position = 0
  /** Read, not sent: a piece may be longer than the credit. */
  #rest: Buffer = NOTHING
  #isOver = false

  /** `onFailed`: the content could not be read back. */
  constructor(body: CallBody, outbox: Outbox, id: number, onFailed: (error: Error) => void) {
    this.#body = body
    this.#outbox = outbox
    this.#id = id
    this.#onFailed = onFailed
  }

  start(): void {
    this.#next()
  }

  /** The outbox may have room again. */
  roomAgain(): void {
    this.#next()
  }

  /** From the worker. More than the window was never taken from it, whatever it says. */
  credit(bytes: number): void {
    this.#credit = Math.min(WINDOW, this.#credit + bytes)
    this.#next()
  }

  stop(): void {
    this.#isOver = true
    this.#rest = NOTHING
  }

  get #maySend(): boolean {
    return this.#credit > 0 && !this.#outbox.isCongested
  }

  #next(): void {
    while (this.#rest.length > 0 && this.#maySend) {
      const piece = this.#rest.subarray(0, MAX_CONTENT)
      this.#rest = this.#rest.subarray(piece.length)
      this.#credit -= piece.length
      writeBody(this.#outbox.begin(), this.#id, piece)
    }
    if (this.#isOver || this.isStarving || !this.#maySend) return
    this.isStarving = true
    this.#body.read(this.#position, (error, piece) => {
      if (this.#isOver) return
      this.isStarving = false
      if (error !== null) {
        this.stop()
        this.#onFailed(error)
      } else if (piece.length === 0) {
        this.stop()
        writeBodyEnd(this.#outbox.begin(), this.#id)
      } else {
        this.#position += piece.length
        this.#rest = piece
        this.#next()
      }
    })
  }
}
