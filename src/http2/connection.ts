/**
 * Drives one HTTP/2 connection (RFC9113): a transport, and the streams on it. Runs in the gateway.
 *
 * A mistake that concerns one stream resets that stream; one that makes the rest unreadable ends the connection, with GOAWAY and a lingering close.
 * A drain sends GOAWAY twice: the first one stops new streams, and when its ping is answered, the second one says which was the last. A
 * connection without a request so far was made for one: its client is told behind it, for who is told before finds nobody else to ask.
 *
 * Invariants: each stream's exchange ends, whatever the end of the connection; streams begin in the order of their numbers; nothing is
 * read behind a ConnectionError.
 *
 * Not here: one stream (`stream.ts`), bytes (`frame-reader.ts`, `frame-writer.ts`), the order of writing (`scheduler.ts`), what a flood costs
 * (`flood-budget.ts`).
 */
import type { BlockQueue } from '../base/block-queue.ts'
import { Deadline } from '../base/deadlines.ts'
import type { Account } from '../base/memory-budget.ts'
import type { ProtocolError } from '../http/errors.ts'
import type { LocalEnd, Peer } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'
import type { ProtocolConnection } from '../http/protocol.ts'
import { makeRequestId } from '../http/request-id.ts'
import { LINGER_BYTES, type Transport, type TransportHandler } from '../http/transport.ts'
import { CloseCode } from '../http/websocket.ts'
import { answerOptions, refusalOf } from '../protocols/own-answers.ts'
import { Pace } from '../protocols/pace.ts'
import { ReadingShare, TIMED } from '../protocols/reading-share.ts'
import type { Http2Context } from './context.ts'
import { Cost, FloodBudget } from './flood-budget.ts'
import { Frames, type FramesOwner } from './frame-meanings.ts'
import { FrameReader } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'
import { ConnectionError, ErrorCode, MAX_WINDOW } from './frames.ts'
import { Output } from './output.ts'
import { MalformedError, type ReceivedHead, type RequestFields, unreadableHead } from './request-fields.ts'
import { MAX_CONTENT, Scheduler } from './scheduler.ts'
import { firstFrames, PeerSettings } from './settings.ts'
import { Http2Stream, type StreamOwner } from './stream.ts'

/** Fewer bytes are not told to the memory budget. */
const SMALL = 16 * 1024
/** Of the ping behind the first GOAWAY. */
const DRAIN_PING = Buffer.from('draining')

type State = 'open' | 'lingering' | 'closed'

