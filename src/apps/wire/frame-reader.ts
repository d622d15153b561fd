/**
 * Cuts what a socket reads into frames: a header of fixed size with the payload's length in its first four bytes, then the
 * payload. Runs in the gateway, sans-IO; `decode.ts` and `multiplex-decode.ts` say what the frames mean.
 *
 * Invariants: cutting the bytes differently never changes the calls; no room is made for a payload before its header was
 * checked; nothing of a chunk is kept without being copied.
 */

export abstract class FrameReader {
  #isStopped = false
  /** A frame header that was cut by the end of a read. */
  readonly #header: Buffer
  #headerLength = 0
  /** A payload that was cut; it has its full size already and is handed over without another copy. */
  #payload: Buffer | null = null
  #payloadLength = 0

  constructor(headerSize: number) {
    this.#header = Buffer.alloc(headerSize)
  }

  /** Nothing more is passed on: the sink has lost interest in the middle of a read. */
  stop(): void {
    this.#isStopped = true
  }

  /** Reads a frame header: throws for a frame that may not come or has an impossible length, else returns its payload's length. */
  protected abstract header(buffer: Buffer, at: number): number

  /** The frame whose header was read last. `owned`: the buffer is the receiver's to keep, else a shared one. */
  protected abstract frame(buffer: Buffer, start: number, end: number, owned: boolean): void

  /** `chunk` may be a shared buffer: nothing of it is kept. Throws WireViolation. */
  push(chunk: Buffer): void {
    const headerSize = this.#header.length
    let at = this.#finishCut(chunk)
    while (at < chunk.length && !this.#isStopped) {
      if (chunk.length - at < headerSize) {
        this.#headerLength += chunk.copy(this.#header, this.#headerLength, at)
        return
      }
      const length = this.header(chunk, at)
      const payload = at + headerSize
      at = payload + length
      if (at > chunk.length) {
        this.#startPayload(length)
        this.#payloadLength = chunk.copy(this.#payload!, 0, payload)
        return
      }
      this.frame(chunk, payload, at, false)
    }
  }

  /** Completes what the last read cut; returns where the next frame begins. */
  #finishCut(chunk: Buffer): number {
    let at = 0
    if (this.#headerLength > 0) {
      at = chunk.copy(this.#header, this.#headerLength)
      this.#headerLength += at
      if (this.#headerLength < this.#header.length) return at
      this.#headerLength = 0
      this.#startPayload(this.header(this.#header, 0))
    }
    const payload = this.#payload
    if (payload === null) return at
    const copied = chunk.copy(payload, this.#payloadLength, at)
    this.#payloadLength += copied
    if (this.#payloadLength === payload.length) {
      this.#payload = null
      this.frame(payload, 0, payload.length, true)
    }
    return at + copied
  }

  #startPayload(length: number): void {
    this.#payload = Buffer.allocUnsafeSlow(length)
    this.#payloadLength = 0
  }
}
