/** What all HTTP/1.1 connections of a gateway share: settings, callbacks, deadlines, and the flush at the end of a turn. */
import type { MemoryBudget } from '../base/memory-budget.ts'
import type { Limits, Timeouts } from '../config/types.ts'
import type { ProtocolError } from '../http/errors.ts'
import type { Answered, Exchange, Peer } from '../http/exchange.ts'
import type { WebSocketEngine } from '../http/websocket.ts'
import type { FileBuffers } from './file-buffers.ts'
import type { Paces } from './pace.ts'

export interface Http1Options {
  readonly limits: Pick<Limits, 'requestLine' | 'headerBytes' | 'headerCount' | 'bodyRate' | 'sendRate'>
  readonly timeouts: Pick<Timeouts, 'head' | 'body' | 'keepAlive' | 'send'>
  readonly onExchange: (exchange: Exchange) => void
  /** The content of a refusal. `accept`: the client's Accept header. `isOwnPage`: an operator's page, which does not name the request. */
  readonly renderError: (
    status: number,
    accept: string | undefined,
    detail: string,
  ) => { contentType: string; body: Buffer; isOwnPage: boolean }
  readonly webSockets: WebSocketEngine
  /** Counts all buffers of the gateway. */
  readonly memory: MemoryBudget
  /** `request`: its id. */
  readonly onProtocolError: (error: ProtocolError, peer: Peer, request: string) => void
  /** A connection answered by itself, without `onExchange`: a refusal, `OPTIONS *`. For the access log. */
  readonly onAnswered: (entry: Answered) => void
}

export interface Http1Context extends Http1Options {
  readonly paces: Paces
  readonly flusher: Flusher
  readonly fileBuffers: FileBuffers
  /** Every response says `Connection: close`. */
  isDraining: boolean
}

/** Response heads wait for content until the end of the turn. One timer serves all of them. */
export class Flusher {
  #waiting: { flush(): void }[] = []

  add(writer: { flush(): void }): void {
    if (this.#waiting.length === 0) setImmediate(() => this.#flush())
    this.#waiting.push(writer)
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const writer of waiting) writer.flush()
  }
}
