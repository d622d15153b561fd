/**
 * One request and its response: the seam between protocols and everything else. `http1/connection.ts` implements it;
 * handlers and middleware consume it and never know the HTTP version. `apps/testing/fake-exchange.ts` is the one for tests.
 *
 * Life of the response: idle → started → ended, or aborted from any of them but ended. Exactly one place ends an
 * exchange: the protocol, which then calls the `onClosed` callbacks exactly once.
 */
import type { LimitError } from './errors.ts'
import type { HeaderLines } from './headers.ts'
import type { Scheme } from './transport.ts'
import type { WebSocketAccept, WebSocketChannel, WebSocketEvents } from './websocket.ts'

export interface RequestHead {
  readonly method: string
  /** The request target as it was sent, bytes above 0x7f percent-encoded, for the log and for RAW_URI: `/a%20b?c`, `http://host/a`, `*`. */
  readonly target: string
  /** Path of the target, still percent-encoded, no query: `/a%20b`; `*` for `OPTIONS *`. */
  readonly path: string
  /** Query without the question mark; empty when there is none. */
  readonly query: string
  /** Of the connection, or as a trusted proxy says. */
  readonly scheme: Scheme
  /** Host and port as the client named them (RFC9112§3.2); empty only for HTTP/1.0 without Host. */
  readonly authority: string
  readonly version: '1.0' | '1.1' | '2'
  /** Names lower-case, values latin-1; names with `_` are gone already. */
  readonly headers: HeaderLines
  /** Latin-1, as in `/shop`: what a trusted proxy stripped from the path (X-Forwarded-Prefix). Then it counts in the place of `--root-path`. */
  readonly rootPath?: string
}

/** Who sent the request. */
export interface Peer {
  /** Address of the client, after trusted proxies; empty for a Unix socket. */
  readonly address: string
  readonly port: number
  /** The accepted socket's other end: equals `address` unless a trusted proxy spoke for the client. */
  readonly socketAddress: string
}

/** Where the request came in, for SERVER_NAME and SERVER_PORT. Unix socket: its path, and port 0. */
export interface LocalEnd {
  readonly address: string
  readonly port: number
}

export interface BodyConsumer {
  /** A view of bytes that are valid during the call. Return false to pause; then call `resume()`. */
  onData(chunk: Buffer): boolean
  /** The body is complete. */
  onEnd(trailers: HeaderLines): void
  /** The body will never be complete: the client left, broke the framing, exceeded a limit or a timeout. */
  onError(error: Error): void
}

/** Request content, pulled: nothing is read from the client that nobody asked for. */
export interface BodyReader {
  /** Bytes by Content-Length; 0 when there is no content; undefined for chunked. */
  readonly length: number | undefined
  /**
   * Refuses content of more than `bytes`; without a call there is no limit. Before `pull`. Returns the error when the declared length
   * is larger, or when more has come already: the handler answers with it, and nothing is read. Chunked content is counted as it
   * comes: its consumer gets the error. The connection closes after the answer.
   */
  limitTo(bytes: number): LimitError | null
  /** Starts delivery; at most once. Sends `100 Continue` when the client waits for it. May call back at once. */
  pull(consumer: BodyConsumer): void
  resume(): void
}

export interface ResponseHead {
  readonly status: number
  /** Empty: the standard phrase of the status. */
  readonly reason: string
  /** `[name, value, …]`, spelled as the application did. Syntax is already validated; hop-by-hop fields are dropped by the protocol. */
  readonly headers: HeaderLines
  /** `end` will be given trailers, and the client takes them: the protocol makes room for them. */
  readonly hasTrailers?: boolean
  /** Other responses have this very object: what was made of it is worth keeping. */
  readonly comesAgain?: boolean
}

export type ResponseState = 'idle' | 'started' | 'ended' | 'aborted'

