/**
 * One proxied request: chooses a server, sends, brings the response back, and tries another server where that is safe. Runs in the gateway.
 *
 *     queued ──▶ no-room ──▶ connecting ──▶ sending ──▶ waiting ──▶ reading ──▶ over
 *        └──────────┴────────────┴────────────┴─ failed: another server, or 502 · 503 · 504   └─ the relay may go on with a slow client
 *                                             └─ 101 that was asked for ──▶ tunnel
 *
 * Invariants:
 * - It ends once: by its response, by one error to `refuse`, or because the client has gone. What a server sends after that reaches nobody.
 * - A request is sent a second time only if no byte of it was sent, or if it is idempotent (RFC9110§9.2.2) and its content is all at hand; and
 *   never when a byte of a response's content has gone to the client.
 * - A client learns nothing of a server's address or mistake: both are in the log.
 * Not here: content of the request (`content-sender.ts`), when a request is sent again (`tries.ts`), words for the log (`call-failures.ts`), what is sent (`request-head.ts`, `gateway/sites/proxied.ts`), buffers of a slow client (`apps/worker/relay.ts`).
 */
import { acceptedHeaders } from '../apps/raw/handshake.ts'
import { Tunnel } from '../apps/raw/tunnel.ts'
import { Relay, type RelayEvents } from '../apps/worker/relay.ts'
import { Deadline } from '../base/deadlines.ts'
import type { Place } from '../base/line.ts'
import { ClientGoneError, HttpError } from '../http/errors.ts'
import type { Exchange } from '../http/exchange.ts'
import type { HeaderLines } from '../http/headers.ts'
import { acceptsTrailers, isEventStream } from '../http/response-rules.ts'
import type { ByteStream } from '../http/transport.ts'
import type { NextUpstream } from '../sites/upstream-model.ts'
import type { Question } from './balance/choose.ts'
import { ANOTHER, type Failure, OVERDUE, type Phase, wordsOf, wordsOfRefusal } from './call-failures.ts'
import type { CallParts, CallRequest } from './call-request.ts'
import { callWatch, type WatchedCall } from './call-watch.ts'
import { type ConnectionUser, OWN_SHORTAGE, type UpstreamConnection } from './connection.ts'
import { type ContentEvents, ContentSender } from './content-sender.ts'
import type { Peer, UpstreamGroup } from './group.ts'
import type { QueuedCall, UpstreamQueue } from './queue.ts'
import { limitsFor } from './relay-limits.ts'
import type { UpstreamHead } from './response-head.ts'
import type { WaitingCall } from './room.ts'
import { type CallRules, Tries } from './tries.ts'

const NOTHING = Buffer.alloc(0)

/** Ticks, of a second each, until a client that has closed its side, and for which nothing comes, counts as gone. */
const DESERTED_TICKS = 2

/** Connections for a request that the server did not begin with: each of them was closed by another spawner. */
const MAX_TURNS = 5
/** The first spawner does not listen yet. Python starts faster than our own gateway. */
const NOT_THERE_YET: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT'])
const LISTENS_SOON_MS = 50
/** Most programs end within it. */
const RETRY_AFTER_S = 5

export class UpstreamCall implements ConnectionUser, ContentEvents, RelayEvents, WatchedCall, WaitingCall, QueuedCall {
  readonly #exchange: Exchange
  readonly #group: UpstreamGroup
  readonly #request: CallRequest
  readonly #rules: CallRules
  readonly #parts: CallParts
  readonly #text: string | Buffer
  readonly #clock = new Deadline(() => this.#overdue())
  readonly #tries: Tries
  readonly #question: Question
  /** The server tells when it begins, and has not: nothing of the request is done. */
  #isUnbegun: boolean
  /** Connections that were closed while it was so. */
  #turns = 0
  #watched: Place<WatchedCall> | null = null
  /** In the queue of the group. */
  #queued: Place<QueuedCall> | null = null
  /** Among those that wait for room. */
  #roomless: Place<WaitingCall> | null = null
  #phase: Phase = 'connecting'
  #peer: Peer | null = null
  #connection: UpstreamConnection | null = null
  /** Of the content to the present server; null: there is none, or it is not connected. */
  #sender: ContentSender | null = null
  #relay: Relay | null = null
  #passesTrailers = false
  /** It would never end by itself, and its client connects again when it ends. */
  #isEventStream = false
  /** Since the last tick something has come. */
  #hasProgressed = false
  /** Ticks without anything for a client that has closed its side. */
  #quietTicks = 0
  #tunnel: Tunnel | null = null

