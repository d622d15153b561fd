/**
 * The text that other processes print, cut into lines for the log: the FIFOs of workers, the stderr of preloader and gateway. Runs in the
 * master.
 *
 * Invariants: it always reads, so no writer ever waits for it; for each source it keeps at most one bounded piece of an unfinished line;
 * nothing is lost, because a line that is too long goes on in the next one.
 * Not here: which lines belong together (`records.ts`).
 */
import { closeSync, constants, fstatSync, openSync, unlinkSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { Identity } from '../../config/types.ts'
import { asErrno, OperatorError } from '../errors.ts'
import { runAs } from '../host/identity.ts'
import { type OnRecord, Records } from './records.ts'

/** Bytes. A longer line goes on in the next one: log viewers and the sink's buffer should not get a line of megabytes. */
export const MAX_LOG_LINE = 16 * 1024

const NEWLINE = 10
const CARRIAGE_RETURN = 13

/** All streams that are being read, so that the end of the program can wait for the last output. */
export class Outputs {
  readonly #open = new Set<Readable>()
  #onEmpty: (() => void) | null = null

  /** Calls `onRecord` for each line, or for lines that belong together (`records.ts`). */
  read(stream: Readable, onRecord: OnRecord): void {
    this.#open.add(stream)
    const records = new Records(onRecord)
    readLines(stream, (line, isCut) => records.line(line, isCut))
    stream.on('close', () => {
      records.end()
      this.#open.delete(stream)
      if (this.#open.size === 0) this.#onEmpty?.()
    })
  }

  /** Resolves when all streams have ended, or after `limitMs`, because a daemon of the application may hold one open. Then closes them. */
  async finish(limitMs: number): Promise<void> {
    if (this.#open.size > 0) {
      await new Promise<void>(resolve => {
        this.#onEmpty = resolve
        setTimeout(resolve, limitMs).unref()
      })
    }
    for (const stream of this.#open) stream.destroy()
  }
}

/** `isCut`: the line was too long, and goes on in the next one. */
type OnLine = (line: string, isCut: boolean) => void

/** Calls `onLine` for each line, without its line break; for an unfinished last line at the end of the stream. Replaces invalid UTF-8. */
export function readLines(stream: Readable, onLine: OnLine): void {
  // The unfinished line. Its pieces are joined once at its end, because a writer may print it byte by byte.
  let pieces: Buffer[] = []
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    pieces.push(chunk)
    bytes += chunk.length
    if (bytes <= MAX_LOG_LINE && !chunk.includes(NEWLINE)) return
    const rest = cutLines(pieces.length === 1 ? chunk : Buffer.concat(pieces, bytes), onLine)
    pieces = rest.length === 0 ? [] : [rest]
    bytes = rest.length
  })
  // The writer has gone. Its output is here.
  stream.on('error', () => {})
  stream.on('close', () => {
    if (bytes > 0) onLine(decodeLine(Buffer.concat(pieces)), false)
    pieces = []
    bytes = 0
  })
}

/** Returns the unfinished rest, which is no longer than MAX_LOG_LINE. */
function cutLines(data: Buffer, onLine: OnLine): Buffer {
  let start = 0
  for (;;) {
    const end = data.indexOf(NEWLINE, start)
    const length = (end < 0 ? data.length : end) - start
    if (length > MAX_LOG_LINE) {
      const cut = characterStart(data, start + MAX_LOG_LINE)
      onLine(`${decodeLine(data.subarray(start, cut))} …`, true)
      start = cut
    } else if (end < 0) {
      return data.subarray(start)
    } else {
      onLine(decodeLine(data.subarray(start, end)), false)
      start = end + 1
    }
  }
}

/** The last position at or before `at` where a UTF-8 character begins. Looks back 3 bytes at most, because it may be no UTF-8. */
function characterStart(data: Buffer, at: number): number {
  for (let back = 0; back < 4; back++) if ((data[at - back]! & 0xc0) !== 0x80) return at - back
  return at
}

function decodeLine(line: Buffer): string {
  const end = line[line.length - 1] === CARRIAGE_RETURN ? line.length - 1 : line.length
  return line.toString('utf8', 0, end)
}

/**
 * Opens a worker's FIFO for reading, in the name of its user, who owns the directory and may have put anything there. Throws an
 * OperatorError when there is no FIFO at the path. The stream ends when the last writer has gone; then the FIFO's name is removed.
 */
export function openOutput(path: string, identity: Identity | null): Readable {
  let fd: number
  try {
    // Non-blocking, because opening a FIFO without a writer would block the master.
    fd = runAs(identity, () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW))
  } catch (error) {
    throw new OperatorError(`cannot open the worker's output ${path}: ${asErrno(error).message}`)
  }
  if (!fstatSync(fd).isFIFO()) {
    closeSync(fd)
    throw new OperatorError(`cannot open the worker's output ${path}: it is no FIFO`)
  }
  const stream = new Socket({ fd, readable: true, writable: false })
  // Not earlier, because the worker itself may still have to open it.
  stream.once('close', () => {
    try {
      runAs(identity, () => unlinkSync(path))
    } catch {
      // It has gone, or its user has put a directory there.
    }
  })
  return stream
}
