/**
 * Reads the frames of a WSGI worker from one link. Runs in the gateway, sans-IO: bytes in, calls on a sink out.
 *
 * Invariants: cutting the bytes differently never changes the calls. The worker is not trusted: lengths, types, order, statuses and
 * header syntax are checked before anything is passed on or allocated. A broken rule throws WireViolation; the decoder must not be used
 * after it. The sink may keep the buffers that it gets, unless a method says otherwise.
 * Not here: whether a request is in flight at all (the sink knows it).
 */
import { object, optional, show, text, textLike, wholeNumber } from '../../base/checks.ts'
import type { ResponseHead } from '../../http/exchange.ts'
import { FrameReader } from './frame-reader.ts'
import {
  FRAME_HEADER,
  FrameType,
  MAX_CHUNK,
  MAX_PAYLOAD,
  MAX_RESPONSE_HEAD,
  RESPONSE_END,
  TAKEN_WAITS,
} from './frames.ts'
import { decodeHead } from './response-head.ts'
import { WireViolation } from './violation.ts'

export interface WorkerHello {
  readonly build: string
  readonly worker: number
  readonly slots: number
  /** The thread that runs the slot, as `faulthandler` writes it; none for an event loop. */
  readonly thread?: string
}

/** An open file of the worker, which the gateway is asked to send. */
export interface FileOffer {
  readonly fd: number
  readonly offset: number
  readonly length: number
  readonly device: bigint
  readonly inode: bigint
}

export interface WorkerSink {
  onHello(hello: WorkerHello): void
  /** `body`: valid during the call only. `complete`: it is all content, and the exchange is over. `runMicros` is set only then. */
  onResponse(head: ResponseHead, body: Buffer, complete: boolean, runMicros: number): void
  /** A piece of content, as it came, valid during the call only. */
  onChunk(chunk: Buffer): void
  onEnd(runMicros: number): void
  onFile(file: FileOffer): void
  onInform(head: ResponseHead): void
  onFailed(reason: string, runMicros: number): void
  /** The application has the link: `onRaw` follows with everything that comes on it. */
  onTaken(waits: boolean): void
  /** `bytes` are valid during the call only. */
  onRaw(bytes: Buffer): void
}

/** What may come next. head: RESPONSE, INFORM, FAILED, TAKEN. content: CHUNK, FILE, END, FAILED. raw: no frame. */
type State = 'hello' | 'head' | 'content' | 'raw'

export const RESPONSE_FIXED = 11
export const FILE_SIZE = 36
export const END_SIZE = 4
export const MAX_HELLO = 4096
export const MAX_REASON = 64 * 1024
const MAX_HELLO_TEXT = 1000

/** The link checks whether it is the expected worker (`checkHello`). */
const HELLO = object<WorkerHello>({
  build: text(MAX_HELLO_TEXT),
  worker: wholeNumber(1, Number.MAX_SAFE_INTEGER),
  slots: wholeNumber(1, Number.MAX_SAFE_INTEGER),
  thread: optional(textLike(/^0x[0-9a-f]{16}$/, 18, 'a thread as 0x00007f3a5c0b1740')),
})

export class WorkerDecoder extends FrameReader {
  readonly #sink: WorkerSink
  #state: State = 'hello'
  #type = 0

  constructor(sink: WorkerSink) {
    super(FRAME_HEADER)
    this.#sink = sink
  }

  protected header(buffer: Buffer, at: number): number {
    const length = buffer.readUInt32LE(at)
    const type = buffer[at + 4]!
    this.#type = type
    if (!this.#allowed(type)) throw new WireViolation(`frame type ${type} out of order (${this.#state})`)
    if (length < minimumLength(type) || length > maximumLength(type)) {
      throw new WireViolation(`frame type ${type} with ${length} bytes`)
    }
    this.isContent = type === FrameType.CHUNK
    return length
  }

  protected content(piece: Buffer): void {
    this.#sink.onChunk(piece)
  }

  #allowed(type: number): boolean {
    switch (this.#state) {
      case 'hello':
        return type === FrameType.HELLO
      case 'head':
        return (
          type === FrameType.RESPONSE ||
          type === FrameType.INFORM ||
          type === FrameType.FAILED ||
          type === FrameType.TAKEN
        )
      case 'content':
        return (
          type === FrameType.CHUNK || type === FrameType.END || type === FrameType.FILE || type === FrameType.FAILED
        )
      case 'raw':
        return false
    }
  }