export class Http2Connection implements ProtocolConnection, TransportHandler, FramesOwner, StreamOwner {
  readonly context: Http2Context
  readonly peer: Peer
  readonly local: LocalEnd
  readonly #transport: Transport
  readonly #onClose: () => void
  readonly #reader: FrameReader
  readonly #frames: Frames
  readonly #pace: Pace
  /** A header block, or the preface, has come in part. */
  #isHeadAwaited = false
  /** Runs while content waits for the window of the connection. Made with the first that does. */
  #windowPace: Pace | null = null
  readonly #output: Output
  readonly writer: FrameWriter
  readonly #scheduler = new Scheduler()
  readonly floods = new FloodBudget()
  readonly #peerSettings = new PeerSettings()
  readonly streams = new Map<number, Http2Stream>()
  #state: State = 'open'
  /** Streams whose handlers may go on after this turn of writing. */
  #relieved: Http2Stream[] = []
  /** The gateway drains: until the last GOAWAY. */
  #drain: Deadline | null = null
  /** The first GOAWAY of a drain is sent. */
  #hasSaidDrain = false
  /** No new stream is taken: the last GOAWAY is sent, or the client sends no more. */
  isLast = false
  /** The client sends no more. */
  #isHalfClosed = false
  /** The last GOAWAY of a drain was sent while streams ran. */
  #hasSaidLast = false
  #lingered = 0
  /** Much waits for the client. */
  #isFull = false
  /** It is not read. */
  #isPaused = false
  /** Made when much has come. */
  #share: ReadingShare | null = null
  /** Bytes that were read since a read was timed. */
  #untimed = 0
  #kept = 0
  /** Of `#kept`: what has come of a frame and of a header block, and frames that the client does not take. */
  #keptInFrames = 0
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
    this.#frames = new Frames(this, transport.scheme)
    this.#reader = new FrameReader(http2.frameSize, this.#frames)
    this.#pace = new Pace(transport, context.paces, () => this.#overdue())
    this.#output = new Output(transport, this.#pace, context.flusher, context.sendBuffers, this)
    this.writer = new FrameWriter(this.#output)
    this.#output.add(
      firstFrames({
        streams: http2.streams,
        frameSize: http2.frameSize,
        headerListSize: limits.headerBytes + limits.requestLine,
      }),
    )
    // The drain has a deadline of its own, and ends a silent client without calling it a mistake.
    if (context.isDraining) this.startDrain()
    else this.#pace.awaitRequest()
  }

  /** Content alone counts: a client that takes the answers to its pings does not open its window by that. */
  #pacedWindow(): Pace {
    const scheduler = this.#scheduler
    const sink = {
      get pendingBytes() {
        return scheduler.isStalled ? 1 : 0
      },
      get takenBytes() {
        return scheduler.sentBytes
      },
      destroy: () => this.#transport.destroy(),
    }
    this.#windowPace ??= new Pace(sink, this.context.paces, () => {})
    return this.#windowPace
  }

  get isIdle(): boolean {
    if (!this.#output.isEmpty || this.#transport.pendingBytes > 0) return false
    return this.#state !== 'open' || (this.streams.size === 0 && !this.#frames.isWithinBlock)
  }

  get isReading(): boolean {
    return this.streams.size === 0 && this.#frames.isWithinBlock
  }

  get isOver(): boolean {
    return this.#state !== 'open' && this.isIdle
  }

  get streamCount(): number {
    return this.streams.size
  }

  startDrain(): void {
    if (this.#state !== 'open' || this.#drain !== null) return
    this.#drain = new Deadline(() => this.#sendLastGoAway())
    this.context.paces.keepAlive.arm(this.#drain)
    if (this.#frames.lastStream > 0) this.#sayDrain()
  }

  #sayDrain(): void {
    this.#hasSaidDrain = true
    this.writer.goAway(MAX_WINDOW, ErrorCode.NO_ERROR, '')
    this.writer.ping(DRAIN_PING, false)
  }

  /** No stream is on its way any more. */
  #sendLastGoAway(): void {
    if (this.isLast || this.#state !== 'open') return
    this.isLast = true
    this.#drain?.disarm()
    if (this.streams.size === 0) this.#finish()
    else this.#sayLast()
  }

  #sayLast(): void {
    this.#hasSaidLast = true
    this.writer.goAway(this.#frames.lastStream, ErrorCode.NO_ERROR, '')
  }

  /** A connection has secrets and tables that no other thread can have. */
  release(onDone: (isReleased: boolean) => void): void {
    onDone(false)
  }

  destroy(): void {
    for (const { webSocket } of this.streams.values())
      if (webSocket !== null && !webSocket.isClosed) webSocket.goAway(CloseCode.GOING_AWAY, '')
    if (this.#state === 'open') this.#pump()
    // The last stream may have ended within it, and the connection with it.
    if (this.#state === 'open') {
      this.writer.goAway(this.#frames.lastStream, ErrorCode.NO_ERROR, '')
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
    this.#untimed += chunk.length
    if (this.#untimed >= TIMED) this.#receiveMuch(chunk)
    else this.#receive(chunk)
    if (this.#state !== 'open') return
    this.#countFrames()
    if (!this.#reader.hasBegun || this.#frames.isWithinBlock) {
      this.#isHeadAwaited = true
      this.#pace.awaitHead()
    } else if (this.#isHeadAwaited) {
      // It was trailers, or a head that is refused: no stream has begun with it.
      this.#isHeadAwaited = false
      if (this.streams.size > 0) this.#pace.awaitNothing()
      else this.#pace.awaitRequest()
    }
  }

  #receive(chunk: Buffer): void {
    try {
      this.#reader.receive(chunk)
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error
      this.#fail(error)
    } finally {
      this.#frames.readEnded()
    }
  }

  #receiveMuch(chunk: Buffer): void {
    this.#untimed = 0
    this.#share ??= new ReadingShare(() => this.#pauseOrResume())
    this.#share.begin()
    this.#receive(chunk)
    this.#share.end()
  }

  /** The client has closed its side. What it has asked for completely is answered, as far as its windows go: it opens none any more. */
  onEnd(): void {
    if (this.#state !== 'open' || this.streams.size === 0) {
      if (this.#transport.pendingBytes === 0 && this.#output.isEmpty) this.#transport.destroy()
      else this.#finish()
      return
    }
    this.isLast = true
    this.#isHalfClosed = true
    for (const stream of [...this.streams.values()]) stream.clientClosed()
    if (this.#scheduler.isStalled) this.#awaitWindow()
  }

  onDrain(): void {
    this.#output.drained()
    this.#output.write()
    this.flush()
  }

  onClose(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#reader.stop()
    this.#endStreams()
    this.#pace.stop()
    this.#windowPace?.stop()
    this.#drain?.disarm()
    this.#output.close()
    this.#account?.close()
    this.#onClose()
  }

  #endStreams(): void {
    for (const stream of [...this.streams.values()]) stream.gone()
  }

  // -- owner of the frames

  begin(id: number, head: ReceivedHead, hasEnded: boolean): void {
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
    this.streams.set(id, stream)
    this.#pace.awaitNothing()
    if (this.#drain !== null && !this.#hasSaidDrain) this.#sayDrain()
    return stream
  }

  refuse(id: number, hasEnded: boolean, error: ProtocolError, { headersSoFar: fields, isHead }: RequestFields): void {
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
      this.#frames.streamClosed(id, true)
    } else {
      this.#open(id, unreadableHead(this.#transport.scheme, isHead), hasEnded).exchange.writer.respond(head, content)
    }
    this.context.onAnswered(answered)
  }

  settingsCame(payload: Buffer): void {
    const settings = this.#peerSettings
    const before = settings.initialWindow
    settings.receive(payload)
    this.writer.setPeerTableSize(settings.headerTableSize)
    const more = settings.initialWindow - before
    if (more === 0) return
    for (const stream of [...this.streams.values()]) {
      if (stream.pendingBytes > 0) this.floods.windowChanged('SETTINGS frames')
      if (!stream.openSendWindow(more))
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'A window is too large', 'RFC9113§6.9.2')
    }
  }

  windowGrew(bytes: number): void {
    if (!this.#scheduler.openWindow(bytes))
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'A window is too large', 'RFC9113§6.9.1')
    this.#windowPace?.allTaken()
    if (!this.#scheduler.isEmpty) this.#output.schedule()
  }

  pingAnswered(payload: Buffer): void {
    if (this.#hasSaidDrain && payload.equals(DRAIN_PING)) this.#sendLastGoAway()
  }

  clientGoesAway(): void {
    if (this.streams.size === 0) this.#finish()
  }

  // -- owner of the streams

  writeHeaders(stream: number, status: number, fields: HeaderLines, isLast: boolean, comesAgain: boolean): void {
    if (isLast) this.floods.sent(0, true)
    this.writer.headers(stream, status, fields, isLast, comesAgain)
  }

  writeWhole(stream: Http2Stream, content: Buffer): boolean {
    const { length } = content
    const scheduler = this.#scheduler
    const hasRoom = length <= MAX_CONTENT && length <= stream.sendWindow && length <= scheduler.window
    // Also while the client takes nothing: it mostly does so for a moment, and a copy for each stream would be garbage soon.
    if (!hasRoom || !scheduler.isEmpty || this.#output.isMuch) return false
    stream.sent(length)
    scheduler.take(length)
    this.floods.sent(length, true)
    this.writer.wholeContent(stream.id, content)
    return true
  }

  writeThrough(stream: Http2Stream, content: Buffer): number {
    const scheduler = this.#scheduler
    const output = this.#output
    let at = 0
    if (!scheduler.hasOnly(stream)) return 0
    while (stream.queuedBytes + content.length - at >= MAX_CONTENT && output.takesMore) {
      if (stream.sendWindow < MAX_CONTENT || scheduler.window < MAX_CONTENT) break
      scheduler.take(MAX_CONTENT)
      this.floods.sent(MAX_CONTENT, false)
      at += stream.writeJoined(content, at, MAX_CONTENT)
      if (output.isLarge) output.write()
    }
    return at
  }

  writeData(stream: number, queue: BlockQueue | null, bytes: number, isLast: boolean): void {
    this.floods.sent(bytes, isLast)
    this.writer.data(stream, queue, bytes, isLast)
  }

  /** What the client has made us do by a mistake costs it as much as a reset of its own (MadeYouReset). */
  writeReset(stream: number, code: ErrorCode): void {
    const isOwn = code === ErrorCode.NO_ERROR || code === ErrorCode.INTERNAL_ERROR || code === ErrorCode.CANCEL
    if (!isOwn) this.floods.spend(Cost.CUT_STREAM, 'mistakes in streams')
    this.writer.reset(stream, code)
  }

  ready(stream: Http2Stream): void {
    this.#scheduler.add(stream)
    this.#output.schedule()
  }

  notReady(stream: Http2Stream): void {
    this.#scheduler.remove(stream)
    if (this.#scheduler.isEmpty) this.#windowPace?.allTaken()
  }

  relieved(stream: Http2Stream): void {
    this.#relieved.push(stream)
  }

  watchPeer(afterMs: number): void {
    this.#transport.watchPeer(afterMs)
  }

  kept(bytes: number): void {
    this.#kept += bytes
    if (this.#account === null && this.#kept <= SMALL) return
    this.#account ??= this.context.memory.open('a connection was cut', () => this.#transport.destroy())
    this.#account.set(this.#kept)
  }

  closed(stream: Http2Stream, wasReset: boolean): void {
    this.streams.delete(stream.id)
    this.#frames.streamClosed(stream.id, wasReset)
    if (this.streams.size > 0 || this.#state !== 'open') return
    if (this.isLast) this.#finish()
    else if (!this.#isHeadAwaited) this.#pace.awaitRequest()
  }

  #countFrames(): void {
    const bytes = this.#reader.keptBytes + this.#frames.keptBytes + this.#output.keptBytes
    if (bytes === this.#keptInFrames) return
    this.kept(bytes - this.#keptInFrames)
    this.#keptInFrames = bytes
  }

  // -- writing

  /** From the output, at the end of the turn. */
  flush(): void {
    this.#pump()
    this.#output.write()
    this.#countFrames()
    this.#isFull = this.#output.isBlocked && this.#output.isMuch
    this.#pauseOrResume()
  }

  #pauseOrResume(): void {
    const isPaused = this.#state === 'open' && (this.#isFull || this.#share?.isResting === true)
    if (isPaused === this.#isPaused || this.#state === 'closed') return
    this.#isPaused = isPaused
    if (isPaused) this.#transport.pause()
    else this.#transport.resume()
  }

  #pump(): void {
    while (!this.#output.isBlocked && this.#scheduler.writeNext()) if (this.#output.isLarge) this.#output.write()
    if (this.#scheduler.isStalled) this.#awaitWindow()
    // They may write, and end, from within.
    for (const stream of this.#relieved.splice(0)) stream.resume()
  }

  #awaitWindow(): void {
    if (!this.#isHalfClosed) this.#pacedWindow().awaitTaking()
    else for (const stream of [...this.streams.values()]) if (stream.isReady) stream.noWindowComes()
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
    this.#pauseOrResume()
    this.#windowPace?.stop()
    this.#drain?.disarm()
    this.#endStreams()
    // The last one of a drain has said so already.
    if (code !== ErrorCode.NO_ERROR || !this.#hasSaidLast) this.writer.goAway(this.#frames.lastStream, code, why)
    this.#output.writeAll()
    this.#transport.end()
    this.#pace.awaitClose()
  }

  #overdue(): void {
    if (this.#state !== 'open') this.#pace.lingeredTooLong()
    else if (!this.#reader.hasBegun || this.#frames.isWithinBlock)
      this.#fail(new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'The request did not come in time', 'RFC9110§15.5.9'))
    else if (this.#transport.pendingBytes === 0) this.#finish()
    else this.#pace.idleTooLong()
  }
}
