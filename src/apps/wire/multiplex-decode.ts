/**
 * Reads the frames of an ASGI worker from its link (`multiplex.ts` has the diagram). Runs in the gateway, sans-IO: bytes in, calls on a
 * sink out.
 *
 * Invariants: cutting the bytes differently never changes the calls. The worker is not trusted: lengths, types, the order within each
 * exchange, its credit, statuses and header syntax are checked before anything is passed on. A broken rule throws WireViolation; the
 * decoder must not be used after it. Frames of an exchange that the sink does not find are skipped: it ended here, and the worker did
 * not know yet. The sink may keep the buffers that it gets, unless a method says otherwise.
 * Not here: which exchanges there are (the sink knows them).
 */
import type { ResponseHead } from '../../http/exchange.ts'
import type { HeaderLines } from '../../http/headers.ts'
import {
  decodeFile,
  decodeHello,
  decodeTakenFlags,
  END_SIZE,
  FILE_SIZE,
  type FileOffer,
  MAX_HELLO,
  MAX_REASON,
  own,
  RESPONSE_FIXED,
  view,
  type WorkerHello,
} from './decode.ts'
import { FrameReader } from './frame-reader.ts'
import { MAX_RESPONSE_HEAD, RESPONSE_END } from './frames.ts'
import {
  MAX_COMPLETE,
  MAX_CONTENT,
  MESSAGE_COST,
  MESSAGE_MORE,
  MESSAGE_TEXT,
  MULTIPLEX_HEADER,
  RESPONSE_TRAILERS,
  MultiplexType as Type,
} from './multiplex.ts'
import { decodeHead, decodeTrailers } from './response-head.ts'
import { WireViolation } from './violation.ts'

/**
 * What may come next. head: RESPONSE, INFORM, FAILED, ACCEPT · content: CHUNK, FILE, END, FAILED · file: only FAILED, for the worker
 * waits for FILE_OPENED · socket: MESSAGE, CLOSE, FAILED · taken: nothing. Else CREDIT may always come.
 */
export type Stage = 'head' | 'content' | 'file' | 'socket' | 'taken'

/** The state of an exchange, which the decoder keeps up to date. The sink makes it, and sets `content` after a file. */
export interface WireState {
  stage: Stage
  readonly isWebSocket: boolean
  /** The worker's credit for content. The sink adds the credit that it gives back. */
  granted: number
}

export interface MultiplexSink<E extends WireState> {
  /** Null: the exchange is over. Throws WireViolation for one that never was. */
  find(exchange: number): E | null
  onHello(hello: WorkerHello): void
  onPong(token: number): void
  /** `body`: valid during the call only. `complete`: it is all content, and the exchange is over. `runMicros` is set only then. */
  onResponse(exchange: E, head: ResponseHead, body: Buffer, complete: boolean, runMicros: number): void
  /** A piece of content, as it came, valid during the call only. */
  onChunk(exchange: E, chunk: Buffer): void
  onEnd(exchange: E, runMicros: number, trailers: HeaderLines): void
  onFile(exchange: E, file: FileOffer): void
  onInform(exchange: E, head: ResponseHead): void
  onFailed(exchange: E, reason: string, runMicros: number): void
  onCredit(exchange: E, bytes: number): void
  onAccept(exchange: E, subprotocol: string, headers: HeaderLines): void
  /** `flags` as on the wire, checked. */
  onMessage(exchange: E, data: Buffer, flags: number): void
  onClose(exchange: E, code: number, reason: string): void
  /** The application wants the socket of the handshake. `waits`: it waits for what becomes of its 101. */
  onTaken(exchange: E, token: number, waits: boolean): void
}

const MAX_REASON_OF_CLOSE = 1024

export class MultiplexDecoder<E extends WireState> extends FrameReader {
  readonly #sink: MultiplexSink<E>
  #greeted = false
  #type = 0
  #exchange = 0
  /** Content of a CHUNK of which no piece was passed on: a frame is within its credit, or beyond it, as a whole. */
  #unspent = 0

