/**
 * A part of an open file on its way to a client: read piece by piece, the next one when the client has taken the one before. Runs in the
 * gateway, for each `sendFile` of a response.
 *
 * Invariant: `done` is called exactly once, and no read is on its way then: the caller may close the file.
 */
import { read } from 'node:fs'
import { fileCut } from '../http/file-cut.ts'
import type { FileBuffers } from './file-buffers.ts'

/** How many times a buffer may be as large as the largest read. */
const MOST_ROOM = 4

/** What it asks of its response. */
export interface FileTarget {
  /** Nothing more can be sent. */
  readonly isAborted: boolean
  /** The head waits for the first piece and takes so many bytes before it; 0: it does not wait. */
  readonly bytesBefore: number
  /** The bytes of `buffer` from `before` on; the room before them is for the head. False: the client is slow. */
  writePiece(buffer: Buffer, before: number, bytes: number): boolean
  /** The kernel has all that was written. */
  readonly isAllTaken: boolean
}

export class FileSending {
  readonly #target: FileTarget
  readonly #buffers: FileBuffers
  readonly #fd: number
  #position: number
  readonly #end: number
  readonly #done: (error: Error | null) => void
  /** Of the last piece. */
  #buffer: Buffer | null = null
  #isWaiting = false

  constructor(
    target: FileTarget,
    buffers: FileBuffers,
    fd: number,
    position: number,
    end: number,
    done: (error: Error | null) => void,
  ) {
    this.#target = target
    this.#buffers = buffers
    this.#fd = fd
    this.#position = position
    this.#end = end
    this.#done = done
  }

  /** It waits for a slow client. */
  get isWaiting(): boolean {
    return this.#isWaiting
  }

  /** The first time, and when the client has taken all. */
  go(): void {
    this.#isWaiting = false
    if (this.#position >= this.#end) {
      this.#finish(null, true)
      return
    }
    const before = this.#target.bytesBefore
    const size = Math.min(this.#buffers.readBytes, this.#end - this.#position)
    const buffer = this.#bufferOf(before + size)
    read(this.#fd, buffer, before, size, this.#position, (error, bytes) => this.#onRead(buffer, before, error, bytes))
  }

  /** The one of the piece before, if it fits. A large one is not kept for the small reads that are allowed while memory is short. */
  #bufferOf(bytes: number): Buffer {
    const last = this.#buffer
    if (last !== null && last.length >= bytes && last.length <= MOST_ROOM * this.#buffers.readBytes) return last
    if (last !== null) this.#buffers.giveBack(last)
    this.#buffer = this.#buffers.take(bytes)
    return this.#buffer
  }

  #onRead(buffer: Buffer, before: number, error: Error | null, bytes: number): void {
    // The read is over now, so the caller may close the file.
    if (this.#target.isAborted) this.#finish(new Error('the client has gone'), true)
    else if (error !== null || bytes === 0) this.#finish(fileCut(this.#fd, this.#position, this.#end, error), true)
    else {
      this.#position += bytes
      if (!this.#target.writePiece(buffer, before, bytes)) {
        this.#isWaiting = true
        return
      }
      if (!this.#target.isAllTaken) this.#lose()
      this.go()
    }
  }

  /** While it waits: nothing more can be sent. */
  cancel(cause: Error): void {
    this.#finish(cause, false)
  }

  #lose(): void {
    if (this.#buffer !== null) this.#buffers.lose(this.#buffer)
    this.#buffer = null
  }

  #finish(error: Error | null, isTaken: boolean): void {
    this.#isWaiting = false
    if (!isTaken) this.#lose()
    else if (this.#buffer !== null) this.#buffers.giveBack(this.#buffer)
    this.#buffer = null
    this.#done(error)
  }
}