  protected frame(buffer: Buffer, start: number, end: number): void {
    const sink = this.#sink
    const type = this.#type
    if (type === FrameType.RESPONSE) {
      this.#response(buffer, start, end)
    } else if (type === FrameType.END) {
      this.#state = 'head'
      sink.onEnd(buffer.readUInt32LE(start))
    } else if (type === FrameType.FILE) {
      sink.onFile(decodeFile(buffer, start))
    } else if (type === FrameType.INFORM) {
      this.#inform(buffer, start, end)
    } else if (type === FrameType.FAILED) {
      this.#state = 'head'
      sink.onFailed(buffer.toString('utf8', start + END_SIZE, end), buffer.readUInt32LE(start))
    } else if (type === FrameType.HELLO) {
      this.#state = 'head'
      sink.onHello(decodeHello(buffer.toString('utf8', start, end)))
    } else if (type === FrameType.TAKEN) {
      this.#state = 'raw'
      this.stop()
      sink.onTaken(decodeTakenFlags(buffer[start]!))
    }
  }

  protected override rest(bytes: Buffer): void {
    if (this.#state === 'raw') this.#sink.onRaw(bytes)
  }

  #response(buffer: Buffer, start: number, end: number): void {
    const status = buffer.readUInt16LE(start)
    const flags = buffer[start + 2]!
    const runMicros = buffer.readUInt32LE(start + 3)
    const headLength = buffer.readUInt32LE(start + 7)
    const headStart = start + RESPONSE_FIXED
    const bodyStart = headStart + headLength
    if (headLength > MAX_RESPONSE_HEAD || bodyStart > end) throw new WireViolation(`head of ${headLength} bytes`)
    if (end - bodyStart > MAX_CHUNK) throw new WireViolation(`inline body of ${end - bodyStart} bytes`)
    if (status < 200 || status > 599) throw new WireViolation(`status ${status}`)
    if ((flags & ~RESPONSE_END) !== 0) throw new WireViolation(`response flags ${flags}`)
    const head = decodeHead(status, buffer, headStart, bodyStart)
    const complete = (flags & RESPONSE_END) !== 0
    if (!complete) this.#state = 'content'
    this.#sink.onResponse(head, view(buffer, bodyStart, end), complete, runMicros)
  }

  #inform(buffer: Buffer, start: number, end: number): void {
    const status = buffer.readUInt16LE(start)
    // 100 is sent by the protocol itself. 101 would give the connection to a protocol that is not spoken here (RFC9110§15.2).
    if (status < 102 || status > 199) throw new WireViolation(`interim status ${status}`)
    this.#sink.onInform(decodeHead(status, buffer, start + 2, end))
  }
}

const NOTHING = Buffer.alloc(0)

/** A piece that is valid during the call only. */
export function view(buffer: Buffer, start: number, end: number): Buffer {
  return start === end ? NOTHING : buffer.subarray(start, end)
}

/** A piece that its receiver may keep. `owned`: it is cut from a payload of our own; else it is copied from the shared read buffer. */
export function own(buffer: Buffer, start: number, end: number, owned: boolean): Buffer {
  if (start === end) return NOTHING
  const piece = buffer.subarray(start, end)
  return owned ? piece : Buffer.from(piece)
}

function minimumLength(type: number): number {
  switch (type) {
    case FrameType.RESPONSE:
      return RESPONSE_FIXED
    case FrameType.END:
    case FrameType.FAILED:
      return END_SIZE
    case FrameType.FILE:
      return FILE_SIZE
    case FrameType.INFORM:
      return 2
    case FrameType.TAKEN:
      return 1
    default:
      return 0
  }
}

function maximumLength(type: number): number {
  switch (type) {
    case FrameType.CHUNK:
      return MAX_CHUNK
    case FrameType.END:
      return END_SIZE
    case FrameType.FILE:
      return FILE_SIZE
    case FrameType.FAILED:
      return END_SIZE + MAX_REASON
    case FrameType.INFORM:
      return 2 + MAX_RESPONSE_HEAD
    case FrameType.HELLO:
      return MAX_HELLO
    case FrameType.TAKEN:
      return 1
    default:
      return MAX_PAYLOAD
  }
}

/** Whether the worker waits for what becomes of its 101. */
export function decodeTakenFlags(flags: number): boolean {
  if (flags > TAKEN_WAITS) throw new WireViolation(`taken flags ${flags}`)
  return flags === TAKEN_WAITS
}

export function decodeFile(buffer: Buffer, start: number): FileOffer {
  const offset = buffer.readBigUInt64LE(start + 4)
  const length = buffer.readBigUInt64LE(start + 12)
  if (offset + length > BigInt(Number.MAX_SAFE_INTEGER)) throw new WireViolation(`file range ${offset}+${length}`)
  return {
    fd: buffer.readUInt32LE(start),
    offset: Number(offset),
    length: Number(length),
    device: buffer.readBigUInt64LE(start + 20),
    inode: buffer.readBigUInt64LE(start + 28),
  }
}

export function decodeHello(json: string): WorkerHello {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw new WireViolation('hello is not JSON')
  }
  const problem = HELLO(value)
  if (problem !== null)
    throw new WireViolation(`hello${problem.path} is ${show(problem.value)} and should be ${problem.expected}`)
  return value as WorkerHello
}
