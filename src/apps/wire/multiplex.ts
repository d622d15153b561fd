/**
 * The wire to a worker that runs many exchanges at once, on one Unix socket: of an ASGI application, or of a WSGI application in greenlets.
 * The worker listens, the gateway connects.
 * `python/jumak_worker/wire/multiplex.py` is the other end. Both read `test/vectors/multiplex.json`. The wire to the slots of a WSGI
 * worker is `frames.ts`. All numbers are little-endian.
 *
 *    0        4      5          9
 *   ┌────────┬──────┬──────────┬─────────────────────┐
 *   │ u32    │ u8   │ u32      │ payload             │   length counts the payload only; at most MAX_PAYLOAD
 *   │ length │ type │ exchange │ `length` bytes      │   exchange: chosen by the gateway, never 0, and unique among those that run
 *   └────────┴──────┴──────────┴─────────────────────┘
 *
 *   gateway → worker
 *     HELLO       JSON {"build": …}                          exchange 0; first frame; answers the worker's HELLO
 *     REQUEST     u8 flags · u32 headLength · u32 namesLength · names · values · body    see "Head"; headLength counts both
 *                   flags bit 0 (BODY_FOLLOWS): content comes in BODY frames up to BODY_END; else `body` is all of it
 *                   flags bit 1 (HANDSHAKE), of WSGI: asks for a WebSocket, and has no content; the worker may answer with TAKEN
 *     BODY        content
 *     BODY_END    —
 *     FILE_OPENED u8: 1 the gateway holds the file, the worker may close it · 0 it cannot: the worker sends CHUNKs
 *     DISCONNECT  u16 code · UTF-8 reason                    the client has gone; code is 0 for http, a close code for a WebSocket
 *     CREDIT      u32 bytes                                  the worker may send so much more content of the response
 *     CANCEL      —                                          the deadline has passed and the client is answered: the task (or
 *                                                            greenlet) is cancelled and its stack logged
 *     ATTACH      u32 token                                  exchange 0; first frame of a connection: see "A socket of its own"
 *     PING        u32 token                                  exchange 0; the event loop answers it, unless it is blocked
 *     MESSAGE     u8 flags · data                            WebSocket; flags: 1 text, 2 binary, +128 more of this message follows
 *
 *   worker → gateway
 *     HELLO       JSON {"build": …, "worker": n, "slots": n} exchange 0; first frame after accept
 *     RESPONSE    u16 status · u8 flags · u32 runMicros · u32 headLength · head · body
 *                   head: latin-1, `reason NUL name NUL value NUL name NUL value …` (ASGI: reason empty)
 *                   flags bit 0 (END): complete, `body` is all content; else CHUNK…END or FILE…END follow
 *                   flags bit 1 (TRAILERS), not with END: the application has announced trailers, which END will bring
 *     CHUNK       content
 *     END         u32 runMicros · trailers                   latin-1, `name NUL value NUL …`; empty: none
 *     FILE        u32 fd · u64 offset · u64 length · u64 device · u64 inode    answered by FILE_OPENED
 *     INFORM      u16 status · head (as RESPONSE)            before RESPONSE; 103
 *     FAILED      u32 runMicros · UTF-8 reason               the application failed: before RESPONSE a 500, after it a cut, for an
 *                                                            accepted WebSocket a close with 1011; ends the exchange
 *     CREDIT      u32 bytes                                  the gateway may send so much more content (or messages)
 *     PONG        u32 token                                  exchange 0
 *     ACCEPT      latin-1, `subprotocol NUL name NUL value …`  websocket.accept; subprotocol empty: none
 *     MESSAGE     u8 flags · data
 *     CLOSE       u16 code · UTF-8 reason                    websocket.close after ACCEPT; ends the exchange. Before ACCEPT a worker
 *                                                            answers with RESPONSE (403 for a plain close).
 *     TAKEN       u32 token · u8 flags (`frames.ts`)         answers a HANDSHAKE, before RESPONSE
 *
 * **A socket of its own.** The application of a HANDSHAKE has asked for its socket. TAKEN ends the exchange on the link, but DISCONNECT may
 * follow. The gateway connects to the worker once more and sends ATTACH with the token; the worker's HELLO is the only frame that comes
 * back. Then this connection is as a link of `frames.ts` behind TAKEN: a head, `way`, and bytes. MAX_ATTACHING such connections may be
 * without HELLO at a time. The gateway does not give the exchange's number again before the connection has ended.
 *
 * An exchange ends with RESPONSE+END, END, FAILED, CLOSE or TAKEN from the worker, or with DISCONNECT or CANCEL from the gateway. A receiver
 * ignores frames of an exchange that it has ended: the sender did not know yet. The application's task may go on (background tasks);
 * the gateway need not know.
 *
 * **Credit.** Each exchange has credit for each direction; it begins with WINDOW. A sender may send a frame of content (BODY; CHUNK or
 * RESPONSE without END; MESSAGE) while its credit is above 0. The frame's content is subtracted and may make the credit negative. One
 * frame has at most MAX_CONTENT bytes of content; the last frame of a message costs MESSAGE_COST more. The receiver gives credit back
 * when the application, or the client, has taken the content; for a frame of a message that is not the last it does so at once, for a
 * message may be longer than the window. A RESPONSE with END needs no credit. Neither end ever stops reading the link.
 *
 * **Head.** Of WSGI: as in `frames.ts`. Of ASGI: strings in latin-1, joined by NUL. Names: `http` or `websocket`, `x-request-id`, then the header names in lower case; their
 * order and duplicates are kept. Values: connection, method, the exchange's id, the header values, query, path as sent, path
 * percent-decoded (UTF-8; with the root path in front if the proxy took it away). Only the last value may have a NUL. Connection:
 * `version scheme clientPort clientAddress serverPort rootPath serverAddress`. The version is 1.0, 1.1 or 2, the scheme http, https, ws
 * or wss. On a TLS connection `;version;cipherSuite` follows the scheme, hexadecimal, as in `https;0304;1301`; the suite is empty if its
 * number is not known. Where clients are asked for a certificate, the names begin with `http+client` or `websocket+client`, and three
 * values are in front of the query: why the certificate is wrong, its owner's name (both UTF-8), its PEM; empty if there is none. If the client has proved a password to the gateway, `+user` is behind that, and its
 * name in front of the query. rootPath is the request's own, without spaces; empty: the configured one counts. For a Unix socket both ports are 0, the
 * client's address is empty, and the server's address is the socket's path.
 */
