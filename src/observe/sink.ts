/**
 * The writer of one log file or pipe: bounded, asynchronous, one write in flight. A reader that is stuck or gone, or a full disk, never
 * blocks or ends the program. A failed write is reported at once. Lines that find the buffer full are dropped and counted, and the
 * count is reported when there is room again. Runs in the master (log) and the gateway (access log).
 *
 * Invariants: a line stands whole in one file, also when the file is reopened while the line is written, and when a disk was full in the middle of it:
 * the rest of such a line is kept, and is written first when there is room again. Each line that is not counted as
 * dropped is written exactly once, in order. That holds too if several threads have each a writer of the same file or pipe (`hasOthers`):
 * the kernel keeps one write to a file whole, and to a pipe one of at most 4,096 bytes. Only a longer line may be cut by others, if the
 * pipe is full, and a line in the middle of which a disk was full.
 * Not here: what a line says (`log.ts`, `access-format.ts`).
 */
import { closeSync, constants, fstatSync, openSync, write } from 'node:fs'

const { O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK, O_RDWR, O_WRONLY } = constants

/** The most that waits for a slow reader: about 8,000 lines, enough for a pause of a second at full speed. */
const MAX_BUFFERED_BYTES = 2 * 1024 * 1024
/**
 * Under load the next write begins so many milliseconds after the last one: a write costs as much as many lines. The first line after a pause
 * does not wait.
 */
const GAP_MS = 5
/** After EAGAIN (a full pipe that somebody made non-blocking) the write is tried again after this many milliseconds. */
const RETRY_MS = 20
const CLOSE_POLL_MS = 5
/** PIPE_BUF on Linux. macOS, where it is 512, keeps such writes whole while the pipe is not full. */
const WHOLE_IN_PIPE = 4096
const NEWLINE = 0x0a
const NOTHING = Buffer.alloc(0)

export class Sink {
  readonly #path: string | null
  readonly #open: (path: string) => number
  readonly #describeDropped: (count: number) => string
  readonly #onFailing: (error: Error) => void
  #hasOthers: boolean
  #fd: number
  /** Bytes of one write. */
  #most: number
  #pending: string[] = []
  #pendingBytes = 0
  #writing = false
  #dropped = 0
  #closed = false
  /** The last write failed. The number of lost lines is reported when a write succeeds. */
  #failing = false
  /** What is missing of the last line in the file: it was cut when a write failed. */
  #rest: Buffer = NOTHING
  /** Files from before a reopen. They are closed when the write in flight has ended. */
  readonly #old: number[] = []

