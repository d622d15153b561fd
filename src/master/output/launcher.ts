/**
 * The process that has started us as a daemon, and waits until we serve (`cli/daemon.ts`): it gets our warnings and errors until then, for its
 * terminal. Runs in the master.
 *
 * Invariant: each line is written at once, so it is there when we end. If nobody reads any more, nothing is written any more; one who only
 * pauses is not waited for: all of it has room in the pipe.
 */
import { closeSync, writeSync } from 'node:fs'
import type { Log } from '../../observe/log.ts'

/** Bytes. A pipe has room for 64 KiB. */
const MAX_SHOWN = 48 * 1024

export class Launcher {
  #fd: number | null
  #shown = 0
  readonly #stopListening: () => void

  /** `fd`: of the pipe. */
  constructor(fd: number, log: Log) {
    this.#fd = fd
    this.#stopListening = log.listen(({ level, text }) => {
      if (level !== 'warn' && level !== 'error') return
      this.#shown += Buffer.byteLength(text)
      if (this.#shown <= MAX_SHOWN) this.#write(text)
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
