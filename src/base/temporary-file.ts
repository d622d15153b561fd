/**
 * A file without a name: created with mode 0600, unlinked at once, gone with its descriptor even after SIGKILL. Grows
 * by appending; one write is in flight at a time and takes all that waits. Reads go anywhere in what has been written.
 *
 * Invariants: nothing blocks the event loop; bytes stay in memory (`pending`) until they are on the file, so an error
 * (a full disk) loses none: the owner may take them back. The descriptor is closed exactly once, after the last
 * operation in flight, whenever `close` is called. After `close` nothing is called back. What it takes of the space is counted until
 * its descriptor is closed.
 */
import { randomBytes } from 'node:crypto'
import { open, read, unlink, write } from 'node:fs'
import { join } from 'node:path'
import { ByteQueue } from './byte-queue.ts'
import type { TemporarySpace } from './temporary-space.ts'

/** Bytes of one write: large enough to be cheap, small enough that a slow disk shows progress. */
const MAX_WRITE = 1024 * 1024

export class TemporaryFile {
  /** Bytes on the file. */
  written = 0
  /** Set by the first error of open or write; nothing is written after it. */
  error: NodeJS.ErrnoException | null = null
  readonly #space: TemporarySpace
  readonly #onProgress: () => void
  /** The largest that it has been, which it stays on the disk. */
  #size = 0
  #fd = -1
  readonly #pending = new ByteQueue()
  #operations = 0
  #writing = false
  #closed = false
  #isReleased = false

  /** `onProgress`: bytes have been written, or `error` is set. */
  constructor(space: TemporarySpace, onProgress: () => void) {
    this.#space = space
    this.#onProgress = onProgress
    space.files.add()
    this.#open(join(space.directory, `jumak-${process.pid}-${randomBytes(8).toString('hex')}`))
  }

  /** Bytes that wait to be written, those in flight included. */
  get pendingBytes(): number {
    return this.#pending.bytes
  }

  append(chunk: Buffer): void {
    this.#pending.push(chunk)
    const size = this.written + this.#pending.bytes
    if (size > this.#size) {
      this.#space.take(size - this.#size)
      this.#size = size
    }
    this.#write()
  }

  /** After an error: what never reached the file, in order. */
  takePending(): Buffer {
    return this.#pending.takeAll()
  }

  /** Forgets what has been written; only when nothing is pending and no read is in flight. */
  rewind(): void {
    this.written = 0
  }

  /** Reads up to `maximum` bytes at `position`, at least one; `position` lies within `written`. */
  read(position: number, maximum: number, done: (error: Error | null, data: Buffer) => void): void {
    const size = Math.min(maximum, this.written - position)
    const buffer = Buffer.allocUnsafeSlow(size)
    this.#operations++
    read(this.#fd, buffer, 0, size, position, (error, length) => {
      if (this.#finished()) return
      if (error === null && length === 0) done(new Error('the temporary file is shorter than what was written'), buffer)
      else done(error, buffer.subarray(0, length))
    })
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#pending.clear()
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
      // Closing waits for the unlink too: whoever saw the file closed finds no name of it.
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
    // Several small chunks become one write; they stay in the queue until it has succeeded.
    const data = this.#pending.peek(MAX_WRITE)
    this.#operations++
    write(this.#fd, data, 0, data.length, this.written, (error, length) => {
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

  /** One operation less in flight; true when the file is closed and the caller must stop. */
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
