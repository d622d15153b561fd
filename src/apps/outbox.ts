/**
 * What leaves on a multiplexed link: frames of all its exchanges collect in one buffer, in order, and those of one turn of the
 * event loop leave in one write. Runs in the gateway.
 *
 * Bounds: what may be written without being asked for is bounded by credit and by the number of exchanges; only requests that
 * come and go while the worker does not read are not, so the link takes none while it is `congested`.
 */
import type { Socket } from 'node:net'
import { FrameWriter } from './wire/frame-writer.ts'

/** Content of many exchanges in one turn leaves in writes of about this size. */
const EARLY_FLUSH = 256 * 1024
/** Bytes that the worker has not read: a thousand requests of a browser. An event loop that runs has taken them in a millisecond. */
const CONGESTED = 2 * 1024 * 1024

export class Outbox {
  readonly #socket: Socket
  readonly #onRoom: () => void
  readonly #writer = new FrameWriter()
  readonly #flushLater = () => {
    this.#isScheduled = false
    this.flush()
  }
  #isScheduled = false
  #isClosed = false
  isCongested = false
  /** Something was written since this was last set to false. */
  hasSpoken = false

  /** `onRoom`: no longer congested. */
  constructor(socket: Socket, onRoom: () => void) {
    this.#socket = socket
    this.#onRoom = onRoom
  }

  /** Where to write whole frames, at once: they leave at the end of this turn. */
  begin(): FrameWriter {
    this.hasSpoken = true
    if (!this.#isScheduled) {
      this.#isScheduled = true
      setImmediate(this.#flushLater)
    } else if (this.#writer.position > EARLY_FLUSH) {
      this.flush()
    }
    return this.#writer
  }

  /** What is written leaves now, and nothing after it. */
  finish(): void {
    this.flush()
    this.close()
  }

  close(): void {
    this.#isClosed = true
  }

  /** Now: at the end of a turn, if it has not ended here yet. */
  flush(): void {
    const writer = this.#writer
    if (this.#isClosed) writer.start()
    if (writer.position === 0) return
    const socket = this.#socket
    socket.write(writer.bytes())
    // The kernel did not take all of it: the socket keeps the buffer.
    if (socket.writableLength > 0) writer.detach()
    else writer.start()
    if (socket.writableLength > CONGESTED && !this.isCongested) {
      this.isCongested = true
      socket.once('drain', () => {
        this.isCongested = false
        if (!this.#isClosed) this.#onRoom()
      })
    }
  }
}
