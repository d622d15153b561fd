/**
 * One exchange on a multiplexed link: its state for the decoder, its relays, and how long its worker may be silent. Runs in
 * the gateway; time is an argument. `watch.ts` asks it once per tick.
 */
import type { Call } from '../pool/call.ts'
import { WINDOW } from '../wire/multiplex.ts'
import type { Stage, WireState } from '../wire/multiplex-decode.ts'
import type { RequestTimes } from '../worker/request-times.ts'
import type { Occupant } from './capacity.ts'
import type { ContentFeed } from './content-feed.ts'
import type { SocketRelay } from './socket-relay.ts'
import type { StreamRelay } from './stream-relay.ts'

/**
 * A client that has closed its side and is not answered for this long counts as gone: a browser that was closed, a proxy whose own
 * client left. A client that only has no more to send (`nc -N`) still reads an answer that comes soon. Just below the longest tick.
 */
const HALF_CLOSED_MS = 900

/** `attachment.ts` */
export interface AttachedSocket {
  readonly isTunnel: boolean
  /** The call has left the link. */
  giveUp(): void
}

export class MultiplexedCall implements WireState, Occupant {
  readonly id: number
  readonly call: Call
  stage: Stage = 'head'
  granted: number = WINDOW
  holdsSlot = true
  feed: ContentFeed | null = null
  relay: StreamRelay | null = null
  socket: SocketRelay | null = null
  /** The application of WSGI has the socket of the handshake. */
  attachment: AttachedSocket | null = null
  /** Sec-WebSocket-Key of a handshake, as its application got it. */
  key = ''
  /** The deadline has passed. The worker gets CANCEL for it, not DISCONNECT. */
  isCancelled = false
  /** The worker gave a sign of life for this exchange since the last tick. */
  hasProgressed = true
  silentMs = 0
  /** 0: none; -1: not looked up, for most exchanges are over before the first tick. */
  #limitMs = -1
  /** Time since the first tick that found the client's side closed; -1: it is open. */
  #halfClosedMs = -1

  constructor(id: number, call: Call) {
    this.id = id
    this.call = call
  }

  get isWebSocket(): boolean {
    return this.call.exchange.isWebSocket
  }

  /**
   * The response has its head. Content of a known length is produced in one go: the request's time counts between its chunks. Content
   * of unknown length (events, logs, answers of a language model) may be silent for `idleMs` (`timeouts.streamIdle`).
   */
  streams(headers: readonly string[], idleMs: number): void {
    if (!hasLength(headers)) this.#limitMs = idleMs
  }

  /** It would never end by itself. */
  get isEndless(): boolean {
    return this.socket !== null || this.relay?.isEventStream === true
  }

  /**
   * True when the client has closed its side, and the worker has sent nothing for some time since. Asked before `isOverdue`. Not for
   * WebSockets, which notice by themselves that their client has gone, nor while the client has content to take.
   */
  isDeserted(passedMs: number): boolean {
    if (!this.call.exchange.isHalfClosed || this.isWebSocket) return false
    if (this.#halfClosedMs < 0 || this.hasProgressed || this.relay?.isHeld) this.#halfClosedMs = 0
    else this.#halfClosedMs += passedMs
    return this.#halfClosedMs >= HALF_CLOSED_MS
  }

  /** True when the worker has been silent for too long. Time in which the client is waited for does not count. */
  isOverdue(passedMs: number, times: RequestTimes): boolean {
    const limit = this.#limit(times)
    if (this.hasProgressed || limit === 0 || this.feed?.isStarving || this.relay?.isHeld) {
      this.hasProgressed = false
      this.silentMs = 0
      return false
    }
    this.silentMs += passedMs
    return this.silentMs > limit
  }

  #limit(times: RequestTimes): number {
    // A WebSocket may be silent for any time.
    if (this.socket !== null || this.attachment?.isTunnel) return 0
    if (this.#limitMs < 0) {
      const { request, limits } = this.call.exchange
      this.#limitMs = limits?.timeout ?? times.of(request.path)
    }
    return this.#limitMs
  }
}

function hasLength(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) if (headers[i]!.toLowerCase() === 'content-length') return true
  return false
}
