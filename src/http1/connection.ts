/**
 * Driver of one HTTP/1.1 connection (RFC9112): between a transport and the exchanges on it, one after the other. Runs in the
 * gateway. The parser and the serializer know the protocol, `pace.ts` what is too slow; here are order and ends.
 *
 * Invariants: at most one exchange runs; the next request is not parsed before it has ended; every exchange ends exactly once
 * (`#endExchange`); a refusal can be read by the client (lingering close, RFC9112§9.6). Not here: what a response is, and what
 * a refusal says (`refusal.ts`).
 */
import type { Account } from '../base/memory-budget.ts'
import { ClientGoneError, type LimitError, ProtocolError } from '../http/errors.ts'
import type { LocalEnd, Peer } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'
import type { ProtocolConnection } from '../http/protocol.ts'
import { makeRequestId } from '../http/request-id.ts'
import type { Transport, TransportHandler } from '../http/transport.ts'
import {
  CloseCode,
  type WebSocketAccept,
  type WebSocketChannel,
  type WebSocketConnection,
  type WebSocketEvents,
} from '../http/websocket.ts'
import { type BodySource, Http1Body } from './body-reader.ts'
import type { Http1Context } from './context.ts'
import { Http1Exchange, type ProtocolSwitch } from './exchange.ts'
import type { ParsedHead } from './head.ts'
import { Pace } from './pace.ts'
import { RequestParser } from './parser.ts'
import { refuse } from './refusal.ts'
import { Http1Response, type ResponseChannel } from './response-writer.ts'
import { switchingHead, webSocketKey } from './upgrade.ts'

/** After the last response this much is still read, so that the client can read the response before a reset. */
const LINGER_BYTES = 4 * 1024 * 1024
/** Content that a handler did not want is read up to this to keep the connection; beyond it, closing is cheaper for all. */
const MAX_DISCARD = 64 * 1024
/** A head up to this is not counted as memory: nearly all are less, and what many connections have of it is little. */
const SMALL_HEAD = 4 * 1024
const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n')
/** `OPTIONS *` asks about the server as a whole (RFC9110§9.3.7): answered here, no application knows the path `*`. */
const OPTIONS_ANSWER = ['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS', 'Content-Length', '0']

type Phase = 'open' | 'switched' | 'lingering' | 'closed'

