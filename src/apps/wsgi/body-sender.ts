/**
 * Sends content to a slot that does not travel inside REQUEST: BODY frames, as fast as the worker takes them or the client sends
 * them, then BODY_END. Runs in the gateway.
 */
import type { Socket } from 'node:net'
import type { CallBody } from '../pool/body.ts'
import { encodeBodyEnd, frameHeader } from '../wire/encode.ts'
import { FrameType } from '../wire/frames.ts'

export class BodySender {
  readonly #socket: Socket
  readonly #body: CallBody
  readonly #done: (error: Error | null) => void
  #position = 0
  #stopped = false
  /** Content is waited for, so the worker is not late. */
  isStarving = false
  /** Content has come from the client. */
  onLivePiece: () => void = () => {}

  /** `done`: everything is written, or the content could not be read back. Not called after `stop`. */
  constructor(socket: Socket, body: CallBody, done: (error: Error | null) => void) {
    this.#socket = socket
    this.#body = body
    this.#done = done
  }

  start(): void {
    this.#next()
  }

  stop(): void {
    this.#stopped = true
  }

  get isLive(): boolean {
    return this.#body.isLive
  }

  /** The worker has answered and reads no more content: it gets the end at once. */
  finish(): void {
    this.#stopped = true
    this.#socket.write(encodeBodyEnd())
  }

  #next(): void {
    if (this.#stopped) return
    this.isStarving = true
    this.#body.read(this.#position, (error, piece) => {
      if (this.#stopped) return
      this.isStarving = false
      if (this.isLive) this.onLivePiece()
      if (error !== null) this.#done(error)
      else if (piece.length > 0) this.#send(piece)
      else {
        this.#socket.write(encodeBodyEnd())
        this.#done(null)
      }
    })
  }

  #send(piece: Buffer): void {
    this.#position += piece.length
    this.#socket.cork()
    this.#socket.write(frameHeader(FrameType.BODY, piece.length))
    const more = this.#socket.write(piece)
    this.#socket.uncork()
    if (more) this.#next()
    else this.#socket.once('drain', () => this.#next())
  }
}
