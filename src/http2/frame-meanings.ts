/**
 * What the client's frames mean (RFC9113§5.1, §6): they open streams, bring content, open windows, and change settings. Runs in the gateway, for
 * each connection. A mistake that concerns one stream resets that stream. One that makes the rest unreadable is a ConnectionError, which is
 * thrown.
 *
 * Invariants: header blocks are decoded in any case, for the next one needs the table that each leaves; streams begin in the order of their numbers.
 * Not here: bytes (`frame-reader.ts`), what a request may be (`request-fields.ts`), the end of a connection (`connection.ts`).
 */
import { ProtocolError } from '../http/errors.ts'
import type { Scheme } from '../http/transport.ts'
import type { Http2Context } from './context.ts'
import { Cost, type FloodBudget } from './flood-budget.ts'
import type { FrameSink } from './frame-reader.ts'
import type { FrameWriter } from './frame-writer.ts'
import { ConnectionError, ErrorCode, Flag, FrameType, readUint31 } from './frames.ts'
import { type HeaderBlock, HeaderBlocks } from './header-block.ts'
import { HpackDecoder } from './hpack/decoder.ts'
import { DEFAULT_TABLE_SIZE } from './hpack/dynamic-table.ts'
import { parsePriority } from './priority.ts'
import type { Receiver } from './receiver.ts'
import { RecentStreams } from './recent-streams.ts'
import { MalformedError, type ReceivedHead, RequestFields } from './request-fields.ts'
import { CONNECTION_WINDOW } from './settings.ts'
import type { Http2Stream } from './stream.ts'

/** What the frames ask of their connection. */
export interface FramesOwner {
  readonly context: Http2Context
  readonly writer: FrameWriter
  readonly floods: FloodBudget
  readonly streams: ReadonlyMap<number, Http2Stream>
  /** No new stream is taken: those that come were never served (RFC9113§6.8). */
  readonly isLast: boolean
  /** A new stream, with the right head of a request. */
  begin(id: number, head: ReceivedHead, hasEnded: boolean): void
  /** A new stream, whose head is refused. */
  refuse(id: number, hasEnded: boolean, error: ProtocolError, fields: RequestFields): void
  /** The payload of SETTINGS. Throws ConnectionError. */
  settingsCame(payload: Buffer): void
  /** The window of the connection. Throws ConnectionError. */
  windowGrew(bytes: number): void
  pingAnswered(payload: Buffer): void
  /** The client asks for nothing more. */
  clientGoesAway(): void
}

/**
 * So many streams a client may open, with their content, before it has heard of `limit-streams`: as many as `flood-budget.ts` lets be refused at
 * once.
 */
const BEFORE_SETTINGS = 1000

export class Frames implements FrameSink {
  readonly #owner: FramesOwner
  readonly #blocks: HeaderBlocks
  readonly #decoder = new HpackDecoder(DEFAULT_TABLE_SIZE)
  readonly #fields: RequestFields
  /** The client's first SETTINGS have come. */
  #hasSettings = false
  /** The largest number of a stream that has begun. */
  lastStream = 0
  /** Streams that we have reset: what comes for them was on its way. */
  readonly #reset: RecentStreams
  /** Streams that have ended in another way. */
  readonly #ended: RecentStreams
  /** Of the connection, for content. */
  #receiveWindow = CONNECTION_WINDOW
  /** The stream whose DATA is read; null: what comes is thrown away. */
  #dataStream: Http2Stream | null = null
  /** Of its content so far, without padding. */
  #dataBytes = 0
  /** Those to which this read has brought content. */
  #touched: Receiver[] = []

  constructor(owner: FramesOwner, scheme: Scheme) {
    const { limits, http2 } = owner.context
    this.#owner = owner
    // A block is smaller than its fields, unless it is an attack. So a head that is somewhat too large can still be answered.
    this.#blocks = new HeaderBlocks(2 * (limits.headerBytes + limits.requestLine))
    this.#fields = new RequestFields(limits, scheme)
    this.#reset = new RecentStreams(Math.max(http2.streams, BEFORE_SETTINGS))
    this.#ended = new RecentStreams(http2.streams)
  }

