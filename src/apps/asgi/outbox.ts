/**
 * What leaves on a multiplexed link. The frames of all exchanges collect in one buffer, in order, and those of one turn of the
 * event loop leave in one write. While the kernel has not taken all of a write, what follows collects in a second buffer; there
 * is no third. Runs in the gateway.
 *
 * Bounds: credit and the number of exchanges bound the content that may be written. That can be much, and nothing bounds requests that
 * come and go while the worker does not read. So no requests, content or messages are sent while the outbox is congested. The memory
 * budget counts what the worker has not read.
 */
import type { Socket } from 'node:net'
import type { Account, MemoryBudget } from '../../base/memory-budget.ts'
import { FrameWriter } from '../wire/frame-writer.ts'

/** Content of many exchanges in one turn leaves in writes of about this size. */
const EARLY_FLUSH = 256 * 1024
/** Bytes that the worker has not read: a thousand requests of a browser. A free event loop reads them within a millisecond. */
const CONGESTED = 2 * 1024 * 1024

export class Outbox {
  readonly #socket: Socket
  readonly #onRoom: () => void
  #writer = new FrameWriter()
  /** The other buffer: its bytes are on their way while `#isWriting`. */
  #other = new FrameWriter()
  #isWriting = false
  readonly #flushLater = () => {
    this.#isScheduled = false
    this.flush()
  }
  readonly #onWritten = () => {
    // It is also called for writes that the kernel took at once, perhaps after the next one began.
    if (this.#isWriting && this.#socket.writableLength === 0) this.#written()
  }
  /** Bytes on their way. */
  #writingBytes = 0
  readonly #memory: MemoryBudget
  #account: Account | null = null
  #isScheduled = false
  #isClosed = false
  isCongested = false
  /** Something was written since this was last set to false. */
  hasSpoken = false

  /** `onRoom`: the outbox is no longer congested. */
  constructor(socket: Socket, memory: MemoryBudget, onRoom: () => void) {
    this.#memory = memory
    this.#socket = socket
    this.#onRoom = onRoom
  }

  /** The writer for whole frames. They must be written at once, and leave at the end of this turn. */
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

  /** Sends what is written now, and nothing after it. */
  finish(): void {
    this.#isWriting = false
    this.flush()
    this.close()
    // Later writes must not change the bytes that are on their way.
    this.#writer = new FrameWriter()
  }

  close(): void {
    this.#isClosed = true
    this.#account?.close()
  }

  /** Writes now what `begin` would write at the end of the turn. */
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

  /** `waiting`: bytes behind those on their way. */
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
