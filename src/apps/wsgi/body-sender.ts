/**
 * Sends content to a slot that does not travel inside REQUEST: BODY frames, as fast as the worker takes them or the client sends
 * them, then BODY_END. Runs in the gateway.
 */
import type { Socket } from 'node:net'
import type { CallBody } from '../pool/body.ts'
import { encodeBodyEnd, frameHeader } from '../wire/encode.ts'
import { FrameType } from '../wire/frames.ts'

/** So much of what is at hand leaves in one write: a little more than the kernel takes at once. */
const TOGETHER = 256 * 1024

export class BodySender {
  readonly #socket: Socket
  readonly #body: CallBody
  readonly #done: (error: Error | null) => void
  #position = 0
  #stopped = false
  /** Pieces are at hand one after the other. */
  #isWithin = false
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
    this.#body.goesTo(this.#socket)
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

  /** Sends what is at hand, and goes on by itself. */
  #next(): void {
    if (this.#stopped) return
    const socket = this.#socket
    const until = this.#position + TOGETHER
    this.#isWithin = true
    socket.cork()
    do this.#read()
    while (!this.isStarving && !this.#stopped && this.#position < until)
    socket.uncork()
    this.#isWithin = false
    if (!this.isStarving) this.#goOn()
  }

  #goOn(): void {
    if (this.#stopped) return
    if (this.#socket.writableNeedDrain) this.#socket.once('drain', () => this.#next())
    else this.#next()
  }

  #read(): void {
    this.isStarving = true
    this.#body.read(this.#position, (error, piece) => {
      if (this.#stopped) return
      this.isStarving = false
      if (this.isLive) this.onLivePiece()
      if (error === null && piece.length > 0) this.#send(piece)
      else this.#end(error)
    })
  }

  #send(piece: Buffer): void {
    this.#position += piece.length
    const socket = this.#socket
    socket.cork()
    socket.write(frameHeader(FrameType.BODY, piece.length))
    socket.write(piece)
    socket.uncork()
    if (!this.#isWithin) this.#goOn()
  }

  #end(error: Error | null): void {
    this.#stopped = true
    if (error === null) this.#socket.write(encodeBodyEnd())
    this.#done(error)
  }
}
