/**
 * The seams of WebSockets. The link of an ASGI application uses `WebSocketChannel` and `WebSocketEvents`, that of a WSGI application, whose
 * own library speaks the frames, a `TakeStream`. A version of HTTP uses `WebSocketEngine`, which `src/websocket` implements. Types and
 * close codes only: frames are `src/websocket`'s.
 */
import type { HeaderLines } from './headers.ts'
import type { ByteStream, TransportHandler } from './transport.ts'

/** The most bytes of a message that one `onMessage` has. */
export const MAX_PIECE = 64 * 1024

/** The client's side, as events. Never called from within `acceptWebSocket`. After `onClose` nothing follows. */
export interface WebSocketEvents {
  /**
   * A message, or a piece of one: at most MAX_PIECE bytes, which the receiver owns. `more`: the next call goes on with it. The client has
   * sent all of it, but a mistake in it may show later: then `onClose` comes instead of the rest. A text is UTF-8 as a whole; a piece
   * may end within a character.
   */
  onMessage(data: Buffer, isText: boolean, more: boolean): void
  /** The client has taken what was sent, after a `send` that returned false. */
  onDrain(): void
  /**
   * Exactly once, after all messages that came whole, if they are taken within a while. `code`: what the client sent, or 1005 when
   * it sent none. 1006: the connection broke, was silent or took nothing for too long, or our close frame got no answer. Others are
   * ours: 1002, 1007, 1009 for what the client sent, 1001 at the end of a drain, 1011 when the response was aborted, 1013 when the
   * memory of the gateway was short.
   */
  onClose(code: number, reason: string): void
}

export interface WebSocketChannel {
  /** Owns `data` from now on; text must be UTF-8. False: the client is slow; wait for `onDrain`. Does nothing when closed. */
  send(data: Buffer, isText: boolean): boolean
  /**
   * Sends a close frame. `onClose` follows when the client has answered, or after a while without an answer; no message comes before
   * it. A pause ends: if the client's close frame came meanwhile, `onClose` is called from within. Does nothing when closed. 1005 sends
   * a frame without a code. A code that may not be sent (`isSendableCloseCode`) is sent as 1011. The reason is cut to 123 bytes.
   */
  close(code: number, reason: string): void
  /** The application is slow: no `onMessage` until `resume`. Meanwhile at most one message is kept, as it came, and what is in a read. */
  pause(): void
  resume(): void
}

export interface WebSocketAccept {
  /** One that the client offered; empty: none. */
  readonly subprotocol: string
  /** `[name, value, …]` for the response. Headers of the handshake and of the connection are dropped. */
  readonly headers: readonly string[]
}

/** What both ends have agreed on. */
export interface WebSocketTerms {
  /** For the response: subprotocol, extensions, the application's own. Names and values are valid. */
  readonly headers: HeaderLines
  /** The parameters of the compression (RFC7692); null: none. */
  readonly deflate: Readonly<Record<string, unknown>> | null
}

/** What has a stream after the response head of a WebSocket, as a version of HTTP sees it. It handles the stream. */
export interface SwitchedConnection extends TransportHandler {
  /** Only the end of the connection is left. */
  readonly isClosed: boolean
  /** Bytes written so far, behind the response head. */
  readonly bytesSent: number
  /** The response was ended or aborted by somebody else. */
  close(code: number, reason: string): void
  /** Ends it now: tries to tell the client why, and does not wait for an answer. */
  goAway(code: number, reason: string): void
}

/** An open WebSocket: it handles the stream, and it is the application's channel. `isClosed`: `onClose` of the events was called. */
export interface WebSocketConnection extends WebSocketChannel, SwitchedConnection {}

/**
 * Takes the stream of a tunnel over, after the response head was written. `first`: bytes of the client that were read already, or null.
 * `onEnded` is called once, when the stream has closed.
 */
export type TakeStream = (stream: ByteStream, first: Buffer | null, onEnded: () => void) => SwitchedConnection

/** `src/websocket/engine.ts`. It handles the headers of the handshake that mean the same in all versions of HTTP. */
export interface WebSocketEngine {
  /** Throws HttpError 426 or 400 for what is wrong with the request's Sec-WebSocket headers. */
  check(headers: readonly string[]): void
  /** Answers the client's offer. Throws HttpError: as `check`, and 500 when the application's part is wrong. */
  negotiate(headers: readonly string[], accept: WebSocketAccept): WebSocketTerms
  /** The gateway drains: from now on the answer to a close frame is waited for only a moment. */
  startDrain(): void
  /**
   * Takes the stream over, after the response head was written. `first`: bytes that were read already, or null. Events come when the
   * caller has returned. `onEnded` follows `events.onClose`, when the stream has closed.
   */
  open(
    stream: ByteStream,
    first: Buffer | null,
    terms: WebSocketTerms,
    events: WebSocketEvents,
    onEnded: () => void,
  ): WebSocketConnection
}

/** Close codes, named as in RFC6455§7.4.1 and the IANA registry. The first two are never sent. */
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
