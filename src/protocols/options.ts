/** What a version of HTTP is made with: settings and callbacks. */
import type { MemoryBudget } from '../base/memory-budget.ts'
import type { Limits, Timeouts } from '../config/types.ts'
import type { ProtocolError } from '../http/errors.ts'
import type { Answered, Exchange, Peer } from '../http/exchange.ts'
import type { WebSocketEngine } from '../http/websocket.ts'
import type { FileBuffers } from './file-buffers.ts'

/** Bytes. A smaller head is not told to the memory budget: nearly all are, and many connections keep little of them. */
export const SMALL_HEAD = 4 * 1024

export interface ProtocolOptions {
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
  /** For all versions together. */
  readonly fileBuffers: FileBuffers
  /** `request`: its id. */
  readonly onProtocolError: (error: ProtocolError, peer: Peer, request: string) => void
  /** A connection answered by itself, without `onExchange`: a refusal, `OPTIONS *`. For the access log. */
  readonly onAnswered: (entry: Answered) => void
}