  /**
   * `target`: a path is opened for appending (errors throw); a number is a descriptor that stays open, such as 2. `describeDropped`:
   * makes the line about dropped lines, in the format of the file; empty when another log has it. `onFailing`: from now on lines are
   * lost, until a write succeeds; called once for each such time. `open`: as `openForAppending`. `hasOthers`: other threads or
   * programs write to the same target.
   */
  constructor(
    target: string | number,
    describeDropped: (count: number) => string = droppedLine,
    onFailing: (error: Error) => void = () => {},
    open: (path: string) => number = openForAppending,
    hasOthers = false,
  ) {
    this.#path = typeof target === 'string' ? target : null
    this.#describeDropped = describeDropped
    this.#onFailing = onFailing
    this.#open = open
    this.#hasOthers = hasOthers
    this.#fd = typeof target === 'string' ? open(target) : target
    this.#most = this.#mostOf(this.#fd)
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

  /** Opens the path again, because logrotate has moved the file. Pending lines go to the new file. Errors throw; the old file stays. */
  reopen(): void {
    if (this.#path === null) return
    const fd = this.#open(this.#path)
    // A write in flight has only the number of the file. After a close, that number may mean another file.
    this.#old.push(this.#fd)
    this.#loseRest()
    this.#fd = fd
    this.#most = this.#mostOf(fd)
    if (!this.#writing) this.#closeOld()
  }

  /** From now on another program writes to the same target. */
  share(): void {
    this.#hasOthers = true
    this.#most = this.#mostOf(this.#fd)
  }

  /** Pipes, and whatever is no file. */
  #mostOf(fd: number): number {
    return !this.#hasOthers || fstatSync(fd).isFile() ? Number.POSITIVE_INFINITY : WHOLE_IN_PIPE
  }

  /** For the end of the process. Resolves when all is written, or after `limitMs`: then the rest is lost. */
  async close(limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs
    while (this.#writing && performance.now() < deadline)
      await new Promise(resolve => setTimeout(resolve, CLOSE_POLL_MS))
    this.#closed = true
  }

  /** After `close`, where the process goes on: nothing is written any more. */
  release(): void {
    this.#closed = true
    // A write that still hangs has the number of the file, which would soon mean another one.
    if (this.#path !== null && !this.#writing) closeSync(this.#fd)
  }

  #closeOld(): void {
    for (const fd of this.#old.splice(0)) closeSync(fd)
  }

  /** The file of the line that was cut is not written any more. */
  #loseRest(): void {
    if (this.#rest.length > 0) this.#dropped++
    this.#rest = NOTHING
  }

  #flush(): void {
    this.#closeOld()
    if (this.#dropped > 0 && !this.#failing) {
      const told = this.#describeDropped(this.#dropped)
      this.#dropped = 0
      if (told !== '') this.#pending.push(told)
    }
    const lines = this.#pending
    const text = lines.join('')
    this.#pending = []
    this.#pendingBytes = 0
    if (text.length === 0) {
      this.#writing = false
      return
    }
    const rest = this.#rest
    this.#rest = NOTHING
    if (rest.length === 0) this.#writeAll(this.#fd, Buffer.from(text), lines.length, false)
    else this.#writeAll(this.#fd, Buffer.concat([rest, Buffer.from(text)]), lines.length + 1, true)
  }

  /** `lines`: that end in `data`. `isCut`: it begins in the middle of one. */
  #writeAll(fd: number, data: Buffer, lines: number, isCut: boolean): void {
    const length = data.length <= this.#most ? data.length : wholeLines(data, this.#most)
    write(fd, data, 0, length, null, (error, written) => {
      if (error?.code === 'EAGAIN') {
        if (!this.#closed) setTimeout(() => this.#writeAll(fd, data, lines, isCut), RETRY_MS)
      } else if (error) {
        // EPIPE, EIO, ENOSPC: these lines are lost. The next lines are tried again.
        if (!this.#failing) this.#onFailing(error)
        this.#failing = true
        this.#dropped += lines
        // EPIPE: the reader that had its beginning has gone.
        if (isCut && fd === this.#fd && error.code !== 'EPIPE') {
          // A copy: `data` may be long.
          this.#rest = Buffer.from(data.subarray(0, data.indexOf(NEWLINE) + 1))
          this.#dropped--
        }
        if (!this.#closed) setTimeout(() => this.#flush(), RETRY_MS)
      } else if (written < data.length) {
        const done = countLines(data, written)
        this.#writeAll(fd, data.subarray(written), lines - done, written === 0 ? isCut : data[written - 1] !== NEWLINE)
      } else {
        this.#failing = false
        if (this.#pending.length === 0 && this.#dropped === 0) this.#flush()
        else setTimeout(() => this.#flush(), GAP_MS)
      }
    })
  }
}

/** Bytes of the lines that fit into `most`, at least one line. `data` ends with a newline. */
function wholeLines(data: Buffer, most: number): number {
  return data.lastIndexOf(NEWLINE, most - 1) + 1 || data.indexOf(NEWLINE, most) + 1
}

/** Lines that end in the first `length` bytes. */
function countLines(data: Buffer, length: number): number {
  let lines = 0
  for (let at = data.indexOf(NEWLINE); at >= 0 && at < length; at = data.indexOf(NEWLINE, at + 1)) lines++
  return lines
}

/**
 * Creates a missing file. It never waits: a FIFO without a reader takes as much as the kernel keeps for the next reader, and is
 * full then. `more`: more flags of `open`.
 */
export function openForAppending(path: string, more = 0): number {
  const flags = more | O_APPEND | O_NONBLOCK | O_NOCTTY
  try {
    return openSync(path, flags | O_WRONLY | O_CREAT, 0o640)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error
    return openSync(path, flags | O_RDWR)
  }
}

/** Advice for the operator when the path of a log cannot be opened. */
export const LOG_ADVICE = 'create its directory, or choose another file'

function droppedLine(count: number): string {
  return `${new Date().toISOString()} warn  log: ${count} lines dropped, the reader is too slow\n`
}
