/**
 * From bytes to frames (RFC9113§4.1), sans-IO: calls, or a ConnectionError. Runs in the gateway, for each read of a connection.
 *
 * A frame comes whole, but for DATA, whose content is handed on as it comes, without padding. What is wrong with a frame's size is told before its
 * payload is read. Invariant: cutting the bytes differently changes no call but the pieces of content, and no error.
 * Not here: what frames mean (`frame-meanings.ts`).
 */
import { ConnectionError, ErrorCode, Flag, FRAME_HEADER, FrameType, PREFACE, readUint31 } from './frames.ts'

export interface FrameSink {
  /** A whole frame, of any type but DATA. `payload` is a view that is valid during the call only. */
  onFrame(type: number, flags: number, stream: number, payload: Buffer): void
  /** A frame of DATA begins. `length`: of its payload with padding, as windows count it. */
  onDataFrame(stream: number, flags: number, length: number): void
  /** A view that is valid during the call only. */
  onContent(stream: number, piece: Buffer): void
  onDataEnd(stream: number, flags: number): void
}

/** Sizes that are fixed, or a multiple (RFC9113§6). */
const EXACT_SIZE: Readonly<Record<number, number>> = {
  [FrameType.PRIORITY]: 5,
  [FrameType.RST_STREAM]: 4,
  [FrameType.PING]: 8,
  [FrameType.WINDOW_UPDATE]: 4,
}

const KNOWN = new Set<number>(Object.values(FrameType))

const State = { PREFACE: 0, HEADER: 1, PAYLOAD: 2, PAD_LENGTH: 3, CONTENT: 4, PADDING: 5, SKIP: 6, STOPPED: 7 } as const
type State = (typeof State)[keyof typeof State]

export class FrameReader {
  readonly #maxFrameSize: number
  readonly #sink: FrameSink
  #state: State = State.PREFACE
  /** Of the preface. */
  #seen = 0
  /** A frame, from its header on, that has come in part. */
  #partial: Buffer | null = null
  #partialLength = 0
  // The frame that is being read:
  #type = 0
  #flags = 0
  #stream = 0
  /** Bytes of its payload that are to come, padding too. */
  #left = 0
  /** Bytes of padding at its end. */
  #padding = 0

  constructor(maxFrameSize: number, sink: FrameSink) {
    this.#maxFrameSize = maxFrameSize
    this.#sink = sink
  }

  /** The preface is complete. */
  get hasBegun(): boolean {
    return this.#state !== State.PREFACE
  }

  /** What it keeps of a frame that has come in part. */
  get keptBytes(): number {
    return this.#partial?.length ?? 0
  }

  /** Nothing more is read. May be called from within a call of the sink. */
  stop(): void {
    this.#state = State.STOPPED
    this.#partial = null
  }

