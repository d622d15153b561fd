/**
 * Drives one HTTP/1.1 connection (RFC9112): a transport, and the exchanges on it, one after the other. Runs in the gateway.
 *
 * Invariants: at most one exchange runs; the next request is not parsed before it has ended; each exchange ends exactly once
 * (`#endExchange`, or `onClose`); a client can read its refusal (lingering close, RFC9112§9.6).
 *
 * Not here: the states (`states.ts`), the syntax of requests (`parser.ts`) and of responses (`serializer.ts`), time (`pace.ts`), and the
 * text of a refusal (`own-answers.ts`).
 */
import { ClientGoneError, type LimitError, ProtocolError } from '../http/errors.ts'
import type { Exchange } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'
import type { ProtocolConnection } from '../http/protocol.ts'
import { makeRequestId } from '../http/request-id.ts'
import { LINGER_BYTES, type Transport, type TransportHandler } from '../http/transport.ts'
import {
  CloseCode,
  type SwitchedConnection,
  type TakeStream,
  type WebSocketAccept,
  type WebSocketChannel,
  type WebSocketEvents,
} from '../http/websocket.ts'
import { type BodySource, PulledBody } from '../protocols/body.ts'
import { type ProtocolSwitch, RunningExchange } from '../protocols/exchange.ts'
import { answerOptions, refusalOf } from '../protocols/own-answers.ts'
import { Pace } from '../protocols/pace.ts'
import { ReadingShare, TIMED } from '../protocols/reading-share.ts'
import type { Http1Context } from './context.ts'
import { KeptBytes } from './kept-bytes.ts'
import type { Output } from './output.ts'
import type { Http1Response, ResponseOwner } from './response-writer.ts'
import { serializeHead } from './serializer.ts'
import { Event, next, State } from './states.ts'
import { asksForWebSocket, grantTunnel, grantWebSocket, webSocketKey } from './upgrade.ts'
import type { ArrivedHead, Origin, RequestReader } from './wire.ts'

/** To keep the connection, we read up to this of content that the handler did not want. Beyond it, closing is cheaper for both ends. */
const MAX_DISCARD = 64 * 1024
/** Requests that one call answers: what is behind them waits for the next turn. A client that pipelines has sent up to two thousand in a read. */
const MOST_AT_ONCE = 32
const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n')

