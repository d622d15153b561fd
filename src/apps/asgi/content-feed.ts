/**
 * The content of one request on its way to an ASGI worker: BODY frames within the worker's credit, then BODY_END. Runs in the gateway.
 * Without credit no content is read from the client, so the client waits.
 */
import type { CallBody } from '../pool/body.ts'
import { MAX_CONTENT, WINDOW } from '../wire/multiplex.ts'
import { writeBody, writeBodyEnd } from '../wire/multiplex-encode.ts'
import type { Outbox } from './outbox.ts'

const NOTHING = Buffer.alloc(0)

export class ContentFeed {
  /** Content is waited for, so the worker is not late. */
  isStarving = false
  readonly #body: CallBody
  readonly #outbox: Outbox
  readonly #id: number
  readonly #onFailed: (error: Error) => void
  #credit = WINDOW
  #position = 0
  /** Content that is read and not sent: a piece may be longer than the credit. */
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

  /** From the worker. Whatever it says, its credit is never more than the window. */
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
