/**
 * How many files a process may have open beside its connections and links: temporary files, static files and files of workers
 * that are being sent, together. It only counts; who wants to open one asks first, and knows what to do instead.
 */
import { close } from 'node:fs'

export class OpenFiles {
  readonly #limit: number
  #count = 0

  constructor(limit: number = Number.POSITIVE_INFINITY) {
    this.#limit = limit
  }

  get count(): number {
    return this.#count
  }

  get hasRoom(): boolean {
    return this.#count < this.#limit
  }

  /** One is about to be opened. */
  add(): void {
    this.#count++
  }

  /** It could not be opened, or was closed. */
  remove(): void {
    this.#count--
  }

  /** Closes one that was added. */
  close(fd: number): void {
    // Nobody can act on an error: what was only read is whole, and a temporary file has no name any more.
    close(fd, () => this.remove())
  }
}