  /** A header block has begun, and is not complete. */
  get isWithinBlock(): boolean {
    return this.#blocks.openStream !== 0
  }

  /** Of a header block that is not complete. */
  get keptBytes(): number {
    return this.#blocks.keptBytes
  }

  /** The read is over: its bytes are about to change. */
  readEnded(): void {
    if (this.#touched.length === 0) return
    for (const receiver of this.#touched) receiver.keep()
    this.#touched = []
  }

  /** `wasReset`: by us. */
  streamClosed(id: number, wasReset: boolean): void {
    if (wasReset) this.#reset.add(id)
    else this.#ended.add(id)
  }

  onFrame(type: number, flags: number, stream: number, payload: Buffer): void {
    this.#checkOrder(type, flags)
    switch (type) {
      case FrameType.HEADERS:
        if (stream === 0) throw onWrongStream('HEADERS')
        this.#onBlock(this.#blocks.headers(flags, stream, payload))
        break
      case FrameType.CONTINUATION:
        this.#onBlock(this.#blocks.continuation(flags, stream, payload))
        break
      case FrameType.PRIORITY:
        this.#onPriority(stream, payload)
        break
      case FrameType.RST_STREAM:
        this.#onReset(stream)
        break
      case FrameType.SETTINGS:
        if (stream !== 0) throw onWrongStream('SETTINGS')
        this.#onSettings(flags, payload)
        break
      case FrameType.PING:
        if (stream !== 0) throw onWrongStream('PING')
        this.#onPing(flags, payload)
        break
      case FrameType.GOAWAY:
        if (stream !== 0) throw onWrongStream('GOAWAY')
        this.#owner.floods.spend(Cost.SMALL, 'GOAWAY frames')
        this.#owner.clientGoesAway()
        break
      case FrameType.WINDOW_UPDATE:
        this.#onWindowUpdate(stream, readUint31(payload, 0))
        break
      case FrameType.PRIORITY_UPDATE:
        if (stream !== 0) throw onWrongStream('PRIORITY_UPDATE')
        this.#onPriorityUpdate(readUint31(payload, 0), payload.toString('latin1', 4))
        break
      case FrameType.PUSH_PROMISE:
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'A client sent PUSH_PROMISE', 'RFC9113§8.4')
      default:
        this.#owner.floods.spend(Cost.SMALL, 'unknown frames')
    }
  }

  #checkOrder(type: number, flags: number): void {
    if (this.#blocks.openStream !== 0 && type !== FrameType.CONTINUATION)
      throw new ConnectionError(
        ErrorCode.PROTOCOL_ERROR,
        'A frame stands between HEADERS and CONTINUATION',
        'RFC9113§6.10',
      )
    if (this.#hasSettings) return
    if (type !== FrameType.SETTINGS || (flags & Flag.ACK) !== 0)
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'The first frame is not SETTINGS', 'RFC9113§3.4')
    this.#hasSettings = true
  }

  #onBlock(block: HeaderBlock | null): void {
    if (block === null) return
    const { stream: id, isLast } = block
    const stream = this.#owner.streams.get(id)
    const isNew = stream === undefined && id > this.lastStream
    if (isNew && id % 2 === 0)
      throw new ConnectionError(
        ErrorCode.PROTOCOL_ERROR,
        'A client opened a stream with an even number',
        'RFC9113§5.1.1',
      )
    // In any case: the next block is decoded with the table that this one leaves.
    this.#fields.begin(!isNew)
    this.#decoder.decode(block.bytes, this.#fields)
    if (stream !== undefined) this.#onTrailers(stream, isLast)
    else if (!isNew) {
      this.#owner.floods.spend(Cost.SMALL, 'HEADERS for streams that have ended')
      this.#onClosedStream(id, 'HEADERS')
    } else this.#onRequest(id, isLast, block.dependsOnItself)
  }