  /** Throws ConnectionError, and does not look at the bytes behind the mistake. */
  receive(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      switch (this.#state) {
        case State.PREFACE:
          at = this.#readPreface(chunk, at)
          break
        case State.HEADER:
        case State.PAYLOAD:
          at = this.#partial === null ? this.#readFrame(chunk, at) : this.#complete(chunk, at)
          break
        case State.PAD_LENGTH:
          at = this.#readPadLength(chunk, at)
          break
        case State.CONTENT:
          at = this.#readContent(chunk, at)
          break
        case State.PADDING:
        case State.SKIP:
          at = this.#skip(chunk, at)
          break
        case State.STOPPED:
          return
      }
    }
  }

  #readPreface(chunk: Buffer, at: number): number {
    const length = Math.min(PREFACE.length - this.#seen, chunk.length - at)
    if (chunk.compare(PREFACE, this.#seen, this.#seen + length, at, at + length) !== 0)
      throw new ConnectionError(
        ErrorCode.PROTOCOL_ERROR,
        'The connection does not begin with the preface',
        'RFC9113§3.4',
      )
    this.#seen += length
    if (this.#seen === PREFACE.length) this.#state = State.HEADER
    return at + length
  }

  /** A frame of which nothing has come before. */
  #readFrame(chunk: Buffer, at: number): number {
    if (chunk.length - at < FRAME_HEADER) {
      this.#partial = Buffer.allocUnsafe(FRAME_HEADER)
      this.#partialLength = chunk.copy(this.#partial, 0, at)
      return chunk.length
    }
    this.#readHeader(chunk, at)
    const from = at + FRAME_HEADER
    if (this.#state !== State.PAYLOAD) return this.#isEmpty(from)
    const to = from + this.#left
    if (to <= chunk.length) {
      this.#state = State.HEADER
      this.#sink.onFrame(this.#type, this.#flags, this.#stream, chunk.subarray(from, to))
      return to
    }
    this.#partial = Buffer.allocUnsafe(this.#left)
    this.#partialLength = chunk.copy(this.#partial, 0, from)
    return chunk.length
  }

  /** Goes on with a header, or a payload, of which a part has come. */
  #complete(chunk: Buffer, at: number): number {
    const partial = this.#partial!
    const copied = chunk.copy(partial, this.#partialLength, at)
    this.#partialLength += copied
    if (this.#partialLength < partial.length) return chunk.length
    this.#partial = null
    if (this.#state === State.PAYLOAD) {
      this.#state = State.HEADER
      this.#sink.onFrame(this.#type, this.#flags, this.#stream, partial)
      return at + copied
    }
    this.#readHeader(partial, 0)
    // TypeScript believes that it is still HEADER.
    if ((this.#state as State) !== State.PAYLOAD) return this.#isEmpty(at + copied)
    if (this.#left > 0) {
      this.#partial = Buffer.allocUnsafe(this.#left)
      this.#partialLength = 0
    } else {
      this.#state = State.HEADER
      this.#sink.onFrame(this.#type, this.#flags, this.#stream, partial.subarray(0, 0))
    }
    return at + copied
  }

  /** Checks the size, and sets the state in which the payload is read. */
  #readHeader(bytes: Buffer, at: number): void {
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
    const type = bytes[at + 3]!
    const flags = bytes[at + 4]!
    const stream = readUint31(bytes, at + 5)
    if (length > this.#maxFrameSize)
      throw wrongSize(`A frame of ${length} bytes is larger than ${this.#maxFrameSize}, limit-frame-size`, '§4.2')
    checkSize(type, flags, stream, length)
    this.#type = type
    this.#flags = flags
    this.#stream = stream
    this.#left = length
    this.#padding = 0
    if (type === FrameType.DATA) {
      this.#state = (flags & Flag.PADDED) !== 0 ? State.PAD_LENGTH : State.CONTENT
      this.#sink.onDataFrame(stream, flags, length)
    } else if (KNOWN.has(type)) {
      this.#state = State.PAYLOAD
    } else {
      // The payload of a type that nobody knows is not kept. Its owner hears of the frame, which may stand where none may (RFC9113§5.5).
      this.#state = State.SKIP
      this.#sink.onFrame(type, flags, stream, bytes.subarray(at, at))
    }
  }

  /** DATA, or a frame that is skipped, may have no payload. */
  #isEmpty(at: number): number {
    if (this.#left > 0 || this.#state === State.STOPPED) return at
    this.#endOfPayload()
    return at
  }

  #endOfPayload(): void {
    const isData = this.#state !== State.SKIP
    this.#state = State.HEADER
    if (isData) this.#sink.onDataEnd(this.#stream, this.#flags)
  }

  #readPadLength(chunk: Buffer, at: number): number {
    this.#padding = chunk[at]!
    this.#left--
    if (this.#padding > this.#left) throw tooMuchPadding()
    this.#state = State.CONTENT
    return this.#afterContent(at + 1)
  }

  #readContent(chunk: Buffer, at: number): number {
    const to = Math.min(chunk.length, at + this.#left - this.#padding)
    this.#left -= to - at
    this.#sink.onContent(this.#stream, chunk.subarray(at, to))
    return this.#afterContent(to)
  }

  #afterContent(at: number): number {
    if (this.#left > this.#padding || this.#state === State.STOPPED) return at
    this.#state = State.PADDING
    return this.#isEmpty(at)
  }

  #skip(chunk: Buffer, at: number): number {
    const to = Math.min(chunk.length, at + this.#left)
    this.#left -= to - at
    return this.#isEmpty(to)
  }
}

function checkSize(type: number, flags: number, stream: number, length: number): void {
  const exact = EXACT_SIZE[type]
  if (exact !== undefined && exact !== length)
    throw wrongSize(`A frame has ${length} bytes where it must have ${exact}`, '§6')
  switch (type) {
    case FrameType.SETTINGS:
      if (length % 6 !== 0 || ((flags & Flag.ACK) !== 0 && length > 0))
        throw wrongSize(`SETTINGS of ${length} bytes is malformed`, '§6.5')
      break
    case FrameType.GOAWAY:
      if (length < 8) throw wrongSize('GOAWAY is too short', '§6.8')
      break
    case FrameType.PRIORITY_UPDATE:
      if (length < 4) throw wrongSize('PRIORITY_UPDATE is too short', '§7.1 of RFC9218')
      break
    case FrameType.DATA:
      if (stream === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'DATA is on stream 0', 'RFC9113§6.1')
      if ((flags & Flag.PADDED) !== 0 && length === 0) throw wrongSize('Padded DATA has no length of padding', '§6.1')
      break
  }
}

function wrongSize(message: string, section: string): ConnectionError {
  return new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, message, `RFC9113${section}`)
}

export function tooMuchPadding(): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'Padding is longer than the payload', 'RFC9113§6.1')
}
