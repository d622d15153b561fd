/**
 * What leaves on a multiplexed link: frames of all its exchanges collect in one buffer, in order, and those of one turn of the
 * event loop leave in one write. While the kernel does not take all of a write, what follows collects in a second buffer; there
 * is no third. Runs in the gateway.
 *
 * Bounds: what may be written without being asked for is bounded by credit and by the number of exchanges. That can be much, and
 * requests that come and go while the worker does not read have no such bound: so nobody sends requests, content or messages while
 * it is congested. What the worker has not read is counted by the memory budget.
 */
import type { Socket } from 'node:net'
import type { Account, MemoryBudget } from '../../base/memory-budget.ts'
import { FrameWriter } from '../wire/frame-writer.ts'

/** Content of many exchanges in one turn leaves in writes of about this size. */
const EARLY_FLUSH = 256 * 1024
/** Bytes that the worker has not read: a thousand requests of a browser. An event loop that runs has taken them in a millisecond. */
const CONGESTED = 2 * 1024 * 1024

export class Outbox {
  readonly #socket: Socket
  readonly #onRoom: () => void
  #writer = new FrameWriter()
  /** The other one: its bytes are on their way while `#isWriting`. */
  #other = new FrameWriter()
  #isWriting = false
  readonly #flushLater = () => {
    this.#isScheduled = false
    this.flush()
  }
  readonly #onWritten = () => {
    // Writes that the kernel took at once are told as well, later than the next one may begin.
    if (this.#isWriting && this.#socket.writableLength === 0) this.#written()
  }
  /** On their way. */
  #writingBytes = 0
  readonly #memory: MemoryBudget
  #account: Account | null = null
  #isScheduled = false
  #isClosed = false
  isCongested = false
  /** Something was written since this was last set to false. */
  hasSpoken = false

  /** `onRoom`: no longer congested. */
  constructor(socket: Socket, memory: MemoryBudget, onRoom: () => void) {
    this.#memory = memory
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
    this.#isWriting = false
    this.flush()
    this.close()
    // Whoever still comes to write must not do it where bytes are on their way.
    this.#writer = new FrameWriter()
  }

  close(): void {
    this.#isClosed = true
    this.#account?.close()
  }

  /** Now: at the end of a turn, if it has not ended here yet. */
  flush(): void {
    const writer = this.#writer
    if (this.#isClosed) writer.start()
    if (writer.position === 0) return
    if (this.#isWriting) {
      this.isCongested ||= writer.position > CONGESTED
      this.#count(writer.position)
      return
    }
    this.#socket.write(writer.bytes(), this.#onWritten)
    if (this.#socket.writableLength > 0) {
      this.#isWriting = true
      this.#writingBytes = writer.position
      this.#count(0)
      this.#writer = this.#other
      this.#other = writer
    }
    this.#writer.start()
  }

  /** `waiting`: behind what is on its way. */
  #count(waiting: number): void {
    if (this.#isClosed) return
    this.#account ??= this.#memory.open('', null)
    this.#account.set(this.#writingBytes + waiting)
  }

  #written(): void {
    this.#isWriting = false
    this.#writingBytes = 0
    this.flush()
    if (!this.#isWriting) this.#count(0)
    if (!this.isCongested) return
    this.isCongested = false
    if (!this.#isClosed) this.#onRoom()
  }
}
