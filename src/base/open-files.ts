/**
 * How many files a process may have open besides its connections and links. Temporary files, static files and files of workers are
 * counted together. Runs in the gateway.
 *
 * It only counts: the caller asks `hasRoom` first, and knows what to do without room.
 */
import { close } from 'node:fs'

export class OpenFiles {
  readonly #limit: number
  #count = 0

  constructor(limit: number = Number.POSITIVE_INFINITY) {
    this.#limit = limit
  }

  get hasRoom(): boolean {
    return this.#count < this.#limit
  }

  /** A file is about to be opened. */
  add(): void {
    this.#count++
  }

  /** A file could not be opened, or was closed. */
  remove(): void {
    this.#count--
  }

  /** Closes a file that was added. */
  close(fd: number): void {
    // Errors are ignored, nobody could act on them: the file was only read, or it is temporary and has no name any more.
    close(fd, () => this.remove())
  }
}
