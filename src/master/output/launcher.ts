/**
 * The process that has started us as a daemon, and waits until we serve (`cli/daemon.ts`): it gets our warnings and errors until then, for its
 * terminal. Runs in the master.
 *
 * Invariant: each line is written at once, so it is there when we end. If nobody reads any more, nothing is written any more.
 */
import { closeSync, writeSync } from 'node:fs'
import type { Log } from '../../observe/log.ts'

export class Launcher {
  #fd: number | null
  readonly #stopListening: () => void

  /** `fd`: of the pipe. */
  constructor(fd: number, log: Log) {
    this.#fd = fd
    this.#stopListening = log.listen(({ level, text }) => {
      if (level === 'warn' || level === 'error') this.#write(text)
    })
  }

  /** Clients are served, so it may end. */
  serves(): void {
    if (this.#fd === null) return
    this.#write('\0')
    this.#leave()
  }

  #write(text: string): void {
    if (this.#fd === null) return
    try {
      writeSync(this.#fd, text)
    } catch {
      this.#leave()
    }
  }

  #leave(): void {
    const fd = this.#fd
    this.#fd = null
    this.#stopListening()
    if (fd !== null) closeSync(fd)
  }
}