export class Http1Connection
  implements ProtocolConnection, TransportHandler, BodySource, ResponseChannel, ProtocolSwitch
{
  readonly #transport: Transport
  readonly #context: Http1Context
  readonly #onClose: () => void
  readonly #parser: RequestParser
  readonly #peer: Peer
  readonly #local: LocalEnd
  readonly #pace: Pace
  #phase: Phase = 'open'
  #exchange: Http1Exchange | null = null
  /** Parsed, not given to the handler yet: that happens when the parser has returned. */
  #arrived: Http1Exchange | null = null
  /** What the connection was switched to; it has the transport then, and the exchange goes on until it ends. */
  #webSocket: WebSocketConnection | null = null
  #keepAlive = true
  /** A request was refused: what comes after it cannot be understood. */
  #broken = false
  #owesContinue = false
  #clientHalfClosed = false
  #paused = false
  /** Content of an ended exchange that is still being read: bytes left, or -1. */
  #discardLeft = -1
  #lingered = 0
  /** Of heads, and of requests that wait behind the one that is answered. Made for the first that is no small one. */
  #account: Account | null = null
  #advancing = false

  constructor(transport: Transport, context: Http1Context, onClose: () => void) {
    this.#transport = transport
    this.#context = context
    this.#onClose = onClose
    this.#parser = new RequestParser(context.limits, transport.scheme, {
      onHead: head => this.#onHead(head),
      onBody: chunk => this.#onBody(chunk),
      onEnd: trailers => this.#onBodyEnd(trailers),
    })
    const { remoteAddress: address, remotePort: port } = transport
    this.#peer = { address, port, socketAddress: address }
    this.#local = { address: transport.localAddress, port: transport.localPort }
    transport.handler = this
    this.#pace = new Pace(transport, context.paces, isTooSlow => this.#overdue(isTooSlow))
  }

  get isIdle(): boolean {
    if (this.#transport.pendingBytes > 0) return false
    if (this.#webSocket !== null) return this.#webSocket.isClosed
    return this.#phase !== 'open' || this.#awaitsRequest
  }

  get isOver(): boolean {
    return this.#phase !== 'open' && this.isIdle
  }

  /** Nothing of the next request has come. */
  get #awaitsRequest(): boolean {
    return this.#exchange === null && this.#discardLeft < 0 && !this.#parser.inRequest
  }

  startDrain(): void {
    this.#keepAlive = false
    if (this.#phase === 'open' && this.#awaitsRequest) this.#pace.awaitRequest()
  }

  destroy(): void {
    if (this.#webSocket !== null && !this.#webSocket.isClosed) this.#webSocket.goAway(CloseCode.GOING_AWAY, '')
    else this.#transport.destroy()
  }

  // -- transport

  onData(chunk: Buffer): void {
    if (this.#phase === 'open') {
      if (!this.#broken) this.#advance(chunk)
      return
    }
    this.#lingered += chunk.length
    if (this.#lingered > LINGER_BYTES) this.#transport.destroy()
  }

  onEnd(): void {
    this.#clientHalfClosed = true
    this.#keepAlive = false
    if (this.#phase === 'lingering' || this.#exchange === null) {
      // Nobody waits for anything, unless bytes of the last response are still on their way.
      if (this.#transport.pendingBytes > 0) this.#transport.end()
      else this.#transport.destroy()
    } else if (this.#parser.inBody) {
      // It stopped within its content: there is no request to answer. `onClose` ends the exchange.
      this.#transport.destroy()
    } else {
      // It may only have no more to say, and wait for its answer.
      this.#exchange.isHalfClosed = true
    }
  }

  onDrain(): void {
    this.#pace.allTaken()
    this.#exchange?.writer.drained()
  }

  onClose(): void {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    this.#pace.stop()
    this.#account?.close()
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

  /** Feeds the parser and starts what it finds, one exchange after the other, never nested. */
  #advance(chunk: Buffer | null): void {
    if (this.#advancing) return
    this.#advancing = true
    try {
      if (chunk !== null) this.#parser.receive(chunk)
      while (this.#phase === 'open') {
        if (this.#arrived !== null) this.#begin(this.#arrived)
        if (this.#exchange !== null || this.#discardLeft >= 0) break
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
    if (this.#phase !== 'open') return
    // A pipelined request waits for its turn: no more is read until then.
    if (this.#parser.holds) this.#setPaused(true)
    if (this.#exchange === null && this.#parser.inRequest && !this.#parser.inBody) this.#pace.awaitHead()
    this.#countKept()
  }

  #countKept(): void {
    const bytes = this.#parser.keptBytes
    if (this.#account === null) {
      if (bytes <= SMALL_HEAD) return
      this.#account = this.#context.memory.open('a connection was cut', () => this.#transport.destroy())
    }
    this.#account.set(bytes)
  }

  #onHead(head: ParsedHead): void {
    this.#pace.awaitNothing()
    this.#keepAlive = this.#keepAlive && head.keepAlive
    this.#owesContinue = head.expectsContinue
    const body = new Http1Body(head.contentLength, this)
    const writer = new Http1Response(this, head.version, head.method === 'HEAD')
    this.#arrived = new Http1Exchange(head, this.#peer, this.#local, body, writer, this)
  }

  #onBody(chunk: Buffer): void {
    if (this.#discardLeft >= 0) {
      this.#discardLeft -= chunk.length
      if (this.#discardLeft < 0) this.#linger()
    } else if (this.#phase === 'open') {
      const exchange = this.#exchange ?? this.#arrived
      if (exchange === this.#exchange) this.#pace.contentCame(chunk.length)
      exchange?.body.push(chunk)
    }
  }

  #onBodyEnd(trailers: HeaderLines): void {
    this.#pace.awaitNothing()
    // The content is here although the client was not told to go on: nothing is owed any more.
    this.#owesContinue = false
    if (this.#discardLeft >= 0) {
      this.#discardLeft = -1
      this.#pace.awaitRequest()
    } else if (this.#phase === 'open') {
      // From here on reading only tells whether the client is still there.
      this.#setPaused(false)
      const exchange = this.#exchange ?? this.#arrived
      exchange?.body.end(trailers)
    }
  }

  #begin(exchange: Http1Exchange): void {
    this.#arrived = null
    this.#exchange = exchange
    if (exchange.request.path === '*') {
      exchange.writer.start({ status: 204, reason: '', headers: OPTIONS_ANSWER })
      exchange.writer.end()
      this.#context.onAnswered(exchange)
    } else {
      this.#context.onExchange(exchange)
    }
  }

  #refuse(error: ProtocolError): void {
    if (this.#broken) return
    const id = this.#exchange?.id ?? this.#arrived?.id ?? makeRequestId()
    this.#context.onProtocolError(error, this.#peer, id)
    this.#broken = true
    this.#keepAlive = false
    this.#pace.awaitNothing()
    const exchange = this.#exchange
    if (exchange !== null) {
      // Its content is broken: its handler hears of it, and answers. Nothing after it can be understood.
      this.#setPaused(true)
      exchange.body.fail(error)
      return
    }
    if (this.#discardLeft >= 0) {
      // The rest of a request that is answered already: a second response would be taken for the next one's.
      this.#linger()
      return
    }
    this.#answerRefused(error, id)
    this.#linger()
  }

  #answerRefused(error: ProtocolError, id: string): void {
    // Its head may have been complete, and its content broken in the same chunk.
    const request = this.#arrived?.request
    this.#arrived = null
    const isHead = request === undefined ? this.#parser.isHead : request.method === 'HEAD'
    const fields = request?.headers ?? this.#parser.headersSoFar
    const refused = { id, peer: this.#peer, scheme: this.#transport.scheme, request, fields, isHead }
    const { bytes, answered } = refuse(error, refused, this.#context.renderError)
    this.send(bytes)
    this.#context.onAnswered(answered)
  }

  // -- body source

  wantBody(): void {
    if (this.#phase !== 'open') return
    // Never after the response has begun: it would be read as a part of it.
    if (this.#owesContinue && this.#exchange?.writer.state === 'idle') {
      this.#owesContinue = false
      this.send(CONTINUE)
    }
    this.#setPaused(false)
    this.#pace.awaitContent()
  }

  pauseBody(): void {
    this.#setPaused(true)
    this.#pace.pauseContent()
  }

  limitBody(bytes: number): boolean {
    return this.#parser.limitContent(bytes)
  }

  refuseBody(error: LimitError): void {
    this.#refuse(error)
  }

  #setPaused(paused: boolean): void {
    if (this.#paused === paused) return
    this.#paused = paused
    if (paused) this.#transport.pause()
    else this.#transport.resume()
  }

  // -- response channel

  send(data: Buffer): boolean {
    const taken = this.#transport.write(data)
    if (!taken) this.#pace.awaitTaking()
    return taken
  }

  sendJoined(text: string, data: Buffer): boolean {
    const taken = this.#transport.writeJoined(text, data)
    if (!taken) this.#pace.awaitTaking()
    return taken
  }

  flushLater(writer: Http1Response): void {
    this.#context.flusher.add(writer)
  }

  get isMemoryShort(): boolean {
    return this.#context.memory.isNear
  }

  mayKeepAlive(): boolean {
    // A client that still waits for 100 Continue may or may not send its content: the connection cannot be used again.
    return this.#keepAlive && !this.#owesContinue && !this.#context.isDraining
  }

  responseEnded(keepAlive: boolean): void {
    if (this.#webSocket !== null) {
      this.#webSocket.close(CloseCode.INTERNAL_ERROR, '')
      return
    }
    const exchange = this.#endExchange()
    if (!keepAlive || this.#clientHalfClosed || this.#broken) {
      this.#linger()
    } else if (!exchange.body.isComplete) {
      exchange.body.discard()
      this.#discardLeft = MAX_DISCARD
      this.#setPaused(false)
      this.#pace.awaitRest()
    } else {
      this.#setPaused(false)
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
    if (reset) this.#transport.reset()
    else this.#transport.destroy()
  }

  #endExchange(): Http1Exchange {
    const exchange = this.#exchange!
    this.#exchange = null
    // It may end within the read that brought some of its content.
    exchange.body.keep()
    exchange.close()
    return exchange
  }

  /** Sends what is pending, then FIN, and reads on for a while: a close with unread bytes would be a reset, which takes the response with it. */
  #linger(): void {
    if (this.#phase !== 'open') return
    this.#phase = 'lingering'
    this.#discardLeft = -1
    this.#transport.end()
    this.#setPaused(false)
    this.#pace.awaitClose()
  }

  // -- protocol switch

  checkWebSocket({ request }: Http1Exchange): void {
    webSocketKey(request.headers)
    this.#context.webSockets.check(request.headers)
  }

  acceptWebSocket(exchange: Http1Exchange, accept: WebSocketAccept, events: WebSocketEvents): WebSocketChannel {
    if (!exchange.isWebSocket || exchange !== this.#exchange || exchange.writer.state !== 'idle')
      throw new Error(`request ${exchange.id} cannot become a WebSocket: its response is ${exchange.writer.state}`)
    const { headers } = exchange.request
    const key = webSocketKey(headers)
    const terms = this.#context.webSockets.negotiate(headers, accept)
    this.#transport.write(switchingHead(key, terms.headers))
    exchange.writer.switched()
    this.#phase = 'switched'
    this.#pace.stop()
    this.#setPaused(false)
    // Frames may have come along with the request.
    const first = this.#parser.switchProtocols()
    this.#countKept()
    const socket = this.#context.webSockets.open(this.#transport, first, terms, events, () => this.onClose())
    this.#webSocket = socket
    if (this.#clientHalfClosed) queueMicrotask(() => socket.onEnd())
    return socket
  }

  // -- time

  #overdue(isTooSlow: boolean): void {
    if (this.#phase === 'lingering') {
      this.#pace.lingeredTooLong()
    } else if (this.#exchange !== null) {
      const message = isTooSlow ? 'The content comes too slowly' : 'The content did not come in time'
      this.#refuse(new ProtocolError(408, message, isTooSlow ? 'min-body-rate' : 'RFC9110§15.5.9'))
    } else if (this.#discardLeft >= 0) {
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
