/** What all WebSockets of a gateway share: limits, deadlines, the flush at the end of a turn. The door to this folder. */
import { DeadlineList } from '../base/deadlines.ts'
import type { MemoryBudget } from '../base/memory-budget.ts'
import type { WebSocketEngine } from '../http/websocket.ts'
import { FramedConnection } from './connection.ts'
import { Flusher } from './flusher.ts'
import { negotiate, readOffers } from './handshake.ts'

/** From our close frame to the client's (RFC6455§7.1.1). As the `websockets` package. */
const CLOSE_MS = 10_000
/** The same while the server drains: a client that is there answers within a round trip, and one that is not would hold up the stop. */
const LAST_CLOSE_MS = 1000
/** After the closing handshake, or our failing of it: how long the client has to close, so that it can read our close frame. */
const LINGER_MS = 2000

/**
 * While we do not read: how often it is looked whether the client is still there. A socket that is not read does not see its FIN, and
 * a write fails only the second time. So it takes twice this to notice, at the cost of a frame of two bytes.
 */
const PROBE_MS = 3000
/** For the application to take what the client had sent before it went; begins anew with whatever it takes. */
const LAST_MESSAGES_MS = 10_000

export interface WebSocketOptions {
  readonly limits: { readonly websocketMessage: number }
  readonly timeouts: { readonly send: number; readonly websocketPing: number; readonly websocketPong: number }
}

export interface WebSocketContext {
  readonly maxMessage: number
  readonly deadlines: Readonly<Record<'ping' | 'pong' | 'send' | 'linger' | 'probe' | 'last', DeadlineList>> & {
    close: DeadlineList
  }
  readonly flusher: Flusher
  readonly memory: MemoryBudget
}

export function createWebSocketEngine({ limits, timeouts }: WebSocketOptions, memory: MemoryBudget): WebSocketEngine {
  const context: WebSocketContext = {
    maxMessage: limits.websocketMessage,
    flusher: new Flusher(),
    memory,
    deadlines: {
      ping: new DeadlineList(timeouts.websocketPing),
      pong: new DeadlineList(timeouts.websocketPong),
      send: new DeadlineList(timeouts.send),
      close: new DeadlineList(CLOSE_MS),
      linger: new DeadlineList(LINGER_MS),
      probe: new DeadlineList(PROBE_MS),
      last: new DeadlineList(LAST_MESSAGES_MS),
    },
  }
  return {
    check: headers => void readOffers(headers),
    negotiate,
    startDrain() {
      context.deadlines.close = new DeadlineList(LAST_CLOSE_MS)
    },
    open: (stream, first, terms, events, onEnded) =>
      new FramedConnection(stream, first, terms, events, onEnded, context),
  }
}