  #onTrailers(stream: Http2Stream, isLast: boolean): void {
    if (stream.isRemoteEnded) {
      stream.reset(
        ErrorCode.STREAM_CLOSED,
        new ProtocolError(400, 'HEADERS behind the end of the stream', 'RFC9113§5.1'),
      )
      return
    }
    try {
      const trailers = this.#fields.finishTrailers()
      if (!isLast) throw new MalformedError('Trailers do not end the stream', 'RFC9113§8.1')
      stream.remoteEnded(trailers)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      stream.reset(ErrorCode.PROTOCOL_ERROR, error)
    }
  }

  #onRequest(id: number, hasEnded: boolean, dependsOnItself: boolean): void {
    // What follows the last GOAWAY was never served: the client may ask elsewhere (RFC9113§6.8).
    if (this.#owner.isLast) return
    this.lastStream = id
    if (this.#owner.streams.size >= this.#owner.context.http2.streams) {
      this.#owner.floods.spend(Cost.ANSWERED, 'streams at a time')
      this.#owner.writer.reset(id, ErrorCode.REFUSED_STREAM)
      this.#reset.add(id)
      return
    }
    try {
      if (dependsOnItself) throw new MalformedError('A stream depends on itself', 'RFC7540§5.3.1')
      this.#owner.begin(id, this.#fields.finishHead(hasEnded), hasEnded)
    } catch (error) {
      if (!(error instanceof ProtocolError) || error instanceof ConnectionError) throw error
      this.#owner.refuse(id, hasEnded, error, this.#fields)
    }
  }

  #onClosedStream(id: number, what: string): void {
    // It was on its way when we reset the stream, or when we said that no more streams are taken.
    if (this.#reset.has(id) || (this.#owner.isLast && id > this.lastStream)) return
    if (this.#ended.has(id))
      throw new ConnectionError(ErrorCode.STREAM_CLOSED, `${what} came for a stream that has ended`, 'RFC9113§5.1')
    throw new ConnectionError(
      ErrorCode.PROTOCOL_ERROR,
      `${what} came for a stream that was never opened`,
      'RFC9113§5.1.1',
    )
  }

  #checkNotIdle(id: number, what: string): void {
    if (id === 0) throw onWrongStream(what)
    if (this.#isIdle(id))
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${what} came for a stream that is not open`, 'RFC9113§5.1')
  }

  /** Nobody has opened it. Streams with even numbers are the server's, which opens none. */
  #isIdle(id: number): boolean {
    return id % 2 === 0 || (id > this.lastStream && !this.#owner.isLast)
  }

  #onPriority(id: number, payload: Buffer): void {
    if (id === 0) throw onWrongStream('PRIORITY')
    this.#owner.floods.spend(Cost.SMALL, 'PRIORITY frames')
    if (readUint31(payload, 0) !== id) return
    // No reset may be sent for a stream that is not open (RFC9113§6.4).
    this.#checkNotIdle(id, 'A dependency on itself')
    const error = new ProtocolError(400, 'A stream depends on itself', 'RFC7540§5.3.1')
    this.#owner.streams.get(id)?.reset(ErrorCode.PROTOCOL_ERROR, error)
  }

  #onReset(id: number): void {
    this.#checkNotIdle(id, 'RST_STREAM')
    const stream = this.#owner.streams.get(id)
    if (stream === undefined) {
      this.#owner.floods.spend(Cost.SMALL, 'RST_STREAM frames')
      return
    }
    this.#owner.floods.spend(Cost.CUT_STREAM, 'streams that were reset')
    stream.gone()
  }

  #onSettings(flags: number, payload: Buffer): void {
    if ((flags & Flag.ACK) !== 0) {
      this.#owner.floods.spend(Cost.SMALL, 'SETTINGS frames')
      return
    }
    this.#owner.floods.spend(Cost.ANSWERED, 'SETTINGS frames')
    this.#owner.settingsCame(payload)
    this.#owner.writer.settingsAck()
  }

  #onPing(flags: number, payload: Buffer): void {
    if ((flags & Flag.ACK) === 0) {
      this.#owner.floods.spend(Cost.ANSWERED, 'PING frames')
      this.#owner.writer.ping(payload, true)
    } else {
      this.#owner.floods.spend(Cost.SMALL, 'PING frames')
      this.#owner.pingAnswered(payload)
    }
  }

  #onWindowUpdate(id: number, bytes: number): void {
    this.#owner.floods.windowChanged('WINDOW_UPDATE frames')
    if (id === 0) {
      if (bytes === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'A window grows by nothing', 'RFC9113§6.9')
      this.#owner.windowGrew(bytes)
      return
    }
    this.#checkNotIdle(id, 'WINDOW_UPDATE')
    const stream = this.#owner.streams.get(id)
    if (stream === undefined) return
    if (bytes === 0)
      stream.reset(ErrorCode.PROTOCOL_ERROR, new ProtocolError(400, 'A window grows by nothing', 'RFC9113§6.9'))
    else if (!stream.openSendWindow(bytes))
      stream.reset(ErrorCode.FLOW_CONTROL_ERROR, new ProtocolError(400, 'A window is too large', 'RFC9113§6.9.1'))
  }

  /** RFC9218§7.1. One for a stream that is not there yet is ignored: clients send it with the stream's own header too. */
  #onPriorityUpdate(id: number, text: string): void {
    // A stream of the server, or none.
    if (id % 2 === 0) this.#checkNotIdle(id, 'PRIORITY_UPDATE')
    this.#owner.floods.spend(Cost.SMALL, 'PRIORITY_UPDATE frames')
    this.#owner.streams.get(id)?.setPriority(parsePriority(text))
  }

  // -- content

  onDataFrame(id: number, flags: number, length: number): void {
    this.#checkOrder(FrameType.DATA, flags)
    this.#checkNotIdle(id, 'DATA')
    this.#receiveWindow -= length
    if (this.#receiveWindow < 0)
      throw new ConnectionError(
        ErrorCode.FLOW_CONTROL_ERROR,
        'There is more content than the window allows',
        'RFC9113§6.9.1',
      )
    // At once, whatever becomes of it: a stream that nobody reads must not block the others. Each has a window of its own.
    if (this.#receiveWindow <= CONNECTION_WINDOW / 2) {
      this.#owner.writer.window(0, CONNECTION_WINDOW - this.#receiveWindow)
      this.#receiveWindow = CONNECTION_WINDOW
    }
    this.#dataBytes = 0
    const stream = this.#owner.streams.get(id)
    this.#dataStream = null
    if (stream === undefined) {
      this.#onClosedStream(id, 'DATA')
    } else if (stream.isRemoteEnded) {
      stream.reset(ErrorCode.STREAM_CLOSED, new ProtocolError(400, 'DATA behind the end of the stream', 'RFC9113§5.1'))
    } else if (stream.receiver!.frameCame(length)) {
      this.#dataStream = stream
    } else {
      stream.reset(
        ErrorCode.FLOW_CONTROL_ERROR,
        new ProtocolError(400, 'There is more content than the window allows', 'RFC9113§6.9.1'),
      )
    }
  }

  onContent(_id: number, piece: Buffer): void {
    this.#dataBytes += piece.length
    if (this.#dataStream === null) return
    const receiver = this.#dataStream.receiver!
    receiver.content(piece)
    this.#touched.push(receiver)
  }

  onDataEnd(id: number, flags: number): void {
    if (this.#dataBytes === 0 && (flags & Flag.END_STREAM) === 0) this.#owner.floods.spend(Cost.SMALL, 'empty frames')
    const stream = this.#dataStream
    this.#dataStream = null
    if (stream === null || this.#owner.streams.get(id) !== stream) return
    if ((flags & Flag.END_STREAM) !== 0) stream.remoteEnded([])
    else stream.receiver!.frameEnded()
  }
}

function onWrongStream(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${what} is on the wrong stream`, 'RFC9113§6')
}
