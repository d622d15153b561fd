/**
 * How many files a gateway may have open besides its connections and links. Temporary files, static files and files of workers are
 * counted together. Runs in the gateway. With several threads each has its own count, and the limit is for their sum. They may ask at the
 * same time, so there may be one more for each thread.
 *
 * It only counts: the caller asks `hasRoom` first, and knows what to do without room.
 */
import { close } from 'node:fs'
import type { OtherThreads } from './other-threads.ts'

export class OpenFiles {
  readonly #limit: number
  readonly #others: OtherThreads | null
  #count = 0

  /** `others`: in files. Null: there is one thread. */
  constructor(limit: number = Number.POSITIVE_INFINITY, others: OtherThreads | null = null) {
    this.#limit = limit
    this.#others = others
  }

  get hasRoom(): boolean {
    return this.#count + (this.#others?.used() ?? 0) < this.#limit
  }

  /** A file is about to be opened. */
  add(): void {
    this.#count++
    this.#others?.tell(this.#count)
  }

  /** A file could not be opened, or was closed. */
  remove(): void {
    this.#count--
    this.#others?.tell(this.#count)
  }

  /** Closes a file that was added. */
  close(fd: number): void {
    // Errors are ignored, nobody could act on them: the file was only read, or it is temporary and has no name any more.
    close(fd, () => this.remove())
  }
}
