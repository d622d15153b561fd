/**
 * The seams of WebSockets: what the application's link consumes (`WebSocketChannel`, `WebSocketEvents`), and what a version
 * of HTTP asks of `src/websocket` (`WebSocketEngine`). Knows no frame.
 */
import type { HeaderLines } from './headers.ts'
import type { ByteStream, TransportHandler } from './transport.ts'

/** Bytes of a message that are told at a time. */
export const MAX_PIECE = 64 * 1024

/** The client's side, as events. Never called from within `acceptWebSocket`. After `onClose` nothing follows. */
export interface WebSocketEvents {
  /**
   * A message, or a piece of one: at most MAX_PIECE bytes, the receiver's from here on. `more`: it goes on with the next call. It is
   * complete at the client's side, but what is wrong with it may show later: then `onClose` comes, and its end never. A text is UTF-8
   * as a whole; a piece may end within a character.
   */
  onMessage(data: Buffer, isText: boolean, more: boolean): void
  /** The client has taken what was sent, after a `send` that returned false. */
  onDrain(): void
  /**
   * Exactly once, after all messages that came whole, if they are taken within a while. The close code that the client sent, 1005
   * when it sent none; 1006: the connection broke, was silent or took nothing for too long, or our close frame got no answer; else
   * we failed it: 1002, 1007, 1009 for what the client sent, 1001 at the end of a drain, 1011 when the response was aborted, 1013 when
   * what waits for it or of it was too much for the memory of all.
   */
  onClose(code: number, reason: string): void
}

export interface WebSocketChannel {
  /** Owns `data` from here on; text must be UTF-8. False: the client is slow; wait for `onDrain`. Ignored when closed. */
  send(data: Buffer, isText: boolean): boolean
  /**
   * Sends a close frame and ends; `onClose` follows when the client has answered, or after a while without. No message comes
   * in between, and `pause` is over; a close frame that came during it is told from within. Harmless when closed. 1005 sends a frame without a code; a code that may not be sent
   * (`isSendableCloseCode`) is sent as 1011. The reason is cut to 123 bytes.
   */
  close(code: number, reason: string): void
  /** No `onMessage` until `resume`: the application is slow. Bounded by one message, as it came, and what is in a read. */
  pause(): void
  resume(): void
}

export interface WebSocketAccept {
  /** One of those that the client offered, or empty. */
  readonly subprotocol: string
  /** `[name, value, …]` for the 101 response. Those of the handshake and of the connection are dropped. */
  readonly headers: readonly string[]
}

/** What both sides have agreed on. */
export interface WebSocketTerms {
  /** Of the response: subprotocol, extensions, the application's. Names and values are valid. */
  readonly headers: HeaderLines
  /** The compression, as its own parameters say it (RFC7692); null: none. */
  readonly deflate: Readonly<Record<string, unknown>> | null
}

/** A WebSocket that is open on a stream: handler of the stream, and the application's channel. */
export interface WebSocketConnection extends WebSocketChannel, TransportHandler {
  /** `onClose` of the events was called: what is left is the end of the connection. */
  readonly isClosed: boolean
  /** Bytes of frames written so far. */
  readonly bytesSent: number
  /** We end it now: a close frame is attempted, its answer is not waited for. */
  goAway(code: number, reason: string): void
}

/** `src/websocket/engine.ts`. The handshake is HTTP's own business but for the headers that mean the same in all versions. */
export interface WebSocketEngine {
  /** Throws HttpError 426 or 400 for what is wrong with the request's Sec-WebSocket headers. */
  check(headers: readonly string[]): void
  /** What answers the client's offer. Throws HttpError: as `check`, and 500 where the application's part is wrong. */
  negotiate(headers: readonly string[], accept: WebSocketAccept): WebSocketTerms
  /** The server drains: from now on who does not answer a close frame is waited for a moment only. */
  startDrain(): void
  /**
   * Takes the stream over; the response head must have been written. `first`: bytes that were read already, or null.
   * `onEnded`: the stream has closed, after `events.onClose`. Events come when the caller has returned.
   */
  open(
    stream: ByteStream,
    first: Buffer | null,
    terms: WebSocketTerms,
    events: WebSocketEvents,
    onEnded: () => void,
  ): WebSocketConnection
}

/** Close codes by the names of RFC6455§7.4.1 and of the IANA registry. The first two are on no wire. */
export const CloseCode = {
  NO_STATUS: 1005,
  ABNORMAL: 1006,
  GOING_AWAY: 1001,
  INTERNAL_ERROR: 1011,
  TRY_AGAIN_LATER: 1013,
} as const

/** Codes that a close frame may have (RFC6455§7.4, and 1012 to 1014 of the IANA registry); 1004, 1005, 1006 and 1015 never. */
export function isSendableCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false
  if (code >= 1000 && code <= 1014) return code < 1004 || code > 1006
  return code >= 3000 && code <= 4999
}
