/**
 * Drives one HTTP/2 connection (RFC9113): a transport, and the streams on it. Runs in the gateway.
 *
 * A mistake that concerns one stream resets that stream; one that makes the rest unreadable ends the connection, with GOAWAY and a lingering close.
 * A drain sends GOAWAY twice: the first one stops new streams, and when its ping is answered, the second one says which was the last.
 *
 * Invariants: each stream's exchange ends, whatever the end of the connection; streams begin in the order of their numbers; nothing is
 * read behind a ConnectionError.
 *
 * Not here: one stream (`stream.ts`), bytes (`frame-reader.ts`, `frame-writer.ts`), the order of writing (`scheduler.ts`), what a flood costs
 * (`flood-budget.ts`).
 */

import type { ByteQueue } from '../base/byte-queue.ts'
import { Deadline } from '../base/deadlines.ts'
import type { Account } from '../base/memory-budget.ts'
import { ProtocolError } from '../http/errors.ts'
import type { LocalEnd, Peer } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'
import type { ProtocolConnection } from '../http/protocol.ts'
import { makeRequestId } from '../http/request-id.ts'
import type { Transport, TransportHandler } from '../http/transport.ts'
import { CloseCode } from '../http/websocket.ts'
import { answerOptions, refusalOf } from '../protocols/own-answers.ts'
import { Pace } from '../protocols/pace.ts'
import type { Http2Context } from './context.ts'
import { Cost, FloodBudget } from './flood-budget.ts'
import { FrameReader, type FrameSink } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'
import { ConnectionError, ErrorCode, Flag, FrameType, MAX_WINDOW, readUint31 } from './frames.ts'
import { type HeaderBlock, HeaderBlocks } from './header-block.ts'
import { HpackDecoder } from './hpack/decoder.ts'
import { HpackError } from './hpack/errors.ts'
import { Output } from './output.ts'
import { parsePriority } from './priority.ts'
import { RecentStreams } from './recent-streams.ts'
import { MalformedError, type ReceivedHead, RequestFields, unreadableHead } from './request-fields.ts'
import { MAX_CONTENT, Scheduler } from './scheduler.ts'
import { CONNECTION_WINDOW, firstFrames, PeerSettings } from './settings.ts'
import { Http2Stream, type StreamOwner } from './stream.ts'

/** After the last frame we read up to this, so that the client can read it before a reset. */
const LINGER_BYTES = 4 * 1024 * 1024
/** Fewer bytes are not told to the memory budget. */
const SMALL = 16 * 1024
/** Of the ping behind the first GOAWAY. */
const DRAIN_PING = Buffer.from('draining')

type State = 'open' | 'lingering' | 'closed'

export class Http2Connection implements ProtocolConnection, TransportHandler, FrameSink, StreamOwner {
  readonly context: Http2Context
  readonly peer: Peer
  readonly local: LocalEnd
  readonly #transport: Transport
  readonly #onClose: () => void
  readonly #reader: FrameReader
  readonly #blocks: HeaderBlocks
  readonly #decoder = new HpackDecoder(4096)
  readonly #fields: RequestFields
  readonly #pace: Pace
  readonly #output: Output
  readonly #writer: FrameWriter
  readonly #scheduler = new Scheduler()
  readonly #floods = new FloodBudget()
  readonly #peerSettings = new PeerSettings()
  readonly #streams = new Map<number, Http2Stream>()
  /** Streams that we have reset: what comes for them was on its way. */
  readonly #reset = new RecentStreams()
  /** Streams that have ended in another way. */
  readonly #ended = new RecentStreams()
  #state: State = 'open'
  /** The client's first SETTINGS have come. */
  #hasSettings = false
  /** The largest number of a stream that has begun. */
  #lastStream = 0
  /** A window of the connection for content. */
  #receiveWindow = CONNECTION_WINDOW
  /** The stream whose DATA is read; null: what comes is thrown away. */
  #dataStream: Http2Stream | null = null
  /** Streams to which this read has brought content. */
  #touched: Http2Stream[] = []
  /** Streams whose handlers may go on after this turn of writing. */
  #relieved: Http2Stream[] = []
  /** The first GOAWAY of a drain is sent. */
  #drain: Deadline | null = null
  /** No new stream is taken: the last GOAWAY is sent, or the client sends no more. */
  #isLast = false
  #lingered = 0
  #kept = 0
  #account: Account | null = null

