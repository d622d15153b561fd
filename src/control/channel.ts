/**
 * JSON lines over a stream socket: the channel between the master and a Python process, or between two masters (an upgrade). One object a
 * line, UTF-8, at most MAX_LINE bytes. Runs in the master; Python's end is `python/jumak_worker/process/control.py`.
 *
 * Invariants: whatever a peer sends, nothing throws here. A line that is too long, not JSON or of a wrong shape closes the channel with a
 * reason. Both directions are bounded. `onClosed` is called exactly once, after the last message.
 * Not here: the wire (`apps/wire/`). No request crosses this channel.
 */
import type { Duplex } from 'node:stream'
import type { MasterToPreloader, MasterToWorker, PreloaderToMaster, WorkerToMaster } from './messages.ts'
import { findShapeError, PRELOADER_SHAPES, type Shapes, WORKER_SHAPES } from './shapes.ts'
import { FROM_SUCCESSOR, type FromSuccessor, TO_SUCCESSOR, type ToSuccessor } from './upgrade-messages.ts'

/** Bytes. The largest messages are tracebacks; Python cuts them far below this. */
export const MAX_LINE = 1024 * 1024
/** Bytes that a peer has not read. These are thousands of our messages, none above 4 KiB: such a peer has stopped working. */
const MAX_UNSENT = 4 * 1024 * 1024

export interface Channel<Out, In> {
  /** Never throws. A message to a closed channel is dropped. */
  send(message: Out): void
  onMessage(callback: (message: In) => void): void
  /** `reason`: empty when the peer closed normally, otherwise what went wrong. Called once, also when the channel is closed already. */
  onClosed(callback: (reason: string) => void): void
  close(): void
  /** Closes the channel because the peer said something that does not fit. `onClosed` gets the reason. */
  refuse(reason: string): void
}

export type PreloaderChannel = Channel<MasterToPreloader, PreloaderToMaster>
export type WorkerChannel = Channel<MasterToWorker, WorkerToMaster>

export function openPreloaderChannel(stream: Duplex): PreloaderChannel {
  return new JsonLines<MasterToPreloader, PreloaderToMaster>(stream, message =>
    findShapeError(message, PRELOADER_SHAPES),
  )
}

export function openWorkerChannel(stream: Duplex): WorkerChannel {
  return new JsonLines<MasterToWorker, WorkerToMaster>(stream, message => findShapeError(message, WORKER_SHAPES))
}

/** In the old master. */
export function openSuccessorChannel(stream: Duplex): Channel<ToSuccessor, FromSuccessor> {
  return new JsonLines<ToSuccessor, FromSuccessor>(stream, message => findKnownError(message, FROM_SUCCESSOR))
}

/** In the new master. */
export function openPredecessorChannel(stream: Duplex): Channel<FromSuccessor, ToSuccessor> {
  return new JsonLines<FromSuccessor, ToSuccessor>(stream, message => findKnownError(message, TO_SUCCESSOR))
}

/** The other one may be of a later version: a message that this one does not know is right. */
function findKnownError(message: unknown, shapes: Shapes<{ readonly type: string }>): string | null {
  const type = (message as { readonly type?: unknown } | null)?.type
  return typeof type === 'string' && !Object.hasOwn(shapes, type) ? null : findShapeError(message, shapes)
}

class JsonLines<Out, In> implements Channel<Out, In> {
  readonly #stream: Duplex
  readonly #findError: (message: unknown) => string | null
  /** Pieces of the unfinished line. They are joined once, at its end, so a line cut into single bytes takes no quadratic time. */
  #pieces: Buffer[] = []
  #pieceBytes = 0
  #onMessage: ((message: In) => void) | null = null
  #onClosed: ((reason: string) => void) | null = null
  #closedReason: string | null = null

  constructor(stream: Duplex, findError: (message: unknown) => string | null) {
    this.#stream = stream
    this.#findError = findError
    stream.on('data', (chunk: Buffer) => this.#receive(chunk))
    // ECONNRESET and EPIPE mean that the peer died. 'close' follows, and the owner of the handle says how it died.
    stream.on('error', () => {})
    stream.on('end', () => this.close())
    stream.on('close', () => this.#finish(''))
    // Nothing is read before `onMessage`, so no message is lost between accept and the first listener.
    stream.pause()
  }

  send(message: Out): void {
    if (this.#closedReason !== null || !this.#stream.writable) return
    this.#stream.write(`${JSON.stringify(message)}\n`)
    if (this.#stream.writableLength > MAX_UNSENT) this.#fail(`leaves more than ${MAX_UNSENT} bytes unread`)
  }

  onMessage(callback: (message: In) => void): void {
    this.#onMessage = callback
    this.#stream.resume()
  }

  onClosed(callback: (reason: string) => void): void {
    this.#onClosed = callback
    const reason = this.#closedReason
    if (reason !== null) queueMicrotask(() => callback(reason))
  }

  close(): void {
    this.#stream.destroy()
  }

  refuse(reason: string): void {
    this.#fail(reason)
  }

  #receive(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      this.#pieces.push(chunk.subarray(start, end))
      this.#pieceBytes += end - start
      start = end + 1
      if (!this.#takeLine()) return
    }
    this.#pieces.push(chunk.subarray(start))
    this.#pieceBytes += chunk.length - start
    if (this.#pieceBytes > MAX_LINE) this.#fail(`sent a line longer than ${MAX_LINE} bytes`)
  }

  /** False when the channel is closed, by an error or by the receiver. */
  #takeLine(): boolean {
    if (this.#pieceBytes > MAX_LINE) return this.#fail(`sent a line longer than ${MAX_LINE} bytes`)
    const line = Buffer.concat(this.#pieces).toString('utf8')
    this.#pieces = []
    this.#pieceBytes = 0
    let message: unknown
    try {
      message = JSON.parse(line)
    } catch {
      return this.#fail('sent a line that is not JSON')
    }
    const error = this.#findError(message)
    if (error !== null) return this.#fail(`sent ${error}`)
    this.#onMessage?.(message as In)
    return this.#closedReason === null && !this.#stream.destroyed
  }

  #fail(reason: string): false {
    this.#finish(reason)
    this.#stream.destroy()
    return false
  }

  #finish(reason: string): void {
    if (this.#closedReason !== null) return
    this.#closedReason = reason
    this.#pieces = []
    this.#onClosed?.(reason)
  }
}