export interface ResponseWriter {
  readonly state: ResponseState
  /** As it was given to `start`, without what the protocol adds; null before. */
  readonly head: ResponseHead | null
  /** Status of the final response; 0 before `start`. */
  readonly status: number
  /** Bytes of content written (before chunked framing). */
  readonly bytesWritten: number
  /** An interim response (RFC9110§15.2): 103. Ignored for HTTP/1.0. */
  inform(head: ResponseHead): void
  /**
   * Once. Framing is the protocol's business: Content-Length of `headers` is honoured, else chunked, or until-close
   * for HTTP/1.0. The bytes leave with the first `write` or `end` of the same tick at the latest when it ends.
   */
  start(head: ResponseHead): void
  /** Once, instead of `start`: the whole response. `content` is copied; it may be a view that is valid during the call only. */
  respond(head: ResponseHead, content: Buffer): void
  /** False: the client is slow; wait for `onDrain`. Content that HEAD, 204 or 304 must not carry is swallowed. */
  write(chunk: Buffer): boolean
  /** Called each time the client has taken what was written, after a `write` that returned false. */
  onDrain(callback: () => void): void
  /** Sends part of an open file as content and calls back when it is read to the end. The caller closes `fd` then. */
  sendFile(fd: number, offset: number, length: number, done: (error: Error | null) => void): void
  /** `trailers`: sent where the protocol can (HTTP/1.1, announced by the head); what may not stand there is dropped (RFC9110§6.5.1). */
  end(trailers?: HeaderLines): void
  /** Cuts the exchange: the connection closes in a way that tells the client that the response is incomplete. */
  abort(cause: Error): void
}

/** The worker that an exchange was given to. */
export interface ServedBy {
  readonly worker: number
  readonly pid: number
}

/** What is told of a request when it is over. A refusal by the protocol itself, which is no exchange, has it too. */
export interface Answered {
  /** Correlates log lines, metrics and the application: a trusted proxy's X-Request-ID, or `request-id.ts` made it. */
  id: string
  /** Replaced once by `gateway/serve` when a trusted proxy speaks for the client, as `peer` is. */
  request: RequestHead
  peer: Peer
  /** Milliseconds (performance.now) when the head was complete. */
  readonly receivedAt: number
  /** Milliseconds that it waited for a worker, all waits together; -1: it was given to none. */
  queueMillis: number
  /** Microseconds in the application, as the worker measured them; -1: unknown. */
  runMicros: number
  /** The last worker that it was given to. */
  servedBy: ServedBy | null
  readonly response: Pick<ResponseWriter, 'status' | 'bytesWritten' | 'head'>
}

export interface Exchange extends Answered {
  readonly body: BodyReader
  readonly local: LocalEnd
  /** Replaceable: response middleware wraps it. */
  response: ResponseWriter
  /** The client has closed its side. It may still read: it has gone, or it only has no more to say. */
  readonly isHalfClosed: boolean
  /** The client has gone while the exchange runs; never after the response has ended. Called at once if it already has. */
  onAborted(callback: () => void): void
  /** Exactly once per exchange, at its end whatever the end. Access log and metrics hang here and nowhere else. */
  onClosed(callback: () => void): void
  /**
   * The request asks for a WebSocket where this protocol can grant one: over HTTP/1.1 GET without content, `Upgrade: websocket`
   * and `Connection: upgrade`. Anything else with an Upgrade header is an ordinary request (RFC9110§7.8). Whether the
   * rest of the handshake is right says `checkWebSocket`.
   */
  readonly isWebSocket: boolean
  /** Throws the HttpError (426, 400) that `acceptWebSocket` would throw for the client's part: before the application is asked. */
  checkWebSocket(): void
  /**
   * Grants it: 101 leaves, and the exchange goes on as a channel; the response must be idle. Throws HttpError 426 or 400 where
   * the client's handshake is wrong, 500 where the application's answer is; nothing was sent then, and the response is still idle.
   *
   * From here on `events.onClose` alone tells of the client's end, and `onAborted` is silent. `onClosed` comes after it, when
   * the connection has closed. `response` has status 101 and counts the bytes; to abort or end it closes the channel with 1011.
   */
  acceptWebSocket(accept: WebSocketAccept, events: WebSocketEvents): WebSocketChannel
}

export type Handler = (exchange: Exchange) => void | Promise<void>
/** Folded once, when the configuration is loaded. */
export type Middleware = (next: Handler) => Handler