  constructor(sink: MultiplexSink<E>) {
    super(MULTIPLEX_HEADER)
    this.#sink = sink
  }

  protected header(buffer: Buffer, at: number): number {
    const length = buffer.readUInt32LE(at)
    const type = buffer[at + 4]!
    const exchange = buffer.readUInt32LE(at + 5)
    if (this.#greeted === (type === Type.HELLO)) throw new WireViolation(`frame type ${type} out of order`)
    if ((exchange === 0) !== (type === Type.HELLO || type === Type.PONG))
      throw new WireViolation(`frame type ${type} for exchange ${exchange}`)
    const bounds = LENGTHS[type]
    if (bounds === undefined || length < bounds[0] || length > bounds[1])
      throw new WireViolation(`frame type ${type} with ${length} bytes`)
    this.#type = type
    this.#exchange = exchange
    this.isContent = type === Type.CHUNK
    this.#unspent = length
    return length
  }

  protected content(piece: Buffer): void {
    const exchange = this.#sink.find(this.#exchange)
    if (exchange !== null) this.#chunk(exchange, piece)
  }

  protected frame(buffer: Buffer, start: number, end: number, owned: boolean): void {
    const sink = this.#sink
    const type = this.#type
    if (type === Type.HELLO) {
      this.#greeted = true
      sink.onHello(decodeHello(buffer.toString('utf8', start, end)))
    } else if (type === Type.PONG) {
      sink.onPong(buffer.readUInt32LE(start))
    } else {
      const exchange = sink.find(this.#exchange)
      if (exchange === null) return
      if (exchange.stage === 'taken') throw new WireViolation(`frame type ${type} behind TAKEN`)
      if (type === Type.CREDIT) sink.onCredit(exchange, buffer.readUInt32LE(start))
      else if (type === Type.RESPONSE) this.#response(exchange, buffer, start, end)
      else if (type === Type.MESSAGE) this.#message(exchange, buffer, start, end, owned)
      else this.#rare(exchange, buffer, start, end)
    }
  }

  #response(exchange: E, buffer: Buffer, start: number, end: number): void {
    this.#must(exchange, 'head')
    const status = buffer.readUInt16LE(start)
    const flags = buffer[start + 2]!
    const runMicros = buffer.readUInt32LE(start + 3)
    const headLength = buffer.readUInt32LE(start + 7)
    const headStart = start + RESPONSE_FIXED
    const bodyStart = headStart + headLength
    const complete = flags === RESPONSE_END
    const bodyLength = end - bodyStart
    if (headLength > MAX_RESPONSE_HEAD || bodyLength < 0) throw new WireViolation(`head of ${headLength} bytes`)
    if (bodyLength > (complete ? MAX_COMPLETE : MAX_CONTENT))
      throw new WireViolation(`content of ${bodyLength} bytes in RESPONSE`)
    if (status < 200 || status > 599) throw new WireViolation(`status ${status}`)
    if (flags > RESPONSE_TRAILERS) throw new WireViolation(`response flags ${flags}`)
    const plain = decodeHead(status, buffer, headStart, bodyStart)
    // The head is copied: responses without trailers may share it.
    const head = flags === RESPONSE_TRAILERS ? { ...plain, comesAgain: false, hasTrailers: true } : plain
    if (!complete) {
      exchange.stage = 'content'
      this.#spend(exchange, bodyLength)
    }
    this.#sink.onResponse(exchange, head, view(buffer, bodyStart, end), complete, runMicros)
  }

  #chunk(exchange: E, chunk: Buffer): void {
    this.#must(exchange, 'content')
    if (this.#unspent > 0) this.#spend(exchange, this.#unspent)
    this.#unspent = 0
    this.#sink.onChunk(exchange, chunk)
  }

  #message(exchange: E, buffer: Buffer, start: number, end: number, owned: boolean): void {
    this.#must(exchange, 'socket')
    const flags = buffer[start]!
    const kind = flags & ~MESSAGE_MORE
    if (kind < MESSAGE_TEXT || kind > 2) throw new WireViolation(`message flags ${flags}`)
    this.#spend(exchange, end - start - 1 + (kind === flags ? MESSAGE_COST : 0))
    this.#sink.onMessage(exchange, own(buffer, start + 1, end, owned), flags)
  }

