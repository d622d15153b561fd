/** What all WebSockets of a gateway share: limits, deadlines, and the flush at the end of a turn. */
import { DeadlineList } from '../base/deadlines.ts'
import type { MemoryBudget } from '../base/memory-budget.ts'
import { Flusher } from './flusher.ts'

/** From our close frame to the client's (RFC6455§7.1.1). The `websockets` package has the same. */
const CLOSE_MS = 10_000
/** The same while the server drains. A client that is there answers within a round trip; one that is not would hold up the stop. */
const LAST_CLOSE_MS = 1000
/** After the closing handshake, or after we failed the connection: time for the client to read our close frame and to close. */
const LINGER_MS = 2000
/**
 * How often we probe a client while we do not read it. A socket that is not read does not see the client's FIN, and only the second
 * write fails. So a client that has gone is noticed within twice this time, at the cost of frames of two bytes.
 */
const PROBE_MS = 3000
/** How long the application may take for messages that a client sent before it went. Starts again with each piece that it takes. */
const LAST_MESSAGES_MS = 10_000

export interface WebSocketOptions {
  /** False: compression is never agreed on. */
  readonly webSocketCompression?: boolean
  readonly limits: { readonly websocketMessage: number }
  readonly timeouts: { readonly send: number; readonly websocketPing: number; readonly websocketPong: number }
}

/** What is waited for. `startDrain` replaces `close`. */
export type Deadlines = Readonly<Record<'ping' | 'pong' | 'send' | 'linger' | 'probe' | 'last', DeadlineList>> & {
  close: DeadlineList
}

export interface WebSocketContext {
  readonly maxMessage: number
  readonly deadlines: Deadlines
  readonly flusher: Flusher
  readonly memory: MemoryBudget
}

export function createContext({ limits, timeouts }: WebSocketOptions, memory: MemoryBudget): WebSocketContext {
  return {
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
}

/** From now on a client that does not answer our close frame gets little time. */
export function hurryClose({ deadlines }: WebSocketContext): void {
  deadlines.close = new DeadlineList(LAST_CLOSE_MS)
}