  constructor(exchange: Exchange, group: UpstreamGroup, request: CallRequest, rules: CallRules, parts: CallParts) {
    this.#exchange = exchange
    this.#group = group
    this.#request = request
    this.#rules = rules
    this.#parts = parts
    this.#text = group.dialect.head(request.head)
    this.#tries = new Tries(request.head, group, rules)
    this.#isUnbegun = group.tellsBegin
    const { address, key } = request.question
    this.#question = { address, key, home: request.sticky?.home ?? null }
  }

  start(): void {
    const { body } = this.#request
    if (body !== null) body.onFailed = this.#bodyFailed
    this.#exchange.onAborted(() => this.#clientGone())
    this.#exchange.onClosed(() => {
      if (this.#watched !== null) callWatch.delete(this.#watched)
      this.#relay?.close()
    })
    if (this.#phase === 'over') return
    this.#watched = callWatch.add(this)
    this.#next()
  }

  /** See `call-watch.ts`. */
  tick(): void {
    if (this.#phase === 'over' || this.#phase === 'tunnel') return
    if (!this.#exchange.isHalfClosed || this.#hasProgressed || this.#connection?.isHeld) this.#quietTicks = 0
    else this.#quietTicks++
    this.#hasProgressed = false
    if (this.#quietTicks < DESERTED_TICKS) return
    this.#clientGone()
    this.#exchange.response.abort(new ClientGoneError())
  }

  drain(): void {
    if (!this.#isEventStream || this.#phase !== 'reading') return
    const connection = this.#connection
    this.#finish()
    connection?.destroy()
    this.#relay?.end()
  }

  // -- the servers

  #next(): void {
    const { queue } = this.#group
    const { tried } = this.#tries
    // Nobody overtakes those that wait.
    const isBehindOthers = queue !== null && queue.waiting > 0 && tried.size === 0
    const peer = isBehindOthers ? null : this.#group.lease(this.#question, tried)
    if (peer !== null) this.#ask(peer)
    else if (queue !== null && (isBehindOthers || this.#group.mayComeFree(tried))) this.#waitForPlace(queue)
    else if (tried.size > 0) this.#giveUp(502, 'no other server is left')
    else this.#giveUp(502, 'none of its servers can be asked: all are down, or have max-conns')
  }

  #ask(peer: Peer): void {
    this.#tries.tried.add(peer.member)
    this.#peer = peer
    this.#connect(peer, false)
  }

  #waitForPlace(queue: UpstreamQueue): void {
    this.#request.record?.queued()
    this.#queued = queue.enter(this)
    if (this.#queued === null) {
      this.#refuseAsFull(queue)
      return
    }
    this.#phase = 'queued'
    queue.deadlines.arm(this.#clock)
    // Those before it may wait for other servers than it would.
    if (queue.waiting > 1) queue.placeCame()
  }

  placeCame(): boolean {
    const { tried } = this.#tries
    const peer = this.#group.lease(this.#question, tried)
    if (peer === null) return tried.size > 0
    this.#group.queue!.leave(this.#queued!)
    this.#clock.disarm()
    this.#ask(peer)
    return true
  }

  #refuseAsFull(queue: UpstreamQueue): void {
    const why = queue.refused(performance.now())
    this.#request.record?.nobody(this.#group.upstream.name, 503)
    if (why !== null) this.#log(`upstream ${this.#group.upstream.name}: ${why}`)
    this.#drop(false)
    this.#refuse(503, 'Too many requests are waiting', Math.ceil(queue.settings.timeout / 1000))
  }

  #connect(peer: Peer, isNew: boolean): void {
    const connection = peer.pools.of(this.#request.sockets).take(isNew)
    if (connection === null) {
      this.#waitForRoom()
      return
    }
    const { head } = this.#request
    this.#phase = 'connecting'
    this.#connection = connection
    this.#stopSending()
    this.#request.record?.begin(peer.server.label, connection.socket)
    connection.begin(this, { isHead: head.method === 'HEAD', maySwitch: head.webSocketKey !== null })
    if (connection.isConnected) this.onConnected()
    else if (!this.#isUnbegun) this.#rules.connect.arm(this.#clock)
    else if (!this.#clock.isArmed) this.#group.turn?.arm(this.#clock)
  }

  #waitForRoom(): void {
    // One time for all that it waits, however often the room is gone again.
    if (this.#phase !== 'no-room') this.#rules.connect.arm(this.#clock)
    this.#phase = 'no-room'
    this.#roomless = this.#parts.room.wait(this)
    if (this.#roomless === null) this.#overdue()
  }

  roomCame(): void {
    if (this.#phase === 'no-room') this.#connect(this.#peer!, false)
  }

  onConnected(): void {
    const connection = this.#connection!
    this.#request.record?.connected()
    this.#tries.isSent = true
    this.#phase = 'sending'
    const { body, head } = this.#request
    if (body === null) {
      connection.write(this.#text)
      this.onSent()
      return
    }
    if (!this.#isUnbegun) this.#clock.disarm()
    this.#sender = new ContentSender(body, connection, this.#group.dialect, head, this)
    this.#sender.start(this.#text)
  }

  // -- of the content that is sent

  onReads(isAtHand: boolean): void {
    if (!isAtHand) this.#tries.isBodyRead = true
  }

  onHeld(): void {
    if (this.#phase === 'sending' && !this.#isUnbegun) this.#rules.send.arm(this.#clock)
  }

  onSent(): void {
    this.#connection!.sent()
    if (this.#phase !== 'sending') return
    this.#phase = 'waiting'
    if (!this.#isUnbegun) this.#rules.read.arm(this.#clock)
  }

  onContentFailed(error: Error): void {
    this.#bodyFailed(error)
  }

  onDrain(): void {
    if (this.#sender === null || !this.#sender.isWaiting) return
    if (this.#phase === 'sending' && !this.#isUnbegun) this.#clock.disarm()
    this.#sender.goOn()
  }

  // -- the response

  onInterim({ status, headers }: UpstreamHead): void {
    if (this.#isUnbegun) {
      this.#isUnbegun = false
      const { send, read } = this.#rules
      if (this.#phase !== 'sending') read.arm(this.#clock)
      else if (this.#connection!.socket.writableNeedDrain) send.arm(this.#clock)
      else this.#clock.disarm()
      return
    }
    // The client has had its 100 from us, and the others say nothing to it.
    if (status !== 103) return
    this.#exchange.response.inform({ status, reason: '', headers: this.#request.besideToClient(headers) })
  }

  onHead(head: UpstreamHead): void {
    const { status } = head
    this.#request.record?.head(status)
    if (status >= 400 && this.#tries.mayGoOn(`http-${status}` as NextUpstream)) {
      this.#tell(`answered with ${status}${ANOTHER}`)
      this.#drop(status >= 500 || status === 429)
      this.#next()
      return
    }
    if (status < 500) this.#group.answered(this.#peer!)
    else this.#group.erred(this.#peer!)
    this.#phase = 'reading'
    this.#rules.read.arm(this.#clock)
    this.#passesTrailers = head.hasTrailers && acceptsTrailers(this.#exchange.request.headers)
    const { relay: limits } = this.#parts
    const relay = new Relay(this.#exchange, limitsFor(head, this.#rules, limits), this)
    this.#relay = relay
    const cookie = this.#stickyCookie()
    const made = this.#request.toClient(head)
    const given =
      cookie === null ? made : { ...made, headers: [...made.headers, 'Set-Cookie', cookie], comesAgain: false }
    this.#isEventStream = isEventStream(given.headers)
    relay.start(this.#passesTrailers ? { ...given, comesAgain: false, hasTrailers: true } : given, NOTHING)
  }

  /** What keeps the client with the server that has answered; null: it belongs to it already. */
  #stickyCookie(): string | null {
    const { sticky } = this.#request
    return sticky === null ? null : sticky.cookieFor(this.#peer!.member, this.#tries.tried, performance.now())
  }

  // -- of the relay

  hold(): void {
    this.#clock.rest()
    this.#connection?.hold()
  }

  release(): void {
    if (this.#phase === 'reading') this.#rules.read.arm(this.#clock)
    this.#connection?.release()
  }

  failed(error: Error): void {
    this.#cut(error)
  }

  warn(message: string): void {
    this.#parts.log('warn', message, this.#exchange.id)
  }

  // -- its content

  onBody(chunk: Buffer): void {
    if (this.#phase !== 'reading') return
    this.#hasProgressed = true
    this.#request.record?.content(chunk.length)
    this.#rules.read.arm(this.#clock)
    this.#relay!.chunk(chunk)
  }

  onEnd(trailers: HeaderLines): void {
    const relay = this.#relay
    if (this.#request.record !== null) this.#request.record.trailers = trailers
    this.#finish()
    try {
      relay?.end(this.#passesTrailers ? this.#request.besideToClient(trailers) : undefined)
    } catch (error) {
      // A bug of ours is no reason to close the server's connection, and the client must not wait.
      this.#cut(error as Error)
    }
  }

  // -- a WebSocket

  onSwitch(head: UpstreamHead): void {
    const connection = this.#connection!
    this.#request.record?.head(head.status)
    let headers: HeaderLines
    try {
      headers = acceptedHeaders([...head.headers, 'Upgrade', head.upgradeTo], this.#request.head.webSocketKey!)
    } catch (error) {
      this.#failed('invalid-header', (error as Error).message, 502)
      return
    }
    this.#group.answered(this.#peer!)
    this.#clock.disarm()
    this.#phase = 'tunnel'
    try {
      const cookie = this.#stickyCookie()
      const made = this.#request.switchToClient(headers)
      const given = cookie === null ? made : [...made, 'Set-Cookie', cookie]
      this.#exchange.acceptTunnel(given, (stream: ByteStream, first, onEnded) => {
        this.#tunnel = new Tunnel(stream, first, connection, this.#parts.tunnels, () => this.#tunnelOver(), onEnded)
        return this.#tunnel
      })
    } catch (error) {
      // The client's side cannot switch: it may have gone. That is no failure of the server.
      this.#drop(false)
      this.#phase = 'over'
      this.#tunnel = null
      this.#request.body?.close()
      this.#parts.refuse(this.#exchange, error as Error)
    }
  }

  onTunnel(chunk: Buffer): void {
    this.#tunnel?.fromWorker(chunk)
  }

  onTunnelEnd(): void {
    this.#tunnel?.end()
    this.#tunnelOver()
  }

  #tunnelOver(): void {
    const connection = this.#connection
    this.#finish()
    connection?.destroy()
  }

  onNote(line: string): void {
    this.#tell(line)
  }

  onRefused(status: number, retryAfter: number, why: string): void {
    if (why !== '') this.#tell(why)
    this.#drop(false)
    this.#refuse(status, wordsOfRefusal(status), retryAfter === 0 ? undefined : retryAfter)
  }

  // -- ends

  onClosed(reason: string, isViolation: boolean): void {
    const connection = this.#connection!
    if (this.#phase === 'tunnel') {
      this.#tunnel?.end()
      this.#finish()
      return
    }
    if (OWN_SHORTAGE.has(reason)) {
      this.#tell(`${reason}: this machine has no more of what a connection needs`)
      this.#drop(false)
      this.#refuse(503)
      return
    }
    if (this.#isUnbegun && !isViolation) {
      this.#notBegun(reason)
      return
    }
    // A server may close an idle connection in the moment in which we use it: that is no failure of it.
    const isStale = connection.served > 1 && connection.isUnanswered && !isViolation
    if (isStale && this.#tries.mayRepeat) {
      this.#request.record?.failed(502)
      this.#request.record?.ended()
      this.#tries.isSent = false
      this.#connect(this.#peer!, true)
      return
    }
    this.#failed(isViolation ? 'invalid-header' : 'error', reason, 502, !isStale)
  }

  /** The spawner has gone, and another one comes to the same socket; or the socket's queue is full. The time to wait goes on. */
  #notBegun(reason: string): void {
    this.#connection = null
    this.#stopSending()
    if (NOT_THERE_YET.has(reason)) {
      setTimeout(() => this.#again(), LISTENS_SOON_MS).unref()
      return
    }
    const isFull = reason === 'EAGAIN'
    if (!isFull && !this.#tries.isBodyRead && ++this.#turns < MAX_TURNS) {
      this.#connect(this.#peer!, true)
      return
    }
    this.#tell(isFull ? 'too many requests wait for their turn (cgi-processes)' : `${reason} before it began`)
    this.#drop(false)
    if (isFull) this.#refuse(503, wordsOfRefusal(503), RETRY_AFTER_S)
    else this.#refuse(502)
  }

  #again(): void {
    if (this.#phase === 'connecting' && this.#peer !== null && this.#connection === null)
      this.#connect(this.#peer, true)
  }

  #overdue(): void {
    if (this.#isUnbegun && this.#phase !== 'no-room') {
      this.#tell('it waited too long for its turn (cgi-queue-timeout, cgi-processes)')
      this.#drop(false)
      this.#refuse(503, wordsOfRefusal(503), RETRY_AFTER_S)
      return
    }
    if (this.#phase === 'queued') {
      this.#refuseAsFull(this.#group.queue!)
      return
    }
    if (this.#phase === 'no-room') {
      // Nor would there be room for another server, and it is not this one's failure.
      this.#tell(OVERDUE['no-room']!)
      this.#drop(false)
      this.#refuse(503)
      return
    }
    this.#failed('timeout', OVERDUE[this.#phase] ?? 'took too long', 504)
  }

  /** `counts`: it is the server's failure. */
  #failed(failure: Failure, reason: string, status: number, counts = true): void {
    if (this.#phase === 'over') return
    if (this.#relay !== null) {
      const error = new HttpError(status, 'The response was cut', 'upstream')
      this.#tell(`the response was cut: it ${reason}`)
      this.#drop(true)
      this.#cut(error)
      return
    }
    this.#request.record?.failed(status)
    const goesOn = this.#tries.mayGoOn(failure)
    this.#tell(goesOn ? `${reason}${ANOTHER}` : reason)
    this.#drop(counts)
    if (goesOn) this.#next()
    else this.#refuse(status)
  }

  /** `counts`: it is a failure of the server. */
  #drop(counts: boolean): void {
    this.#clock.disarm()
    if (this.#roomless !== null) this.#parts.room.leave(this.#roomless)
    if (this.#queued !== null) this.#group.queue!.leave(this.#queued)
    this.#roomless = this.#queued = null
    this.#request.record?.ended()
    const connection = this.#connection
    const peer = this.#peer
    this.#connection = this.#peer = null
    this.#stopSending()
    this.#tries.isSent = false
    if (peer !== null) this.#group.failed(peer, counts)
    connection?.destroy()
  }

  /** The server did what it should. */
  #finish(): void {
    this.#phase = 'over'
    this.#clock.disarm()
    this.#request.record?.ended()
    const peer = this.#peer
    this.#connection = this.#peer = null
    this.#stopSending()
    if (peer !== null) this.#group.done(peer)
    this.#request.body?.close()
  }

  #stopSending(): void {
    this.#sender?.stop()
    this.#sender = null
  }

  #giveUp(status: number, why: string): void {
    const { upstream } = this.#group
    this.#request.record?.nobody(upstream.name, status)
    this.#log(`upstream ${upstream.name}: ${why}`)
    this.#refuse(status)
  }

  /** `retryAfter`: seconds. */
  #refuse(status: number, message = wordsOf(status), retryAfter?: number): void {
    this.#phase = 'over'
    this.#request.body?.close()
    const culprit = status < 500 ? 'client' : 'upstream'
    this.#parts.refuse(this.#exchange, new HttpError(status, message, culprit, retryAfter))
  }

  #cut(error: Error): void {
    if (this.#phase !== 'over') this.#drop(false)
    this.#phase = 'over'
    this.#relay?.close()
    this.#request.body?.close()
    this.#parts.refuse(this.#exchange, error)
  }

  #clientGone(): void {
    if (this.#phase === 'over' || this.#phase === 'tunnel') return
    this.#drop(false)
    this.#phase = 'over'
    this.#request.body?.close()
  }

  /** The client's content will not be complete. */
  readonly #bodyFailed = (error: Error): void => {
    if (this.#phase === 'over') return
    this.#drop(false)
    this.#phase = 'over'
    this.#relay?.close()
    if (!(error instanceof ClientGoneError)) this.#parts.refuse(this.#exchange, error)
  }

  #tell(what: string): void {
    const server = this.#peer?.member.name ?? 'a server'
    this.#log(this.#group.tellsBegin ? `cgi: ${what}` : `upstream ${this.#group.upstream.name}, ${server}: ${what}`)
  }

  #log(what: string): void {
    const { method, target } = this.#exchange.request
    this.#parts.log('warn', `${method} ${target}: ${what}`, this.#exchange.id)
  }
}
