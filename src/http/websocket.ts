/**
 * The seam to an accepted WebSocket: what the protocol offers and the application's link consumes. Knows no HTTP version
 * and no frame; `src/websocket` implements it.
 */

/** The client's side, as events. After `onClose` nothing follows. */
export interface WebSocketEvents {
  /** A whole message; text is valid UTF-8. The receiver may keep the buffer. */
  onMessage(data: Buffer, isText: boolean): void
  /** The client has taken what was sent, after a `send` that returned false. */
  onDrain(): void
  /** Exactly once: the close code that the client sent; 1005: none; 1006: the connection broke; 1001, 1008, 1009 … ours. */
  onClose(code: number, reason: string): void
}

export interface WebSocketChannel {
  /** False: the client is slow; wait for `onDrain`. */
  send(data: Buffer, isText: boolean): boolean
  /** Sends a close frame and ends; `onClose` follows when the client has answered, or after a while without. Harmless when closed. */
  close(code: number, reason: string): void
  /** No `onMessage` until `resume`: the application is slow. Bounded by one message and what is in a read. */
  pause(): void
  resume(): void
}

export interface WebSocketAccept {
  /** One of those that the client offered, or empty. */
  readonly subprotocol: string
  /** `[name, value, …]` for the 101 response. */
  readonly headers: readonly string[]
}
