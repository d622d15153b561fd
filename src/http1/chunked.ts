/**
 * Decoder of chunked content (RFC9112§7.1), sans-IO: bytes in, `onBody` and `onEnd` out. Runs in the gateway. Strict: a size is
 * hexadecimal digits and nothing else, lines end in CRLF, extensions and trailers have bounds. The content has a bound when its
 * handler gives one (`limitTo`).
 */
import { contentTooLarge, LimitError, ProtocolError } from '../http/errors.ts'
import type { HeaderLines } from '../http/headers.ts'
import { mayBeTrailer } from '../http/request-rules.ts'
import { areChunkExtensions } from './chunk-extensions.ts'
import { colonOf, fieldName, fieldValue } from './fields.ts'

export interface ChunkedSink {
  onBody(chunk: Buffer): void
  onEnd(trailers: HeaderLines): void
}

export interface ChunkedLimits {
  readonly headerBytes: number
  readonly headerCount: number
}

/** For all chunk extensions of one request: only attackers use them (CVE-2023-39326). */
const MAX_EXTENSION_BYTES = 4096
/** 2^52 bytes: more digits could only overflow. */
const MAX_SIZE_DIGITS = 13

/**
 * Chunks up to this size are handed on together. A read may bring ten thousand chunks of one byte. Handed on alone, each would cost its
 * consumer a hundred bytes, which nobody counts.
 */
const SMALL_CHUNK = 512
/** Where the small chunks of one read are put together: as large as the transport's buffer. What does not fit is handed on alone. */
const packed = Buffer.allocUnsafeSlow(64 * 1024)

type State = 'size' | 'data' | 'data-end' | 'trailers' | 'done'

export class ChunkedDecoder {
  readonly #limits: ChunkedLimits
  readonly #sink: ChunkedSink
  #state: State = 'size'
  /** An incomplete line. */
  #line = ''
  #remaining = 0
  /** The sum of all sizes so far. */
  #total = 0
  #limit = Number.POSITIVE_INFINITY
  #extensionBytes = 0
  #trailerBytes = 0
  /** The part of `packed` that is to be handed on. Somebody may still look at what is before it. */
  #packedFrom = 0
  #packedTo = 0
  readonly #trailers: HeaderLines = []

  constructor(limits: ChunkedLimits, sink: ChunkedSink) {
    this.#limits = limits
    this.#sink = sink
  }

  get done(): boolean {
    return this.#state === 'done'
  }

  /** From now on more than `bytes` of content is an error. False: there is more already. */
  limitTo(bytes: number): boolean {
    this.#limit = bytes
    return this.#total <= bytes
  }

  /** Takes bytes from `position`; returns where the message ended, or the end of the chunk. Throws ProtocolError. */
  receive(chunk: Buffer, position: number): number {
    let at = position
    this.#packedFrom = this.#packedTo = 0
    try {
      while (at < chunk.length && this.#state !== 'done') {
        if (this.#state === 'data') at = this.#data(chunk, at)
        else at = this.#readLine(chunk, at)
      }
    } finally {
      this.#handOn()
    }
    return at
  }

  #data(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#remaining)
    this.#remaining -= end - at
    if (this.#remaining === 0) this.#state = 'data-end'
    if (end - at <= SMALL_CHUNK && this.#packedTo + end - at <= packed.length) {
      for (let from = at; from < end; from++) packed[this.#packedTo++] = chunk[from]!
      return end
    }
    this.#handOn()
    this.#sink.onBody(chunk.subarray(at, end))
    return end
  }

  #handOn(): void {
    const from = this.#packedFrom
    if (from === this.#packedTo) return
    this.#packedFrom = this.#packedTo
    this.#sink.onBody(packed.subarray(from, this.#packedTo))
  }

  #readLine(chunk: Buffer, at: number): number {
    const lf = chunk.indexOf(0x0a, at)
    const end = lf < 0 ? chunk.length : lf + 1
    this.#line += chunk.toString('latin1', at, end)
    this.#checkLength()
    if (lf < 0) return end
    if (!this.#line.endsWith('\r\n'))
      throw new ProtocolError(400, 'A line of chunked content ends in a bare LF', 'RFC9112§2.2')
    const line = this.#line.slice(0, -2)
    this.#line = ''
    this.#onLine(line)
    return end
  }

  #checkLength(): void {
    const length = this.#line.length
    if (this.#state === 'data-end' && length > 2)
      throw new ProtocolError(400, 'A chunk is longer than its size', 'RFC9112§7.1')
    if (this.#state === 'size' && this.#extensionBytes + length > MAX_EXTENSION_BYTES)
      throw new ProtocolError(400, 'The chunk extensions are too long', 'RFC9112§7.1.1')
    if (this.#state === 'trailers' && this.#trailerBytes + length > this.#limits.headerBytes + 2)
      throw new LimitError(431, 'The trailers are too long', 'limit-request-header-size')
  }

  #onLine(line: string): void {
    switch (this.#state) {
      case 'size':
        this.#onSize(line)
        break
      case 'data-end':
        if (line !== '') throw new ProtocolError(400, 'A chunk is longer than its size', 'RFC9112§7.1')
        this.#state = 'size'
        break
      case 'trailers':
        this.#onTrailer(line)
        break
    }
  }

  #onSize(line: string): void {
    let end = 0
    while (isHexDigit(line.charCodeAt(end))) end++
    if (end === 0) throw new ProtocolError(400, 'A chunk size is invalid', 'RFC9112§7.1')
    if (!areChunkExtensions(line, end)) throw notASizeLine(line, end)
    let start = 0
    while (start < end - 1 && line[start] === '0') start++
    if (end - start > MAX_SIZE_DIGITS) throw new ProtocolError(400, 'A chunk size overflows', 'RFC9112§7.1')
    this.#extensionBytes += line.length - end
    const size = Number.parseInt(line.slice(start, end), 16)
    this.#total += size
    if (this.#total > this.#limit) throw contentTooLarge(this.#limit)
    this.#remaining = size
    this.#state = size === 0 ? 'trailers' : 'data'
  }

  #onTrailer(line: string): void {
    if (line === '') {
      this.#state = 'done'
      this.#handOn()
      this.#sink.onEnd(this.#trailers)
      return
    }
    this.#trailerBytes += line.length + 2
    const colon = colonOf(line)
    const { name, kind } = fieldName(line.slice(0, colon))
    const value = fieldValue(line, colon + 1, line.length, false)
    if (this.#trailers.length >= 2 * this.#limits.headerCount)
      throw new LimitError(431, 'There are too many trailers', 'limit-request-fields')
    if (mayBeTrailer(name, kind)) this.#trailers.push(name, value)
  }
}

function isHexDigit(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66)
}

/** `end`: where the digits end. */
function notASizeLine(line: string, end: number): ProtocolError {
  return line.slice(end).trimStart().startsWith(';')
    ? new ProtocolError(400, 'A chunk extension is malformed', 'RFC9112§7.1.1')
    : new ProtocolError(400, 'A chunk size is invalid', 'RFC9112§7.1')
}
