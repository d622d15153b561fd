/**
 * One exchange on its way through the pool: queued, sent, perhaps streaming, done. Runs in the gateway. Holds the content of the
 * request as long as it may be needed.
 *
 * Not here: which worker gets it (`dispatch-rules.ts`, `dispatcher.ts`), what is written and read (its link).
 */
import type { Deadline } from '../../base/deadlines.ts'
import { ClientGoneError } from '../../http/errors.ts'
import type { Exchange } from '../../http/exchange.ts'
import type { CountedRequest } from './address-limit.ts'
import type { Client } from './affinity.ts'
import type { CallBody } from './body.ts'
import { isIdempotent, type Unanswered } from './dispatch-rules.ts'
import type { CallQueue, Queued } from './queue.ts'

/**
 * new: not placed yet · queued: waits for a slot · sent: on a link, no response head yet · streaming: the client has the head, content
 * comes from the link · relaying: the worker is done, the client has not taken everything yet · done: the exchange is over for the
 * pool, though its worker may still run it for a client that has gone.
 */
export type CallPhase = 'new' | 'queued' | 'sent' | 'streaming' | 'relaying' | 'done'

/** The link that a call is on. */
export interface CallLink {
  /** The call's exchange is over. `phase`: how far it was. */
  left(call: Call, phase: CallPhase): void
}

/** Ends a call's exchange with the error, unless the call is done. */
export type FailCall = (call: Call, error: Error) => void

export class Call implements Queued, Unanswered {
  readonly exchange: Exchange
  readonly idempotent: boolean
  /** All of the content, a character for each byte; null: it is sent piece by piece. */
  readonly inline: string | null
  /** Bytes of the content; -1: known only at the end. */
  readonly bodyLength: number
  phase: CallPhase = 'new'
  losses = 0
  isBarred = false
  /** The link that the call is on. While there is one, the link decides when the content is released. */
  link: CallLink | null = null
  /** The call's number on a multiplexed link. */
  wireId = 0
  /** Carries its response while the client takes it; closed with the exchange. */
  relay: { close(): void } | null = null
  /** The queue that the call waits in. */
  queue: CallQueue<Call> | null = null
  previous: Queued | null = null
  next: Queued | null = null
  /** Deadline in the queue; made when the call first has to wait. */
  waiting: Deadline | null = null
  /** When the call began to wait, in milliseconds; 0 in the turn of the event loop in which it came. */
  waitsSince = 0
  isReturned = false
  /** Who sends it, with affinity; null: any worker will do. */
  client: Client | null = null
  /** Asks for a WebSocket: its application may take the link. */
  readonly isHandshake: boolean
  /** In the count of its client's address; null: it has not been counted. */
  counted: CountedRequest | null
  #body: CallBody | null

  constructor(exchange: Exchange, body: CallBody | null, counted: CountedRequest | null = null, isHandshake = false) {
    this.counted = counted
    this.isHandshake = isHandshake
    this.exchange = exchange
    this.idempotent = isIdempotent(exchange.request.method)
    this.#body = body
    this.inline = body === null ? '' : body.inline
    this.bodyLength = body === null ? 0 : (body.length ?? -1)
  }

  get body(): CallBody | null {
    return this.#body
  }

  get begun(): boolean {
    return this.phase === 'streaming' || this.phase === 'relaying'
  }

  get isContentGone(): boolean {
    return this.#body !== null && !this.#body.isAtHand
  }

  get inlineBytes(): number {
    return this.inline === null ? 0 : this.inline.length
  }

  /** The call may be sent behind others on a slot, and others behind it: its content is short, no worker died of it, and the link stays ours. */
  get mayGoAhead(): boolean {
    return this.inline !== null && this.losses === 0 && !this.isHandshake
  }

  /** For log lines, which have the request's id already. */
  describe(): string {
    const { request } = this.exchange
    return `${request.method} ${request.path.slice(0, 200)}`
  }

  /** For log lines about a request that is late. */
  describeTimes(): string {
    const { receivedAt, queueMillis } = this.exchange
    const elapsed = Math.round(performance.now() - receivedAt)
    return `${elapsed} ms after it came, ${Math.round(Math.max(0, queueMillis))} ms of them in the queue`
  }

  /** When it left the queue: milliseconds of performance.now. */
  get leftQueueAt(): number {
    return this.exchange.receivedAt + Math.max(0, this.exchange.queueMillis)
  }

  /** The caller puts the call into `queue`. */
  enter(queue: CallQueue<Call>): void {
    this.phase = 'queued'
    this.queue = queue
  }

  /** Takes the call out of its queue. */
  stopWaiting(now: number): void {
    this.waiting?.disarm()
    this.phase = 'new'
    // The call may have come after the clock was read.
    const waited = this.waitsSince === 0 ? 0 : Math.max(0, now - this.waitsSince)
    // A call that lost its link waits a second time.
    this.exchange.queueMillis = Math.max(0, this.exchange.queueMillis) + waited
    this.waitsSince = 0
    this.queue!.remove(this)
    this.queue = null
  }

  /** The exchange is over: takes the call from its queue or link, and releases what it holds. */
  leave(): void {
    const { phase, link } = this
    if (phase === 'queued') this.stopWaiting(performance.now())
    this.phase = 'done'
    this.counted?.end()
    this.relay?.close()
    link?.left(this, phase)
    // On a link the content is still needed: a worker that waits for content must get all of it.
    if (this.link === null) this.releaseBody()
  }

  /**
   * The client closed its side before the answer. No worker is spent on it: nearly always the client has given up, for a browser's stop
   * button sends no more than that.
   */
  drop(): void {
    this.leave()
    this.exchange.response.abort(new ClientGoneError())
  }

  /** It counts for its client's address only as long as its content comes. */
  goesToWorker(): void {
    if (this.#body === null || !this.#body.isLive) this.counted!.end()
  }

  /** Nobody will need the content again. */
  releaseBody(): void {
    this.counted?.end()
    this.#body?.close()
    this.#body = null
  }
}
