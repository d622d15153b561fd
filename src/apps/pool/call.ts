/**
 * One exchange on its way through the pool: queued, sent, perhaps streaming, done. Knows its request's content and what
 * it may still need of it; the rules of where it goes are `dispatch-rules.ts`, the applying of them is `dispatcher.ts`.
 */
import type { Deadline } from '../../base/deadlines.ts'
import { ClientGoneError } from '../../http/errors.ts'
import type { Exchange } from '../../http/exchange.ts'
import type { CallBody } from './body.ts'
import { isIdempotent, type Unanswered } from './dispatch-rules.ts'
import type { CallQueue, Queued } from './queue.ts'

/**
 * new: not placed yet · queued: waits for a slot · sent: on a link, no head yet · streaming: head relayed, content comes from the link ·
 * relaying: the worker is done, the client has not taken everything yet · done: the exchange is out of our hands, though
 * its link may still run it for a client that has gone.
 */
export type CallPhase = 'new' | 'queued' | 'sent' | 'streaming' | 'relaying' | 'done'

/** The link that a call is on. */
export interface CallLink {
  /** The call's exchange is over. `phase`: how far it was. */
  left(call: Call, phase: CallPhase): void
}

/** Ends a call's exchange with the error; one that is done stays as it is. */
export type FailCall = (call: Call, error: Error) => void

export class Call implements Queued, Unanswered {
  readonly exchange: Exchange
  readonly idempotent: boolean
  /** All of the content, a character for each byte; null: it follows in BODY frames. */
  readonly inline: string | null
  /** -1: known only at the end. */
  readonly bodyLength: number
  phase: CallPhase = 'new'
  losses = 0
  isBarred = false
  /** The link that it is on, which then decides when the content is released. */
  link: CallLink | null = null
  /** Its number on a multiplexed link. */
  wireId = 0
  /** Carries its response while the client takes it; closed with the exchange. */
  relay: { close(): void } | null = null
  /** Where it waits. */
  queue: CallQueue<Call> | null = null
  previous: Queued | null = null
  next: Queued | null = null
  /** Time in the queue; made when it first has to wait. */
  waiting: Deadline | null = null
  /** When it began to wait, in milliseconds; 0 in the turn of the event loop in which it came. */
  waitsSince = 0
  isReturned = false
  #body: CallBody | null

  constructor(exchange: Exchange, body: CallBody | null) {
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

  /** May wait behind others on a slot, and others behind it: short content, and nobody died of it. */
  get mayGoAhead(): boolean {
    return this.inline !== null && this.losses === 0
  }

  /** For log lines, which name the request's id by themselves. */
  describe(): string {
    const { request } = this.exchange
    return `${request.method} ${request.path.slice(0, 200)}`
  }

  /** The same, of one that is late. */
  describeTimes(): string {
    const { receivedAt, queueMillis } = this.exchange
    const elapsed = Math.round(performance.now() - receivedAt)
    return `${elapsed} ms after it came, ${Math.round(Math.max(0, queueMillis))} ms of them in the queue`
  }

  /** It is about to be put there. */
  enter(queue: CallQueue<Call>): void {
    this.phase = 'queued'
    this.queue = queue
  }

  /** It leaves its queue. */
  stopWaiting(now: number): void {
    this.waiting?.disarm()
    this.phase = 'new'
    // It may have come after the clock was read.
    const waited = this.waitsSince === 0 ? 0 : Math.max(0, now - this.waitsSince)
    // A call that lost its link waits a second time.
    this.exchange.queueMillis = Math.max(0, this.exchange.queueMillis) + waited
    this.waitsSince = 0
    this.queue!.remove(this)
    this.queue = null
  }

  /** Its exchange is over: takes it from where it is, and releases what it holds. */
  leave(): void {
    const { phase, link } = this
    if (phase === 'queued') this.stopWaiting(performance.now())
    this.phase = 'done'
    this.relay?.close()
    link?.left(this, phase)
    // On a link the content is still needed: a worker that waits for it must get all of it.
    if (this.link === null) this.releaseBody()
  }

  /** The client closed its side before its answer. Nearly always it has given up (a browser's stop button sends no more than that): no worker is spent on it. */
  drop(): void {
    this.leave()
    this.exchange.response.abort(new ClientGoneError())
  }

  /** Nobody will need the content again. */
  releaseBody(): void {
    this.#body?.close()
    this.#body = null
  }
}
