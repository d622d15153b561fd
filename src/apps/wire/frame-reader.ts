/**
 * Cuts the bytes of a socket into frames: a header of fixed size with the payload's length in its first four bytes, then the
 * payload. Runs in the gateway, sans-IO. `decode.ts` and `multiplex-decode.ts` say what the frames mean.
 *
 * Most frames come whole. Content comes as it arrives (`isContent`): whoever gets it writes it on, and nothing is put together before. A
 * reader that was stopped passes on what follows the last frame as `rest`, uncut.
 *
 * Invariants: cutting the bytes differently changes no call but the pieces of content. No memory is taken for a payload before its header is
 * checked. Nothing of a chunk is kept without a copy.
 */

export abstract class FrameReader {
  #isStopped = false
  /** A frame header that was cut by the end of a read. */
  readonly #header: Buffer
  #headerLength = 0
  /** A payload that was cut. It has its full size from the start, and is passed on without another copy. */
  #payload: Buffer | null = null
  #payloadLength = 0
  /** Bytes of content that are to come. */
  #contentLeft = 0
  /** Set by `header`: the payload is passed on in pieces, to `content`. */
  protected isContent = false

  constructor(headerSize: number) {
    this.#header = Buffer.alloc(headerSize)
  }

  /** No more frames are read, not even from the chunk that is being read. */
  stop(): void {
    this.#isStopped = true
  }

  /** Bytes behind the last frame of a reader that was stopped. May be a view of a shared buffer. */
  protected rest(_bytes: Buffer): void {}

  /** Reads a frame header and returns the payload's length. Throws for a frame that may not come, or has an impossible length. */
  protected abstract header(buffer: Buffer, at: number): number

  /** Reads the frame whose header was read last. `owned`: the receiver may keep the buffer; else it is shared. */
  protected abstract frame(buffer: Buffer, start: number, end: number, owned: boolean): void

  /** A piece of the frame whose header was read last, never empty: a view that is valid during the call only. */
  protected abstract content(piece: Buffer): void

  /** Throws WireViolation. `chunk` may be a shared buffer. */
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
      if (this.isContent) {
        this.#contentLeft = length
        at = this.#passContent(chunk, payload)
        continue
      }
      at = payload + length
      if (at > chunk.length) {
        this.#startPayload(length)
        this.#payloadLength = chunk.copy(this.#payload!, 0, payload)
        return
      }
      this.frame(chunk, payload, at, false)
    }
    if (at < chunk.length) this.rest(chunk.subarray(at))
  }

  /** Completes the frame that the last read cut. Returns where the next frame begins. */
  #finishCut(chunk: Buffer): number {
    let at = this.#passContent(chunk, 0)
    if (this.#headerLength > 0) {
      at = chunk.copy(this.#header, this.#headerLength)
      this.#headerLength += at
      if (this.#headerLength < this.#header.length) return at
      this.#headerLength = 0
      const length = this.header(this.#header, 0)
      if (this.isContent) {
        this.#contentLeft = length
        return this.#passContent(chunk, at)
      }
      this.#startPayload(length)
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

  /** Returns where the rest of `chunk` begins. */
  #passContent(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#contentLeft)
    if (end === at) return at
    this.#contentLeft -= end - at
    this.content(chunk.subarray(at, end))
    return end
  }

  #startPayload(length: number): void {
    this.#payload = Buffer.allocUnsafeSlow(length)
    this.#payloadLength = 0
  }
}