export const MultiplexType = {
  HELLO: 1,
  REQUEST: 2,
  BODY: 3,
  BODY_END: 4,
  FILE_OPENED: 5,
  DISCONNECT: 6,
  CANCEL: 7,
  PING: 8,
  ATTACH: 9,
  RESPONSE: 17,
  CHUNK: 18,
  END: 19,
  FILE: 20,
  INFORM: 21,
  FAILED: 22,
  PONG: 23,
  ACCEPT: 24,
  CLOSE: 25,
  TAKEN: 26,
  /** Both ways. */
  CREDIT: 33,
  MESSAGE: 34,
} as const

export const MULTIPLEX_HEADER = 9
/** Connections that a worker need not have accepted. Its queue of connections has room for so many of each thread of the gateway. */
export const MAX_ATTACHING = 16
/** Initial credit of each exchange and direction. A fast peer never waits for credit; a thousand slow ones stay within 256 MiB. */
export const WINDOW = 256 * 1024
/** Content of one frame: small enough that one exchange does not let the others on the link wait. */
export const MAX_CONTENT = 64 * 1024
/** Credit that a message costs beyond its bytes, so that empty messages are bounded too. */
export const MESSAGE_COST = 32
/** A complete response with content up to this size goes in one frame. */
export const MAX_COMPLETE = 256 * 1024

/** Beside RESPONSE_END (`frames.ts`). */
export const RESPONSE_TRAILERS = 2

export const MESSAGE_TEXT = 1
export const MESSAGE_BINARY = 2
export const MESSAGE_MORE = 128
