/**
 * A file without a name: created with mode 0600 and unlinked at once. It goes with its descriptor, even after SIGKILL. It grows by
 * appending, with one write in flight at a time. Reads may go anywhere in what was written. Runs in the gateway.
 *
 * Invariants:
 * - Nothing blocks the event loop.
 * - Bytes stay in memory (`pending`) until they are in the file. So an error (a full disk) loses none: the owner can take them back.
 * - The descriptor is closed exactly once, after the last operation in flight. After `close` nothing is called back.
 * - The file's part of the space is counted until the descriptor is closed.
 */
import { randomBytes } from 'node:crypto'
import { open, readv, unlink, writev } from 'node:fs'
import { join } from 'node:path'
import { BlockQueue } from './block-queue.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { TemporarySpace } from './temporary-space.ts'

/** Bytes of one write: large enough to be cheap, small enough to show progress on a slow disk. */
const MAX_WRITE = 1024 * 1024

export class TemporaryFile {
  /** Bytes in the file. */
  written = 0
  /** The first error of open or write. Nothing is written after it. */
  error: NodeJS.ErrnoException | null = null
  readonly #space: TemporarySpace
  readonly #onProgress: () => void
  /** The largest size so far. A file on the disk does not shrink. */
  #size = 0
  #fd = -1
  readonly #pending: BlockQueue
  #operations = 0
  #writing = false
  #closed = false
  #isReleased = false

  /** `onProgress`: bytes were written, or `error` is set. */
  constructor(space: TemporarySpace, memory: MemoryBudget, onProgress: () => void) {
    this.#space = space
    this.#pending = new BlockQueue(memory)
    this.#onProgress = onProgress
    space.files.add()
    this.#open(join(space.directory, `jumak-${process.pid}-${randomBytes(8).toString('hex')}`))
  }

  /** Bytes that wait to be written, including those in flight. */
  get pendingBytes(): number {
    return this.#pending.bytes
  }

  /** What they take in memory. */
  get pendingMemory(): number {
    return this.#pending.memory
  }

  /** Copies `chunk`. */
  append(chunk: Buffer): void {
    this.#pending.append(chunk)
    const size = this.written + this.#pending.bytes
    if (size > this.#size) {
      this.#space.take(size - this.#size)
      this.#size = size
    }
    this.#write()
  }

  /** After an error: the bytes that never reached the file, in order. The views are valid until `close`. */
  get pending(): readonly Buffer[] {
    return this.#pending.front(Number.POSITIVE_INFINITY)
  }

  /** Starts the file again from its beginning. Allowed only when nothing is pending and no read is in flight. */
  rewind(): void {
    this.written = 0
  }

  /**
   * Fills `buffers` from `position` on, and at least one byte of them. They must not reach beyond `written`, nor be used for anything else until
   * it calls back; after `close` it does not, and the buffers are lost.
   */
  read(position: number, buffers: readonly Buffer[], done: (error: Error | null, length: number) => void): void {
    this.#operations++
    readv(this.#fd, buffers, position, (error, length) => {
      if (this.#finished()) return
      if (error === null && length === 0) done(new Error('the temporary file is shorter than what was written'), 0)
      else done(error, length)
    })
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    // A write that is on its way reads them.
    if (this.#writing) this.#pending.forget()
    else this.#pending.clear()
    this.#closeWhenIdle()
  }

  #open(path: string): void {
    this.#operations++
    open(path, 'wx+', 0o600, (error, fd) => {
      if (error) {
        this.#finished()
        this.#fail(error)
        return
      }
      this.#fd = fd
      // `close` waits for the unlink too: after it the file has no name.
      unlink(path, unlinkError => {
        if (this.#finished()) return
        if (unlinkError) this.#fail(unlinkError)
        else this.#write()
      })
    })
  }

  #write(): void {
    if (this.#writing || this.error !== null || this.#fd < 0 || this.#pending.bytes === 0 || this.#closed) return
    this.#writing = true
    // Several chunks become one write, and none is copied. They stay in the queue until the write has succeeded.
    const chunks = this.#pending.front(MAX_WRITE)
    this.#operations++
    writev(this.#fd, chunks, this.written, (error, length) => {
      this.#writing = false
      if (this.#finished()) return
      if (error) {
        this.#fail(error)
        return
      }
      this.written += length
      this.#pending.drop(length)
      this.#onProgress()
      this.#write()
    })
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (this.#closed || this.error !== null) return
    this.error = error
    this.#onProgress()
  }

  /** An operation is over. True: the file is closed, and the caller must stop. */
  #finished(): boolean {
    this.#operations--
    if (!this.#closed) return false
    this.#closeWhenIdle()
    return true
  }

  #closeWhenIdle(): void {
    if (this.#operations > 0 || this.#isReleased) return
    this.#isReleased = true
    this.#space.take(-this.#size)
    const fd = this.#fd
    this.#fd = -1
    if (fd < 0) this.#space.files.remove()
    else this.#space.files.close(fd)
  }
}
