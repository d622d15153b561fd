/**
 * One writer for one log file or pipe: bounded, asynchronous, one write in flight. A reader that is stuck or gone, or
 * a full disk, never blocks or ends the program: lines that find the buffer full are dropped and counted, and the
 * count is written when there is room again. Runs in the master (log) and the gateway (access log).
 */
import { closeSync, openSync, write } from 'node:fs'

/** What waits for a slow reader at most; about 8,000 lines, enough for a pause of a second at full speed. */
const MAX_BUFFERED_BYTES = 2 * 1024 * 1024
/** EAGAIN (a pipe that somebody made non-blocking is full): try again after this many milliseconds. */
const RETRY_MS = 20
const CLOSE_POLL_MS = 5

export class Sink {
  readonly #path: string | null
  #fd: number
  #pending: string[] = []
  #pendingBytes = 0
  #writing = false
  #dropped = 0
  #closed = false

  /** A path is opened for appending (errors throw); a number is a descriptor that stays open, such as 2. */
  constructor(target: string | number) {
    this.#path = typeof target === 'string' ? target : null
    this.#fd = typeof target === 'string' ? openSync(target, 'a', 0o640) : target
  }

  /** `text` ends with a newline. */
  write(text: string): void {
    if (this.#closed) return
    if (this.#pendingBytes + text.length > MAX_BUFFERED_BYTES) {
      this.#dropped++
      return
    }
    this.#pending.push(text)
    this.#pendingBytes += text.length
    if (!this.#writing) {
      this.#writing = true
      // Lines of one turn of the event loop leave in one system call.
      setImmediate(() => this.#flush())
    }
  }

  /** Opens the path anew (logrotate moved the file). What is pending goes to the new file. Errors throw; the old file stays. */
  reopen(): void {
    if (this.#path === null) return
    const old = this.#fd
    this.#fd = openSync(this.#path, 'a', 0o640)
    // A write in flight holds the number, not the file: closing it before that write ends could hit a stranger's file.
    if (this.#writing) this.#closeWhenIdle.push(old)
    else closeSync(old)
  }
  readonly #closeWhenIdle: number[] = []

  /** For the end of the process: resolves when all is written, or after `limitMs`: then the rest is given up, and nothing is tried again. */
  async close(limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs
    while (this.#writing && performance.now() < deadline)
      await new Promise(resolve => setTimeout(resolve, CLOSE_POLL_MS))
    this.#closed = true
  }

  #take(): string {
    if (this.#dropped > 0) {
      this.#pending.push(
        `${new Date().toISOString()} warn  log: ${this.#dropped} lines dropped, the reader is too slow\n`,
      )
      this.#dropped = 0
    }
    const text = this.#pending.join('')
    this.#pending = []
    this.#pendingBytes = 0
    return text
  }

  #flush(): void {
    const text = this.#take()
    if (text.length === 0) {
      this.#writing = false
      for (const fd of this.#closeWhenIdle.splice(0)) closeSync(fd)
      return
    }
    this.#writeAll(Buffer.from(text))
  }

  #writeAll(data: Buffer): void {
    write(this.#fd, data, 0, data.length, null, (error, written) => {
      if (error?.code === 'EAGAIN') {
        if (!this.#closed) setTimeout(() => this.#writeAll(data), RETRY_MS)
      } else if (error) {
        // EPIPE, EIO, ENOSPC: these lines are lost; the next ones try again.
        this.#dropped++
        if (!this.#closed) setTimeout(() => this.#flush(), RETRY_MS)
      } else if (written < data.length) {
        this.#writeAll(data.subarray(written))
      } else {
        this.#flush()
      }
    })
  }
}
