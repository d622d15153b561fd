/**
 * One stream of HTTP/2 (RFC9113§5): a request and its response. Runs in the gateway, for each exchange.
 *
 * Content of the response waits here until the scheduler has a turn and the client a window for it; the handler hears when too much waits.
 *
 * Invariants: the exchange ends exactly once; the stream leaves its connection exactly once (`owner.closed`); while the client opens no window the
 * stream's time runs (`pace.ts`), and it does not while we write others.
 *
 * Not here: what the client sends behind the head (`request-content.ts`, `extended-connect.ts`), the frames of a connection (`connection.ts`),
 * the order of writing (`scheduler.ts`), the fields (`request-fields.ts`, `response-fields.ts`).
 */
import type { BlockQueue } from '../base/block-queue.ts'
import { ClientGoneError, type ProtocolError } from '../http/errors.ts'
import type { LocalEnd, Peer } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'
import { CloseCode, type SwitchedConnection } from '../http/websocket.ts'
import { RunningExchange } from '../protocols/exchange.ts'
import type { FileBuffers } from '../protocols/file-buffers.ts'
import { SMALL_HEAD } from '../protocols/options.ts'
import { Pace, type Sink } from '../protocols/pace.ts'
import type { Http2Context } from './context.ts'
import { type ConnectStream, ExtendedConnect, NO_SWITCH } from './extended-connect.ts'
import type { FrameWriter } from './frame-writer.ts'
import { ErrorCode } from './frames.ts'
import type { Receiver } from './receiver.ts'
import { type ContentStream, noContent, RequestContent } from './request-content.ts'
import type { ReceivedHead } from './request-fields.ts'
import type { ResponseFields } from './response-fields.ts'
import { Http2Response, type ResponseStream } from './response-writer.ts'
import type { ScheduledStream } from './scheduler.ts'
import { SendQueue } from './send-queue.ts'

const NO_TRAILERS: HeaderLines = []

/** What a stream asks of its connection. */
export interface StreamOwner {
  readonly context: Http2Context
  readonly peer: Peer
  readonly local: LocalEnd
  readonly writer: FrameWriter
  writeHeaders(stream: number, status: number, fields: HeaderLines, isLast: boolean, comesAgain: boolean): void
  /** The whole content in the same turn as its head. False: there is no room for it, or no window. */
  writeWhole(stream: Http2Stream, content: Buffer): boolean
  /**
   * Content past the queue, which leaves before it: whole frames, as long as no other stream waits and there is a window. Returns how much of
   * `content` has left.
   */
  writeThrough(stream: Http2Stream, content: Buffer): number
  /** One frame of content, from the front of the queue. */
  writeData(stream: number, queue: BlockQueue | null, bytes: number, isLast: boolean): void
  writeReset(stream: number, code: ErrorCode): void
  /** It can be written now. */
  ready(stream: Http2Stream): void
  /** It must not be written any more. */
  notReady(stream: Http2Stream): void
  /** Less waits: the handler may go on after this turn of writing, by `resume`. */
  relieved(stream: Http2Stream): void
  /** Bytes that a stream keeps have changed by so many. */
  kept(bytes: number): void
  /** As `ByteStream.watchPeer`, for the connection. */
  watchPeer(afterMs: number): void
  /** Nothing of the stream is left. `wasReset`: frames of the client may still be on their way. */
  closed(stream: Http2Stream, wasReset: boolean): void
}

export class Http2Stream implements ScheduledStream, ResponseStream, Sink, ContentStream, ConnectStream {
  readonly id: number
  readonly exchange: RunningExchange<Http2Response>
  /** What takes the client's DATA; null: the head has ended the stream. */
  readonly receiver: Receiver | null
  priority: ReceivedHead['priority']
  isReady = false
  isRemoteEnded: boolean
  isClosed = false
  pace: Pace | null = null
  readonly #owner: StreamOwner
  readonly #headBytes: number
  readonly #content: RequestContent | null
  readonly #connect: ExtendedConnect | null
  #waiting = 0
  readonly #queue: SendQueue
  /** Nothing will be added to the queue. */
  #isLast = false
  #trailers: HeaderLines = NO_TRAILERS

