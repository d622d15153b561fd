/**
 * One request and its response: the seam between protocols and everything else. `protocols/exchange.ts` implements it. Handlers and
 * middleware consume it and never know the HTTP version. Tests use `apps/testing/fake-exchange.ts`.
 *
 * The response is idle → started → ended. It may be aborted before it has ended. Only the protocol ends an exchange, and it calls
 * the `onClosed` callbacks exactly once then.
 */
import type { LimitError } from './errors.ts'
import type { HeaderLines } from './headers.ts'
import type { TlsFacts } from './tls-facts.ts'
import type { Scheme } from './transport.ts'
import type { TakeStream, WebSocketAccept, WebSocketChannel, WebSocketEvents } from './websocket.ts'

export interface RequestHead {
  readonly method: string
  /** As it was sent, but bytes above 0x7f are percent-encoded: `/a%20b?c`, `http://host/a`, `*`. For the log and for RAW_URI. */
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
  /** Names are lower-case, values latin-1. A header with an underscore in its name is not here (`request-rules.ts`). */
  readonly headers: HeaderLines
  /**
   * Latin-1, as in `/shop`: the prefix that a trusted proxy took from the path (X-Forwarded-Prefix). It replaces `--root-path`; the
   * application's own path follows it.
   */
  readonly rootPath?: string
}

/** Who sent the request. */
export interface Peer {
  /** The client's address, as the trusted proxies tell it; empty for a Unix socket. */
  readonly address: string
  readonly port: number
  /** The other end of the accepted socket. It differs from `address` when a trusted proxy speaks for the client. */
  readonly socketAddress: string
}

/** Our end of the connection, for SERVER_NAME and SERVER_PORT. Of a Unix socket: its path, and port 0. One object for each connection. */
export interface LocalEnd {
  readonly address: string
  readonly port: number
  /** Null: the connection is not encrypted by us. */
  readonly tls: TlsFacts | null
}

export interface BodyConsumer {
  /** `chunk` is valid during the call only. False pauses until `resume()` is called. */
  onData(chunk: Buffer): boolean
  /** The body is complete. */
  onEnd(trailers: HeaderLines): void
  /** The body will never be complete: the client left, broke the framing, exceeded a limit or a timeout. */
  onError(error: Error): void
}

/** Request content, pulled: the client is not read before somebody asks. */
export interface BodyReader {
  /** Bytes, as Content-Length says; 0: there is no content; undefined: only the end will tell. */
  readonly length: number | undefined
  /** Somebody has begun to read it. Whoever gets the request after that finds no content. */
  readonly isPulled: boolean
  /**
   * Refuses content of more than `bytes`. Call it before `pull`; without a call there is no limit. Returns an error when the declared
   * length is larger, or more has come already: the handler answers with it, and nothing is read. Content without a length is counted
   * while it comes, and the consumer gets the error. The connection closes after the answer.
   */
  limitTo(bytes: number): LimitError | null
  /** Starts delivery; at most once. Sends `100 Continue` when the client waits for it. May call the consumer before it returns. */
  pull(consumer: BodyConsumer): void
  resume(): void
}

export interface ResponseHead {
  readonly status: number
  /** Empty: the standard phrase of the status. */
  readonly reason: string
  /** `[name, value, …]`, spelled as the application did. The protocol checks them and drops hop-by-hop fields (`response-rules.ts`). */
  readonly headers: HeaderLines
  /** `end` will be given trailers, and the client takes them. */
  readonly hasTrailers?: boolean
  /** A script says that this path of the site, with its query, is answered in its place (RFC3875§6.2.2). Only sites follow it. */
  readonly localRedirect?: string
  /** Other responses have this very object, so a protocol may keep what it made of it. */
  readonly comesAgain?: boolean
}

export type ResponseState = 'idle' | 'started' | 'ended' | 'aborted'

export interface ResponseWriter {
  readonly state: ResponseState
  /** As it was given to `start`, without the protocol's own headers; null before. */
  readonly head: ResponseHead | null
  /** Status of the final response; 0 before `start`. */
  readonly status: number
  /** Bytes of content written (before chunked framing). */
  readonly bytesWritten: number
  /** An interim response (RFC9110§15.2): 103. Ignored for HTTP/1.0. */
  inform(head: ResponseHead): void
  /**
   * Once. The protocol chooses the framing: by the Content-Length of `headers`, else as it can. The head leaves with the first `write`
   * or `end`, or at the end of this turn of the event loop.
   */
  start(head: ResponseHead): void
  /** The whole response; once, instead of `start`. `content` is copied, so it may be valid during the call only. */
  respond(head: ResponseHead, content: Buffer): void
  /** False: the client is slow; wait for `onDrain`. Content that HEAD, 204 or 304 must not carry is dropped. */
  write(chunk: Buffer): boolean
  /** As `write`, for a `chunk` that is valid during the call only. */
  writeView(chunk: Buffer): boolean
  /** Called each time the client has taken what was written, after a `write` that returned false. */
  onDrain(callback: () => void): void
  /** Sends a part of an open file as content. Calls back when it is read to the end; the caller closes `fd` then. */
  sendFile(fd: number, offset: number, length: number, done: (error: Error | null) => void): void
  /** `trailers` are sent when the head announced them and the protocol can. A field that is not allowed there is dropped (RFC9110§6.5.1). */
  end(trailers?: HeaderLines): void
  /** Cuts the exchange. The client can tell that the response is incomplete. */
  abort(cause: Error): void
}