export class Http1Connection
  implements ProtocolConnection, TransportHandler, BodySource, ResponseOwner, ProtocolSwitch
{
  readonly #transport: Transport
  readonly #context: Http1Context
  readonly #onClose: () => void
  readonly #parser: RequestReader
  /** Whose its requests are, unless the other end speaks for others. */
  readonly #own: Origin
  readonly #pace: Pace
  readonly #output: Output
  readonly #kept: KeptBytes
  #state: State = State.IDLE
  #exchange: RunningExchange<Http1Response> | null = null
  /** Parsed, but not given to the handler yet: that happens when the parser has returned. */
  #arrived: RunningExchange<Http1Response> | null = null
  /** In state SWITCHED it has the transport, and the exchange runs until it ends. */
  #webSocket: SwitchedConnection | null = null
  /** The last request allows another one on this connection. */
  #keepAlive = true
  /** The client waits for 100 Continue before it sends its content. */
  #owesContinue = false
  /** Nothing more of the client is wanted now. */
  #paused = false
  /** Made when much has come. */
  #share: ReadingShare | null = null
  /** Bytes that were read since a read was timed. */
  #untimed = 0
  /** In state REST: bytes of content that may still come. */
  #restLeft = 0
  #lingered = 0
  /** `#advance` is on the stack. Only that call may start the next request. */
  #advancing = false

  constructor(transport: Transport, context: Http1Context, onClose: () => void) {
    this.#transport = transport
    this.#context = context
    this.#onClose = onClose
    const { remoteAddress: address, remotePort: port } = transport
    const { localAddress, localPort, tls } = transport
    this.#own = {
      peer: { address, port, socketAddress: address },
      local: { address: localAddress, port: localPort, tls },
      user: '',
    }
    transport.handler = this
    this.#kept = new KeptBytes(context.memory, transport)
    this.#pace = new Pace(transport, context.paces, isTooSlow => this.#overdue(isTooSlow))
    this.#pace.awaitRequest()
    this.#output = context.wire.output(transport, this.#pace, context)
    this.#parser = context.wire.reader(context.limits, transport, this.#output, {
      onHead: (head, origin) => this.#onHead(head, origin),
      onBody: chunk => this.#onBody(chunk),
      onEnd: trailers => this.#onBodyEnd(trailers),
    })
  }

  get isIdle(): boolean {
    if (this.#transport.pendingBytes > 0) return false
    if (this.#webSocket !== null) return this.#webSocket.isClosed
    return this.#state >= State.LINGERING || this.#awaitsRequest
  }

  get isReading(): boolean {
    return this.#state === State.IDLE && !this.#awaitsRequest
  }

  get isOver(): boolean {
    return this.#state >= State.SWITCHED && this.isIdle
  }

  get streamCount(): null {
    return null
  }

  /** Nothing of the next request has come. */
  get #awaitsRequest(): boolean {
    return this.#state === State.IDLE && !this.#parser.inRequest && !this.#parser.holds
  }

  startDrain(): void {
    if (this.#awaitsRequest) this.#pace.awaitRequest()
  }

  destroy(): void {
    if (this.#webSocket !== null && !this.#webSocket.isClosed) this.#webSocket.goAway(CloseCode.GOING_AWAY, '')
    else this.#transport.destroy()
  }

  release(onDone: (isReleased: boolean) => void): void {
    // Behind what the end of the exchange still does.
    if (this.#exchange !== null) this.#exchange.onClosed(() => setImmediate(() => this.#releaseIdle(onDone)))
    else this.#releaseIdle(onDone)
  }

  #releaseIdle(onDone: (isReleased: boolean) => void): void {
    const isIdle = this.#awaitsRequest && this.#parser.keptBytes === 0 && this.#transport.pendingBytes === 0
    const mayLeave = isIdle && !this.#context.isDraining
    onDone(mayLeave)
    if (mayLeave) this.onClose()
  }

  #move(event: Event): void {
    this.#state = next(this.#state, event)
  }

  // -- transport

  onData(chunk: Buffer): void {
    if (this.#state === State.FINAL) return
    if (this.#state <= State.REST) {
      this.#untimed += chunk.length
      if (this.#untimed >= TIMED) this.#advanceMuch(chunk)
      else this.#advance(chunk)
      return
    }
    this.#lingered += chunk.length
    if (this.#lingered > LINGER_BYTES) this.#transport.destroy()
  }

  onEnd(): void {
    switch (this.#state) {
      case State.CONTENT:
        // The client stopped within its content: there is no request to answer. `onClose` ends the exchange.
        this.#transport.destroy()
        break
      case State.WHOLE:
      case State.FINAL:
        // The client may only have no more to send, and wait for its answer.
        this.#move(Event.NO_MORE)
        this.#exchange!.isHalfClosed = true
        break
      default:
        // Nobody waits for anything, but bytes of the last response may still be on their way.
        if (this.#transport.pendingBytes > 0) this.#linger()
        else this.#transport.destroy()
    }
  }

  onDrain(): void {
    this.#output.drained()
    this.#pace.allTaken()
    this.#exchange?.writer.drained()
  }

  onClose(): void {
    if (this.#state === State.CLOSED) return
    this.#move(Event.CLOSE)
    this.#pace.stop()
    this.#kept.close()
    const exchange = this.#exchange
    this.#exchange = this.#arrived = null
    if (exchange !== null && this.#webSocket !== null) {
      exchange.writer.switchEnded(this.#webSocket.bytesSent)
      exchange.close()
    } else if (exchange !== null) {
      exchange.writer.clientGone()
      exchange.body.fail(new ClientGoneError())
      exchange.abort()
      exchange.close()
    }
    this.#onClose()
  }

  // -- requests

  #advanceMuch(chunk: Buffer): void {
    this.#untimed = 0
    const share = this.#sharing()
    share.begin()
    this.#advance(chunk)
    if (this.#state <= State.REST) share.end()
  }

  #sharing(): ReadingShare {
    this.#share ??= new ReadingShare(() => this.#shareChanged())
    return this.#share
  }

  #shareChanged(): void {
    if (!this.#paused) this.#pauseOrResume()
    if (!this.#share!.isResting && this.#state === State.IDLE) this.#advance(null)
  }

  /** Feeds the parser and starts what it finds, one exchange after the other, never nested. */
  #advance(chunk: Buffer | null): void {
    if (this.#advancing) return
    this.#advancing = true
    try {
      if (chunk !== null) this.#parser.receive(chunk)
      for (let begun = 0; ; begun++) {
        if (this.#arrived !== null) this.#begin(this.#arrived)
        if (this.#state !== State.IDLE) break
        if (begun >= MOST_AT_ONCE && this.#parser.holds) {
          this.#sharing().rest()
          break
        }
        this.#parser.next()
        if (this.#arrived === null) break
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#refuse(error)
    } finally {
      this.#advancing = false
      this.#exchange?.body.keep()
    }
    this.#afterRead()
  }

  #afterRead(): void {
    if (this.#state > State.REST) return
    // A pipelined request waits for its turn. Until then no more is read.
    if (this.#parser.holds) this.#setPaused(true)
    if (this.#state === State.IDLE && this.#parser.inRequest) this.#pace.awaitHead()
    this.#kept.set(this.#parser.keptBytes)
  }

  #onHead(head: ArrivedHead, origin: Origin | undefined): void {
    // Within this read the connection has begun to end. FastCGI's reader does not wait for `next`, and what follows is nobody's.
    if (this.#state === State.FINAL || this.#state > State.REST) return
    this.#move(Event.HEAD)
    this.#pace.awaitNothing()
    this.#keepAlive = head.keepAlive
    this.#owesContinue = head.expectsContinue
    const body = new PulledBody(head.contentLength, this)
    const writer = this.#context.wire.response(this, this.#output, head)
    const { peer, local } = origin ?? this.#own
    this.#arrived = new RunningExchange(head, peer, local, body, writer, this)
    if (origin !== undefined) this.#arrived.user = origin.user
  }

  #onBody(chunk: Buffer): void {
    if (this.#state === State.REST) {
      this.#restLeft -= chunk.length
      if (this.#restLeft < 0) this.#linger()
    } else if (this.#state === State.CONTENT) {
      const exchange = this.#exchange ?? this.#arrived
      if (exchange === this.#exchange) this.#pace.contentCame(chunk.length)
      exchange?.body.push(chunk)
    }
  }

  #onBodyEnd(trailers: HeaderLines): void {
    // The client did not wait for 100 Continue: its content is here.
    this.#owesContinue = false
    if (this.#state === State.REST) {
      this.#move(Event.END)
      this.#pace.awaitRequest()
    } else if (this.#state === State.CONTENT) {
      this.#move(Event.END)
      this.#pace.awaitNothing()
      // From here on we read only to notice when the client goes.
      this.#setPaused(false)
      const exchange = this.#exchange ?? this.#arrived
      exchange?.body.end(trailers)
    }
  }

  #begin(exchange: RunningExchange<Http1Response>): void {
    this.#arrived = null
    this.#exchange = exchange
    if (exchange.request.path === '*') {
      answerOptions(exchange.writer)
      this.#context.onAnswered(exchange)
    } else {
      this.#context.onExchange(exchange)
    }
  }

  #refuse(error: ProtocolError): void {
    if (this.#state > State.REST) return
    const id = this.#exchange?.id ?? this.#arrived?.id ?? makeRequestId()
    this.#context.onProtocolError(error, this.#own.peer, id)
    this.#pace.awaitNothing()
    if (this.#exchange !== null) {
      // The handler hears that its content is broken, and answers. Nothing behind the content can be understood.
      this.#move(Event.NO_MORE)
      this.#setPaused(true)
      this.#exchange.body.fail(error)
      return
    }
    // In REST the request is answered already: a second answer would be taken for the next request's.
    if (this.#state !== State.REST) this.#answerRefused(error, id)
    this.#linger()
  }

  #answerRefused(error: ProtocolError, id: string): void {
    // The head may be complete, and the content broken in the same read.
    const arrived = this.#arrived
    this.#arrived = null
    const request = arrived?.request
    const isHead = request === undefined ? this.#parser.isHead : request.method === 'HEAD'
    const fields = request?.headers ?? this.#parser.headersSoFar
    const refused = {
      id,
      peer: arrived?.peer ?? this.#own.peer,
      scheme: this.#transport.scheme,
      version: '1.1' as const,
      request,
      fields,
      isHead,
    }
    const { head, content, answered } = refusalOf(error, refused, this.#context.renderError)
    this.#output.sendJoined(serializeHead(head, this.#context.wire.form, isHead, false).text, content)
    this.#context.onAnswered(answered)
  }

  // -- body source

  wantBody(): void {
    if (this.#state > State.REST) return
    // Never after the response has begun: the client would read it as a part of that.
    if (this.#owesContinue && this.#exchange?.writer.state === 'idle') {
      this.#owesContinue = false
      this.#output.send(CONTINUE)
    }
    this.#setPaused(false)
    this.#pace.awaitContent()
  }

  pauseBody(): void {
    this.#setPaused(true)
    this.#pace.pauseContent()
  }

  /** What waited was the rest of one read, and is not counted. */
  bodyTaken(): void {}

  limitBody(bytes: number): boolean {
    return this.#parser.limitContent(bytes)
  }

  refuseBody(error: LimitError): void {
    this.#refuse(error)
  }

  #setPaused(paused: boolean): void {
    if (this.#paused === paused) return
    this.#paused = paused
    if (this.#share?.isResting !== true) this.#pauseOrResume()
  }

  #pauseOrResume(): void {
    if (this.#state === State.CLOSED) return
    if (this.#paused || this.#share?.isResting === true) this.#transport.pause()
    else this.#transport.resume()
  }

  // -- owner of the response

  mayKeepAlive(): boolean {
    // A client that still waits for 100 Continue may send its content or not, so the connection cannot be used again.
    if (!this.#keepAlive || this.#owesContinue || this.#state === State.FINAL || this.#context.isDraining) return false
    // RFC9112§9.6: the client is told now. After the response it would send its next request into the close.
    return this.#state !== State.CONTENT || this.#parser.contentLeft <= MAX_DISCARD
  }

  responseEnded(keepAlive: boolean): void {
    if (this.#webSocket !== null) {
      this.#webSocket.close(CloseCode.INTERNAL_ERROR, '')
      return
    }
    const exchange = this.#endExchange()
    if (!keepAlive || this.#state === State.FINAL) {
      this.#linger()
      return
    }
    this.#move(Event.NEXT)
    this.#setPaused(false)
    if (this.#state === State.REST) {
      exchange.body.discard()
      this.#restLeft = MAX_DISCARD
      this.#pace.awaitRest()
    } else {
      this.#pace.awaitRequest()
      this.#advance(null)
    }
  }

  responseAborted(_cause: Error, reset: boolean): void {
    if (this.#webSocket !== null) {
      this.#webSocket.close(CloseCode.INTERNAL_ERROR, '')
      return
    }
    this.#endExchange().body.discard()
    this.#move(Event.LAST)
    if (reset) this.#transport.reset()
    else this.#transport.destroy()
  }

  #endExchange(): RunningExchange<Http1Response> {
    const exchange = this.#exchange!
    this.#exchange = null
    // The exchange may end within the read that brought some of its content, while that is a view of the transport's buffer.
    exchange.body.keep()
    exchange.close()
    return exchange
  }

  /** Sends FIN behind what is pending, and reads on for a while: closing with unread bytes is a reset, and the client would lose the response. */
  #linger(): void {
    if (this.#state > State.REST) return
    const isOver = this.#state === State.WHOLE && this.#output.closesAtOnce
    this.#move(Event.LAST)
    if (isOver) {
      this.#transport.destroy()
      return
    }
    this.#transport.end()
    this.#setPaused(false)
    this.#pace.awaitClose()
  }

  // -- protocol switch

  isWebSocket({ request, body }: Exchange): boolean {
    return asksForWebSocket(request, body.length)
  }

  checkWebSocket({ request }: Exchange): void {
    webSocketKey(request.headers)
    this.#context.webSockets.check(request.headers)
  }

  acceptWebSocket(exchange: Exchange, accept: WebSocketAccept, events: WebSocketEvents): WebSocketChannel {
    const { webSockets } = this.#context
    this.#checkSwitch(exchange)
    const terms = grantWebSocket(webSockets, this.#transport, exchange.request.headers, accept)
    return this.#switch(exchange, (stream, first, onEnded) => webSockets.open(stream, first, terms, events, onEnded))
  }

  acceptTunnel(exchange: Exchange, headers: HeaderLines, take: TakeStream): void {
    this.#checkSwitch(exchange)
    grantTunnel(this.#transport, exchange.request.headers, headers)
    this.#switch(exchange, take)
  }

  #checkSwitch(exchange: Exchange): void {
    if (!exchange.isWebSocket || exchange !== this.#exchange || this.#exchange.writer.state !== 'idle')
      throw new Error(`request ${exchange.id} cannot become a WebSocket: its response is ${exchange.response.state}`)
  }

  /** The response head was written. */
  #switch<Taken extends SwitchedConnection>(
    exchange: Exchange,
    take: (...stream: Parameters<TakeStream>) => Taken,
  ): Taken {
    this.#exchange!.writer.switched()
    this.#move(Event.SWITCH)
    this.#pace.stop()
    this.#setPaused(false)
    this.#share?.release()
    // Frames may have come along with the request.
    const first = this.#parser.switchProtocols()
    this.#kept.set(this.#parser.keptBytes)
    const taken = take(this.#transport, first, () => this.onClose())
    this.#webSocket = taken
    if (exchange.isHalfClosed) queueMicrotask(() => taken.onEnd())
    return taken
  }

  // -- time

  #overdue(isTooSlow: boolean): void {
    if (this.#state === State.LINGERING) {
      this.#pace.lingeredTooLong()
    } else if (this.#exchange !== null) {
      const message = isTooSlow ? 'The content comes too slowly' : 'The content did not come in time'
      this.#refuse(new ProtocolError(408, message, isTooSlow ? 'min-body-rate' : 'RFC9110§15.5.9'))
    } else if (this.#state === State.REST) {
      this.#linger()
    } else if (this.#parser.inRequest) {
      this.#refuse(new ProtocolError(408, 'The request did not come in time', 'RFC9110§15.5.9'))
    } else if (this.#context.isDraining) {
      this.#linger()
    } else {
      this.#pace.idleTooLong()
    }
  }
}