  #rare(exchange: E, buffer: Buffer, start: number, end: number): void {
    const sink = this.#sink
    switch (this.#type) {
      case Type.END:
        this.#must(exchange, 'content')
        sink.onEnd(exchange, buffer.readUInt32LE(start), decodeTrailers(buffer, start + END_SIZE, end))
        break
      case Type.FILE:
        this.#must(exchange, 'content')
        exchange.stage = 'file'
        sink.onFile(exchange, decodeFile(buffer, start))
        break
      case Type.FAILED:
        sink.onFailed(exchange, buffer.toString('utf8', start + END_SIZE, end), buffer.readUInt32LE(start))
        break
      case Type.INFORM: {
        this.#must(exchange, 'head')
        const status = buffer.readUInt16LE(start)
        // 100 is sent by the protocol itself, and for 101 there is ACCEPT (RFC9110§15.2).
        if (status < 102 || status > 199) throw new WireViolation(`interim status ${status}`)
        sink.onInform(exchange, decodeHead(status, buffer, start + 2, end))
        break
      }
      case Type.ACCEPT: {
        this.#must(exchange, 'head')
        if (!exchange.isWebSocket) throw new WireViolation('ACCEPT for a request that is no WebSocket')
        const { reason, headers } = decodeHead(101, buffer, start, end)
        exchange.stage = 'socket'
        sink.onAccept(exchange, reason, headers)
        break
      }
      case Type.TAKEN: {
        this.#must(exchange, 'head')
        if (!exchange.isWebSocket) throw new WireViolation('TAKEN for a request that is no WebSocket')
        exchange.stage = 'taken'
        sink.onTaken(exchange, buffer.readUInt32LE(start), decodeTakenFlags(buffer[start + 4]!))
        break
      }
      case Type.CLOSE:
        this.#must(exchange, 'socket')
        sink.onClose(exchange, buffer.readUInt16LE(start), buffer.toString('utf8', start + 2, end))
        break
    }
  }

  #must(exchange: E, stage: Stage): void {
    if (exchange.stage !== stage) throw new WireViolation(`frame type ${this.#type} out of order (${exchange.stage})`)
  }

  #spend(exchange: E, bytes: number): void {
    if (bytes > 0 && exchange.granted <= 0) throw new WireViolation('content beyond its credit')
    exchange.granted -= bytes
  }
}

/** Least and greatest length of a payload, by type. A type without them does not come from a worker. */
const LENGTHS: readonly (readonly [number, number] | undefined)[] = Array.from({ length: 256 }, (_, type) => {
  switch (type) {
    case Type.HELLO:
      return [0, MAX_HELLO]
    case Type.RESPONSE:
      return [RESPONSE_FIXED, RESPONSE_FIXED + MAX_RESPONSE_HEAD + MAX_COMPLETE]
    case Type.CHUNK:
      return [0, MAX_CONTENT]
    case Type.END:
      return [END_SIZE, END_SIZE + MAX_RESPONSE_HEAD]
    case Type.FILE:
      return [FILE_SIZE, FILE_SIZE]
    case Type.INFORM:
      return [2, 2 + MAX_RESPONSE_HEAD]
    case Type.FAILED:
      return [END_SIZE, END_SIZE + MAX_REASON]
    case Type.PONG:
    case Type.CREDIT:
      return [4, 4]
    case Type.ACCEPT:
      return [0, MAX_RESPONSE_HEAD]
    case Type.TAKEN:
      return [5, 5]
    case Type.CLOSE:
      return [2, 2 + MAX_REASON_OF_CLOSE]
    case Type.MESSAGE:
      return [1, 1 + MAX_CONTENT]
    default:
      return undefined
  }
})