/** The worker that an exchange was given to. */
export interface ServedBy {
  readonly worker: number
  readonly pid: number
}

/** What the access log is told of a request. A request that the protocol refuses is no exchange, but has this too. */
export interface Answered {
  /** Names the request in logs and in the application: a trusted proxy's X-Request-ID, or made by `request-id.ts`. */
  id: string
  /** `gateway/serve` replaces it once when a trusted proxy speaks for the client; `peer` too. */
  request: RequestHead
  peer: Peer
  /** When the head was complete: milliseconds of performance.now. */
  readonly receivedAt: number
  /** Milliseconds that it waited for workers, in all; -1: no worker got it. */
  queueMillis: number
  /** Microseconds in the application, as the worker measured them; -1: unknown. */
  runMicros: number
  /** The last worker that got it. */
  servedBy: ServedBy | null
  /** Who has proved with a password to be this user, as bytes; empty: nobody. For REMOTE_USER. */
  user: string
  /** Name of the application that it was given to; empty: none got it, or there is only one application. */
  app: string
  /** The logs of its site have it in place of the access log. */
  hasOwnLogs: boolean
  readonly response: Pick<ResponseWriter, 'status' | 'bytesWritten' | 'head'>
}

/** Null: as the application says. */
export interface LocationLimits {
  /** Bytes of content. */
  readonly bodyLimit: number | null
  /** Milliseconds until the response begins, and between its parts; 0: any time. */
  readonly timeout: number | null
  /** A worker gets the request when its content is complete. */
  readonly requestBuffering: boolean | null
}

export interface Exchange extends Answered {
  readonly body: BodyReader
  readonly local: LocalEnd
  /** Middleware may replace it, to wrap it. */
  response: ResponseWriter
  /**
   * Asked before an error is answered by a page of ours: true, it is answered in another way. Null: nobody has other pages for this
   * request (`error_page` of a site).
   */
  errorPage: ((error: Error) => boolean) | null
  /** What its location says to the application that gets it; null: there is no location, and the application's own settings count. */
  limits: LocationLimits | null
  /** The client has sent FIN. It has gone, or it only has no more to send and still reads. */
  readonly isHalfClosed: boolean
  /**
   * Called when the client goes while the exchange runs, at once if it has gone already. Never after the response has ended. To its source
   * a filtered response may have ended before: its filter still writes then.
   */
  onAborted(callback: () => void): void
  /** Called exactly once, when the exchange ends in whatever way. The access log is written here and nowhere else. */
  onClosed(callback: () => void): void
  /**
   * The request asks for a WebSocket, and this protocol can grant one. Over HTTP/1.1 that is a GET without content, with
   * `Upgrade: websocket` and `Connection: upgrade`; anything else with an Upgrade header is an ordinary request (RFC9110§7.8).
   * `checkWebSocket` says whether the rest of the handshake is right.
   */
  readonly isWebSocket: boolean
  /** Throws the HttpError (426, 400) that `acceptWebSocket` would throw for the client's part. For use before the application is asked. */
  checkWebSocket(): void
  /**
   * Grants it: sends 101, and the exchange goes on as a channel. The response must be idle. Throws HttpError: 426 or 400 when the
   * client's handshake is wrong, 500 when the application's answer is. Then nothing was sent, and the response is still idle.
   *
   * From here on only `events.onClose` tells that the client has gone, and `onAborted` is silent. `onClosed` follows it, when the
   * connection has closed. `response` has status 101 and counts bytes. Its `abort` and `end` close the channel with 1011.
   */
  acceptWebSocket(accept: WebSocketAccept, events: WebSocketEvents): WebSocketChannel
  /**
   * The same for an application that has answered the handshake itself and speaks the frames itself: sends 101 with `headers`, but for
   * those of the handshake and the connection, and then the bytes are `take`'s. Throws as `acceptWebSocket`, or for a header that no
   * response may have.
   */
  acceptTunnel(headers: HeaderLines, take: TakeStream): void
}

export type Handler = (exchange: Exchange) => void | Promise<void>
/** Applied once, when the configuration is loaded. */
export type Middleware = (next: Handler) => Handler
