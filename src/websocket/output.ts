/**
 * The sender of `ws` writes its frames here, as if this were a socket. Collects the frames of one turn of the event loop and gives them
 * to the stream in as few writes as possible. Knows whether the client keeps up.
 */
import type { ByteStream } from '../http/transport.ts'
import type { Flusher } from './flusher.ts'
import type { SenderOutput } from './ws.ts'

/** Frames are joined up to this size, to save system calls. Above it the copy costs more. */
const JOIN_LIMIT = 64 * 1024

export class FrameOutput implements SenderOutput {
  readonly #stream: ByteStream
  readonly #flusher: Flusher
  readonly #onFlushed: () => void
  #parts: Buffer[] = []
  /** Bytes that wait for the end of the turn. */
  waitingBytes = 0
  /** Given to the stream so far. */
  bytesSent = 0
  /** The client has not taken all that was given to the stream. */
  isBlocked = false
  /** Our close frame was written: no frame may follow. The connection sets it. */
  isClosed = false
  destroyed = false

  constructor(stream: ByteStream, flusher: Flusher, onFlushed: () => void) {
    this.#stream = stream
    this.#flusher = flusher
    this.#onFlushed = onFlushed
  }

  cork(): void {}
  uncork(): void {}

  write(data: Buffer, done?: () => void): void {
    if (!this.destroyed) {
      if (this.#parts.length === 0) this.#flusher.add(this)
      this.#parts.push(data)
      this.waitingBytes += data.length
    }
    done?.()
  }

  flush(): void {
    if (this.#parts.length === 0) return
    const parts = this.#parts
    this.bytesSent += this.waitingBytes
    this.#parts = []
    this.waitingBytes = 0
    let begin = 0
    let bytes = 0
    for (let i = 0; i < parts.length; i++) {
      const { length } = parts[i]!
      if (bytes + length > JOIN_LIMIT && i > begin) {
        this.#give(parts.slice(begin, i), bytes)
        begin = i
        bytes = 0
      }
      bytes += length
    }
    this.#give(begin === 0 ? parts : parts.slice(begin), bytes)
    this.#onFlushed()
  }

  #give(parts: Buffer[], bytes: number): void {
    if (!this.#stream.write(parts.length === 1 ? parts[0]! : Buffer.concat(parts, bytes))) this.isBlocked = true
  }

  /** The stream has ended: frames are thrown away from now on. */
  destroy(): void {
    this.destroyed = true
    this.#parts = []
    this.waitingBytes = 0
  }
}