  constructor(transport: Transport, context: Http2Context, onClose: () => void) {
    const { limits, http2 } = context
    this.#transport = transport
    this.context = context
    this.#onClose = onClose
    const { remoteAddress: address, remotePort: port } = transport
    this.peer = { address, port, socketAddress: address }
    this.local = { address: transport.localAddress, port: transport.localPort, tls: transport.tls }
    transport.handler = this
    this.#reader = new FrameReader(http2.frameSize, this)
    const listSize = limits.headerBytes + limits.requestLine
    // A block is smaller than its fields, unless it is an attack. So a head that is somewhat too large can still be answered.
    this.#blocks = new HeaderBlocks(2 * listSize)
    this.#fields = new RequestFields(limits, transport.scheme)
    this.#pace = new Pace(this.#sink(), context.paces, () => this.#overdue())
    this.#output = new Output(transport, this.#pace, context.flusher, this)
    this.#writer = new FrameWriter(this.#output)
    this.#output.add(firstFrames({ streams: http2.streams, frameSize: http2.frameSize, headerListSize: listSize }))
    this.#pace.awaitRequest()
    if (context.isDraining) this.startDrain()
  }

  /** What the client takes of the connection as a whole. */
  #sink() {
    const transport = this.#transport
    const scheduler = this.#scheduler
    return {
      get pendingBytes() {
        return transport.pendingBytes + (scheduler.isStalled ? 1 : 0)
      },
      get takenBytes() {
        return transport.takenBytes
      },
      destroy: () => transport.destroy(),
    }
  }

  get isIdle(): boolean {
    if (!this.#output.isEmpty || this.#transport.pendingBytes > 0) return false
    return this.#state !== 'open' || (this.#streams.size === 0 && this.#blocks.openStream === 0)
  }

  get isOver(): boolean {
    return this.#state !== 'open' && this.isIdle
  }

  get streams(): number {
    return this.#streams.size
  }

  startDrain(): void {
    if (this.#state !== 'open' || this.#drain !== null) return
    this.#writer.goAway(MAX_WINDOW, ErrorCode.NO_ERROR, '')
    this.#writer.ping(DRAIN_PING, false)
    this.#drain = new Deadline(() => this.#sendLastGoAway())
    this.context.paces.keepAlive.arm(this.#drain)
  }

  /** No stream is on its way any more. */
  #sendLastGoAway(): void {
    if (this.#isLast || this.#state !== 'open') return
    this.#isLast = true
    this.#drain?.disarm()
    this.#writer.goAway(this.#lastStream, ErrorCode.NO_ERROR, '')
    if (this.#streams.size === 0) this.#finish()
  }

  /** A connection has secrets and tables that no other thread can have. */
  release(onDone: (isReleased: boolean) => void): void {
    onDone(false)
  }

  destroy(): void {
    for (const { webSocket } of this.#streams.values())
      if (webSocket !== null && !webSocket.isClosed) webSocket.goAway(CloseCode.GOING_AWAY, '')
    if (this.#state === 'open') {
      this.#pump()
      this.#writer.goAway(this.#lastStream, ErrorCode.NO_ERROR, '')
      this.#output.writeAll()
    }
    this.#transport.destroy()
  }

  // -- transport

  onData(chunk: Buffer): void {
    if (this.#state !== 'open') {
      this.#lingered += chunk.length
      if (this.#lingered > LINGER_BYTES) this.#transport.destroy()
      return
    }
    try {
      this.#reader.receive(chunk)
    } catch (error) {
      if (error instanceof HpackError)
        this.#fail(new ConnectionError(ErrorCode.COMPRESSION_ERROR, error.message, error.rule))
      else if (error instanceof ConnectionError) this.#fail(error)
      else throw error
    } finally {
      for (const stream of this.#touched.splice(0)) stream.keep()
    }
    if (this.#state !== 'open') return
    if (!this.#reader.hasBegun || this.#blocks.openStream !== 0) this.#pace.awaitHead()
  }

  /** The client has closed its side. What it has asked for completely is answered. */
  onEnd(): void {
    if (this.#state !== 'open' || this.#streams.size === 0) {
      if (this.#transport.pendingBytes === 0 && this.#output.isEmpty) this.#transport.destroy()
      else this.#finish()
      return
    }
    this.#isLast = true
    for (const stream of [...this.#streams.values()]) {
      stream.exchange.isHalfClosed = true
      if (!stream.isRemoteEnded) stream.gone()
    }
  }

  onDrain(): void {
    this.#output.drained()
    this.#output.write()
    this.#pump()
    this.#output.write()
  }

  onClose(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#reader.stop()
    this.#endStreams()
    this.#pace.stop()
    this.#drain?.disarm()
    this.#output.close()
    this.#account?.close()
    this.#onClose()
  }

  #endStreams(): void {
    for (const stream of [...this.#streams.values()]) stream.gone()
  }

  // -- frames

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
        if ((flags & Flag.ACK) === 0) this.#onSettings(payload)
        break
      case FrameType.PING:
        if (stream !== 0) throw onWrongStream('PING')
        this.#onPing(flags, payload)
        break
      case FrameType.GOAWAY:
        if (stream !== 0) throw onWrongStream('GOAWAY')
        // It will ask for nothing more: an idle connection may end.
        this.#floods.spend(Cost.SMALL, 'GOAWAY frames')
        if (this.#streams.size === 0) this.#finish()
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
        this.#floods.spend(Cost.SMALL, 'unknown frames')
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
    const stream = this.#streams.get(id)
    const isNew = stream === undefined && id > this.#lastStream
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
    else if (!isNew) this.#onClosedStream(id, 'HEADERS')
    else this.#onRequest(id, isLast, block.dependsOnItself)
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
    if (this.#isLast) return
    this.#lastStream = id
    if (this.#streams.size >= this.context.http2.streams) {
      this.#floods.spend(Cost.CUT_STREAM, 'streams at a time')
      this.#writer.reset(id, ErrorCode.REFUSED_STREAM)
      this.#reset.add(id)
      return
    }
    try {
      if (dependsOnItself) throw new MalformedError('A stream depends on itself', 'RFC7540§5.3.1')
      this.#begin(id, this.#fields.finishHead(hasEnded), hasEnded)
    } catch (error) {
      if (!(error instanceof ProtocolError) || error instanceof ConnectionError) throw error
      this.#refuse(id, hasEnded, error)
    }
  }

  #begin(id: number, head: ReceivedHead, hasEnded: boolean): void {
    const stream = this.#open(id, head, hasEnded)
    if (head.path === '*') {
      answerOptions(stream.exchange.writer)
      this.context.onAnswered(stream.exchange)
    } else {
      stream.begin()
    }
  }

  #open(id: number, head: ReceivedHead, hasEnded: boolean): Http2Stream {
    const stream = new Http2Stream(this, id, head, this.#peerSettings.initialWindow, hasEnded)
    this.#streams.set(id, stream)
    this.#pace.awaitNothing()
    return stream
  }

  /** The head of a request is refused. */
  #refuse(id: number, hasEnded: boolean, error: ProtocolError): void {
    const { headersSoFar: fields, isHead } = this.#fields
    const requestId = makeRequestId()
    this.context.onProtocolError(error, this.peer, requestId)
    const refused = {
      id: requestId,
      peer: this.peer,
      scheme: this.#transport.scheme,
      version: '2',
      request: undefined,
      fields,
      isHead,
    } as const
    const { head, content, answered } = refusalOf(error, refused, this.context.renderError)
    if (error instanceof MalformedError) {
      this.writeReset(id, ErrorCode.PROTOCOL_ERROR)
      this.#reset.add(id)
    } else {
      this.#open(id, unreadableHead(this.#transport.scheme, isHead), hasEnded).exchange.writer.respond(head, content)
    }
    this.context.onAnswered(answered)
  }

  #onClosedStream(id: number, what: string): void {
    // It was on its way when we reset the stream.
    if (this.#reset.has(id)) return
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
    if (id > this.#lastStream && !this.#isLast)
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${what} came for a stream that is not open`, 'RFC9113§5.1')
  }

  #onPriority(id: number, payload: Buffer): void {
    if (id === 0) throw onWrongStream('PRIORITY')
    this.#floods.spend(Cost.SMALL, 'PRIORITY frames')
    if (readUint31(payload, 0) !== id) return
    const error = new ProtocolError(400, 'A stream depends on itself', 'RFC7540§5.3.1')
    const stream = this.#streams.get(id)
    if (stream !== undefined) stream.reset(ErrorCode.PROTOCOL_ERROR, error)
    else this.writeReset(id, ErrorCode.PROTOCOL_ERROR)
  }

  #onReset(id: number): void {
    this.#checkNotIdle(id, 'RST_STREAM')
    const stream = this.#streams.get(id)
    if (stream === undefined) {
      this.#floods.spend(Cost.SMALL, 'RST_STREAM frames')
      return
    }
    this.#floods.spend(Cost.CUT_STREAM, 'streams that were reset')
    stream.gone()
  }

  #onSettings(payload: Buffer): void {
    this.#floods.spend(Cost.ANSWERED, 'SETTINGS frames')
    const settings = this.#peerSettings
    const before = settings.initialWindow
    settings.receive(payload)
    this.#writer.setPeerTableSize(settings.headerTableSize)
    const more = settings.initialWindow - before
    if (more !== 0)
      for (const stream of [...this.#streams.values()])
        if (!stream.openSendWindow(more))
          throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'A window is too large', 'RFC9113§6.9.2')
    this.#writer.settingsAck()
  }

  #onPing(flags: number, payload: Buffer): void {
    if ((flags & Flag.ACK) === 0) {
      this.#floods.spend(Cost.ANSWERED, 'PING frames')
      this.#writer.ping(payload, true)
    } else {
      this.#floods.spend(Cost.SMALL, 'PING frames')
      if (this.#drain !== null && payload.equals(DRAIN_PING)) this.#sendLastGoAway()
    }
  }

  #onWindowUpdate(id: number, bytes: number): void {
    this.#floods.spend(Cost.SMALL, 'WINDOW_UPDATE frames')
    if (id === 0) {
      if (bytes === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'A window grows by nothing', 'RFC9113§6.9')
      if (!this.#scheduler.openWindow(bytes))
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'A window is too large', 'RFC9113§6.9.1')
      if (!this.#output.isBlocked) this.#pace.allTaken()
      if (!this.#scheduler.isEmpty) this.#output.schedule()
      return
    }
    this.#checkNotIdle(id, 'WINDOW_UPDATE')
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    if (bytes === 0)
      stream.reset(ErrorCode.PROTOCOL_ERROR, new ProtocolError(400, 'A window grows by nothing', 'RFC9113§6.9'))
    else if (!stream.openSendWindow(bytes))
      stream.reset(ErrorCode.FLOW_CONTROL_ERROR, new ProtocolError(400, 'A window is too large', 'RFC9113§6.9.1'))
  }

  /** RFC9218§7.1. One for a stream that is not there yet is ignored: clients send it with the stream's own header too. */
  #onPriorityUpdate(id: number, text: string): void {
    if (id === 0) throw onWrongStream('PRIORITY_UPDATE')
    this.#floods.spend(Cost.SMALL, 'PRIORITY_UPDATE frames')
    this.#streams.get(id)?.setPriority(parsePriority(text))
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
      this.writeWindow(0, CONNECTION_WINDOW - this.#receiveWindow)
      this.#receiveWindow = CONNECTION_WINDOW
    }
    if (length === 0 && (flags & Flag.END_STREAM) === 0) this.#floods.spend(Cost.SMALL, 'empty frames')
    const stream = this.#streams.get(id)
    this.#dataStream = null
    if (stream === undefined) {
      this.#onClosedStream(id, 'DATA')
    } else if (stream.isRemoteEnded) {
      stream.reset(ErrorCode.STREAM_CLOSED, new ProtocolError(400, 'DATA behind the end of the stream', 'RFC9113§5.1'))
    } else if (stream.dataCame(length)) {
      this.#dataStream = stream
      this.#touched.push(stream)
    } else {
      stream.reset(
        ErrorCode.FLOW_CONTROL_ERROR,
        new ProtocolError(400, 'There is more content than the window allows', 'RFC9113§6.9.1'),
      )
    }
  }

  onContent(_id: number, piece: Buffer): void {
    this.#dataStream?.content(piece)
  }

  onDataEnd(id: number, flags: number): void {
    const stream = this.#dataStream
    this.#dataStream = null
    if (stream === null || this.#streams.get(id) !== stream) return
    if ((flags & Flag.END_STREAM) !== 0) stream.remoteEnded([])
    else stream.frameEnded()
  }

  // -- owner of the streams

  writeHeaders(stream: number, status: number, fields: HeaderLines, isLast: boolean, comesAgain: boolean): void {
    this.#writer.headers(stream, status, fields, isLast, comesAgain)
  }

  writeWhole(stream: Http2Stream, content: Buffer): boolean {
    const { length } = content
    const scheduler = this.#scheduler
    const hasRoom = length <= MAX_CONTENT && length <= stream.sendWindow && length <= scheduler.window
    if (!hasRoom || !scheduler.isEmpty || this.#output.isBlocked) return false
    stream.sendWindow -= length
    scheduler.window -= length
    this.#floods.sent(length)
    this.#writer.wholeContent(stream.id, content)
    return true
  }

  writeData(stream: number, queue: ByteQueue | null, bytes: number, isLast: boolean): void {
    this.#floods.sent(bytes)
    this.#writer.data(stream, queue, bytes, isLast)
  }

  writeReset(stream: number, code: ErrorCode): void {
    const isOwn = code === ErrorCode.NO_ERROR || code === ErrorCode.INTERNAL_ERROR || code === ErrorCode.CANCEL
    if (!isOwn) this.#floods.spend(Cost.CUT_STREAM, 'mistakes in streams')
    this.#writer.reset(stream, code)
  }

  writeWindow(stream: number, bytes: number): void {
    this.#writer.window(stream, bytes)
  }

  ready(stream: Http2Stream): void {
    this.#scheduler.add(stream)
    this.#output.schedule()
  }

  notReady(stream: Http2Stream): void {
    this.#scheduler.remove(stream)
  }

  relieved(stream: Http2Stream): void {
    this.#relieved.push(stream)
  }

  kept(bytes: number): void {
    this.#kept += bytes
    if (this.#account === null && this.#kept <= SMALL) return
    this.#account ??= this.context.memory.open('a connection was cut', () => this.#transport.destroy())
    this.#account.set(this.#kept)
  }

  closed(stream: Http2Stream, wasReset: boolean): void {
    this.#streams.delete(stream.id)
    if (wasReset) this.#reset.add(stream.id)
    else this.#ended.add(stream.id)
    if (this.#streams.size > 0 || this.#state !== 'open') return
    if (this.#isLast) this.#finish()
    else this.#pace.awaitRequest()
  }

  // -- writing

  /** From the output, at the end of the turn. */
  flush(): void {
    this.#pump()
  }

  #pump(): void {
    while (!this.#output.isBlocked && this.#scheduler.writeNext()) if (this.#output.isLarge) this.#output.write()
    if (this.#scheduler.isStalled) this.#pace.awaitTaking()
    // They may write, and end, from within.
    for (const stream of this.#relieved.splice(0)) stream.resume()
  }

  // -- ends

  #fail(error: ConnectionError): void {
    this.context.onProtocolError(error, this.peer, makeRequestId())
    this.#goAway(error.code, error.message)
  }

  /** Nothing runs, and nothing more is taken. */
  #finish(): void {
    if (this.#state === 'open') this.#goAway(ErrorCode.NO_ERROR, '')
  }

  /** The client can read what was written before it sees the end: closing with unread bytes is a reset. */
  #goAway(code: ErrorCode, why: string): void {
    if (this.#state !== 'open') return
    this.#state = 'lingering'
    this.#reader.stop()
    this.#drain?.disarm()
    this.#endStreams()
    this.#writer.goAway(this.#lastStream, code, why)
    this.#output.writeAll()
    this.#transport.end()
    this.#pace.awaitClose()
  }

  #overdue(): void {
    if (this.#state !== 'open') this.#pace.lingeredTooLong()
    else if (!this.#reader.hasBegun || this.#blocks.openStream !== 0)
      this.#fail(new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'The request did not come in time', 'RFC9110§15.5.9'))
    else if (this.#transport.pendingBytes === 0) this.#finish()
    else this.#pace.idleTooLong()
  }
}

function onWrongStream(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${what} is on the wrong stream`, 'RFC9113§6')
}
