/** Sends content that is too long for REQUEST: BODY frames as fast as the worker takes them, then BODY_END. */
import type { Socket } from 'node:net'
import type { RequestBody } from './body.ts'
import { encodeBodyEnd, frameHeader } from './wire/encode.ts'
import { FrameType } from './wire/frames.ts'

export class BodySender {
  readonly #socket: Socket
  readonly #body: RequestBody
  readonly #done: (error: Error | null) => void
  #position = 0
  #stopped = false

  /** `done`: everything is written, or the content could not be read back. Never called after `stop`. */
  constructor(socket: Socket, body: RequestBody, done: (error: Error | null) => void) {
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

  #next(): void {
    if (this.#stopped) return
    if (this.#position >= this.#body.length) {
      this.#socket.write(encodeBodyEnd())
      this.#done(null)
      return
    }
    this.#body.read(this.#position, (error, piece) => {
      if (this.#stopped) return
      if (error !== null) this.#done(error)
      else this.#send(piece)
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