  constructor(owner: StreamOwner, id: number, head: ReceivedHead, sendWindow: number, isRemoteEnded: boolean) {
    const { memory, webSockets } = owner.context
    const isConnect = head.protocol !== ''
    this.#owner = owner
    this.id = id
    this.priority = head.priority
    this.#queue = new SendQueue(sendWindow, memory)
    this.isRemoteEnded = isRemoteEnded
    this.#headBytes = head.bytes > SMALL_HEAD ? head.bytes : 0
    if (this.#headBytes > 0) owner.kept(this.#headBytes)
    this.#connect = isConnect ? new ExtendedConnect(this, webSockets, memory) : null
    this.#content = isConnect || isRemoteEnded ? null : new RequestContent(this, head, memory)
    this.receiver = this.#connect ?? this.#content
    const body = this.#content?.body ?? noContent()
    const writer = new Http2Response(this, head.method === 'HEAD', isConnect)
    this.exchange = new RunningExchange(head, owner.peer, owner.local, body, writer, this.#connect ?? NO_SWITCH)
  }

  /** For the handler, after the stream is known to its connection. */
  begin(): void {
    if (this.#content === null) this.exchange.body.end(NO_TRAILERS)
    this.#owner.context.onExchange(this.exchange)
  }

  get webSocket(): SwitchedConnection | null {
    return this.#connect === null ? null : this.#connect.webSocket
  }

  // -- the request

  /** END_STREAM has come, behind the head. */
  remoteEnded(trailers: HeaderLines): void {
    this.isRemoteEnded = true
    this.receiver!.ended(trailers)
    this.#closeTunnel()
  }

  get waiting(): number {
    return this.#waiting
  }

  set waiting(bytes: number) {
    if (bytes === this.#waiting) return
    this.#owner.kept(bytes - this.#waiting)
    this.#waiting = bytes
  }

  paced(): Pace {
    this.pace ??= new Pace(this, this.#owner.context.paces, isTooSlow => this.#content?.overdue(isTooSlow))
    return this.pace
  }

  openReceiveWindow(bytes: number): void {
    this.#owner.writer.window(this.id, bytes)
  }

  inviteContent(): void {
    if (this.exchange.writer.state === 'idle') this.inform(100, NO_TRAILERS)
  }

  refused(error: ProtocolError): void {
    this.#owner.context.onProtocolError(error, this.#owner.peer, this.exchange.id)
  }

  // -- the response

  get fileBuffers(): FileBuffers {
    return this.#owner.context.fileBuffers
  }

  get isAllFramed(): boolean {
    return this.pendingBytes === 0
  }

  inform(status: number, fields: HeaderLines): void {
    if (!this.isClosed) this.#owner.writeHeaders(this.id, status, fields, false, false)
  }

  sendHead({ status, lines, comesAgain }: ResponseFields, isLast: boolean): void {
    if (this.isClosed) return
    this.#owner.writeHeaders(this.id, status, lines, isLast, comesAgain)
    if (isLast) this.#isLast = true
  }

  respond(fields: ResponseFields, content: Buffer): void {
    if (this.isClosed) return
    this.sendHead(fields, false)
    this.#isLast = true
    if (!this.#owner.writeWhole(this, content)) this.#enqueue(Buffer.from(content))
  }

  sendContent(content: Buffer): boolean {
    if (this.isClosed) return true
    this.#enqueue(content)
    return !this.#queue.isFull
  }

  sendView(content: Buffer): boolean {
    if (this.isClosed) return true
    const sent = this.#owner.writeThrough(this, content)
    if (this.#queue.sendable <= 0) this.#owner.notReady(this)
    if (sent === content.length) return true
    this.#queue.append(sent === 0 ? content : content.subarray(sent))
    this.#enqueued(content.length - sent)
    return !this.#queue.isFull
  }

  #enqueue(content: Buffer): void {
    this.#queue.push(content)
    this.#enqueued(content.length)
  }

  #enqueued(bytes: number): void {
    this.#owner.kept(bytes)
    if (this.#queue.isStalled) this.#awaitWindow()
    else this.#owner.ready(this)
  }

  sendEnd(trailers: HeaderLines): void {
    if (this.isClosed) return
    this.#isLast = true
    this.#trailers = trailers
    // Else the end comes with the last frame of content.
    if (this.#queue.isEmpty) this.#writeEnd()
  }

  #writeEnd(): void {
    if (this.#trailers.length > 0) this.#owner.writeHeaders(this.id, 0, this.#trailers, true, false)
    else this.#owner.writeData(this.id, null, 0, true)
    this.#closeTunnel()
  }

  get sendable(): number {
    return this.#queue.sendable
  }

  get queuedBytes(): number {
    return this.#queue.bytes
  }

  /** From the connection: one frame of what waits, and of `content` from `from` on. Returns how much of `content` is in it. */
  writeJoined(content: Buffer, from: number, bytes: number): number {
    const waiting = this.#queue.bytes
    const written = this.#owner.writer.joinedData(this.id, this.#queue.take(bytes), content, from, bytes)
    this.#owner.kept(this.#queue.bytes - waiting)
    return written
  }

  get sendWindow(): number {
    return this.#queue.window
  }

  /** From the connection: content that has not waited. */
  sent(bytes: number): void {
    this.#queue.sent(bytes)
  }

  writeContent(bytes: number): void {
    const queue = this.#queue
    const isEnd = this.#isLast && bytes === queue.bytes
    this.#owner.kept(-bytes)
    this.#owner.writeData(this.id, queue.take(bytes), bytes, isEnd && this.#trailers.length === 0)
    if (queue.isRelieved) this.#owner.relieved(this)
    if (isEnd) {
      if (this.#trailers.length > 0) this.#writeEnd()
      this.pace?.allTaken()
      if (this.exchange.writer.state === 'ended') this.#sent()
      else this.#closeTunnel()
    } else if (queue.isEmpty) {
      this.pace?.allTaken()
    } else if (queue.isStalled) {
      this.#awaitWindow()
    }
  }

  #awaitWindow(): void {
    // The handler may write still.
    if (this.exchange.isHalfClosed) queueMicrotask(() => this.noWindowComes())
    else this.paced().awaitTaking()
  }

  /** The handler that waits may go on. */
  resume(): void {
    if (!this.#queue.isFull || this.isClosed) return
    // The next piece of a file, or another file, takes the buffer whose rest waits here.
    if (this.exchange.writer.isSendingFile && !this.#queue.isEmpty) return
    this.#queue.isFull = false
    if (this.#connect?.isTunnel) this.#connect.drained()
    else this.exchange.writer.drained()
  }

  /** The client's window has grown, or shrunk (RFC9113§6.9.2). False: it is larger than windows may be. */
  openSendWindow(bytes: number): boolean {
    if (!this.#queue.grow(bytes)) return false
    if (this.#queue.isStalled) {
      this.#owner.notReady(this)
      this.paced().awaitTaking()
    } else if (!this.#queue.isEmpty) {
      this.pace?.allTaken()
      this.#owner.ready(this)
    }
    return true
  }

  setPriority(priority: ReceivedHead['priority']): void {
    const { isReady } = this
    this.#owner.notReady(this)
    this.priority = priority
    if (isReady) this.#owner.ready(this)
  }

  responseEnded(): void {
    const { webSocket } = this
    if (webSocket !== null) {
      webSocket.close(CloseCode.INTERNAL_ERROR, '')
      return
    }
    this.receiver?.discard()
    this.exchange.body.discard()
    this.exchange.close()
    if (this.#queue.isEmpty) this.#sent()
  }

  responseAborted(): void {
    const { webSocket } = this
    if (webSocket !== null) webSocket.close(CloseCode.INTERNAL_ERROR, '')
    else this.reset(ErrorCode.INTERNAL_ERROR, null)
  }

  /** END_STREAM is in a frame. */
  #sent(): void {
    if (this.isClosed) return
    if (this.isRemoteEnded) this.#close(false)
    // Nobody wants the rest of the request (RFC9113§8.1).
    else this.reset(ErrorCode.NO_ERROR, null)
  }

  // -- ends

  /** We end it. `why`: for who still reads the request; null: nobody does. */
  reset(code: ErrorCode, why: Error | null): void {
    if (this.isClosed) return
    this.#owner.writeReset(this.id, code)
    this.#end(why, true)
  }

  /** The client sends no more on the connection. */
  clientClosed(): void {
    this.exchange.isHalfClosed = true
    if (!this.isRemoteEnded) this.gone()
    else if (this.#queue.isStalled) this.noWindowComes()
  }

  /** The response cannot be sent: the client has closed its side, and opens no window any more. */
  noWindowComes(): void {
    this.reset(ErrorCode.CANCEL, new ClientGoneError())
  }

  /** The client has reset it, or the connection has gone. */
  gone(): void {
    this.#end(new ClientGoneError(), false)
  }

  #end(why: Error | null, wasReset: boolean): void {
    if (this.isClosed) return
    this.#close(wasReset)
    const { exchange } = this
    if (this.#connect?.isTunnel) {
      this.#connect.closed()
      return
    }
    if (why !== null) {
      exchange.writer.clientGone()
      exchange.body.fail(why)
      exchange.abort()
    }
    exchange.body.discard()
    exchange.close()
  }

  #close(wasReset: boolean): void {
    this.#owner.notReady(this)
    this.pace?.stop()
    this.waiting = 0
    if (this.#headBytes > 0) this.#owner.kept(-this.#headBytes)
    this.isClosed = true
    if (!this.#queue.isEmpty) this.#owner.kept(-this.#queue.bytes)
    this.#queue.clear()
    this.#owner.closed(this, wasReset)
  }

  /** Its time to take what was written is over. */
  destroy(): void {
    this.reset(ErrorCode.CANCEL, new ClientGoneError('the client took the response too slowly'))
  }

  get pendingBytes(): number {
    return this.#queue.bytes
  }

  get takenBytes(): number {
    return this.#queue.sentBytes
  }

  // -- WebSocket (RFC8441)

  switchTo(fields: HeaderLines): void {
    this.#owner.writeHeaders(this.id, 200, fields, false, false)
  }

  watchPeer(afterMs: number): void {
    this.#owner.watchPeer(afterMs)
  }

  /** Both ends have ended, as with a FIN each: nothing is left to reset. */
  #closeTunnel(): void {
    const connect = this.#connect
    if (connect === null || !connect.isTunnel || this.isClosed) return
    if (!this.isRemoteEnded || !this.#isLast || !this.#queue.isEmpty) return
    this.#close(false)
    connect.closed()
  }
}
