/** The entrance to this folder: what `gateway/assemble.ts` makes and gives to the protocol. */
import type { MemoryBudget } from '../base/memory-budget.ts'
import type { WebSocketEngine } from '../http/websocket.ts'
import { FramedConnection } from './connection.ts'
import { createContext, hurryClose, type WebSocketOptions } from './context.ts'
import { negotiate, readOffers } from './handshake.ts'

export function createWebSocketEngine(options: WebSocketOptions, memory: MemoryBudget): WebSocketEngine {
  const context = createContext(options, memory)
  return {
    check: headers => void readOffers(headers),
    negotiate: (headers, accept) => negotiate(headers, accept, options.webSocketCompression !== false),
    startDrain: () => hurryClose(context),
    open: (stream, first, terms, events, onEnded) =>
      new FramedConnection(stream, first, terms, events, onEnded, context),
  }
}
