/**
 * The wire to one slot (thread) of a WSGI worker: what crosses the Unix socket between the two. The worker listens, the gateway
 * connects. One link carries one request after the other, answered in order. No state outlives a request.
 * `python/jumak_worker/wire/framing.py` is the other end. Both read `test/vectors/wire.json`. The wire to an ASGI worker is
 * `multiplex.ts`. All numbers are little-endian.
 *
 *    0        4      5
 *   ┌────────┬──────┬─────────────────────┐
 *   │ u32    │ u8   │ payload             │   length counts the payload only; at most MAX_PAYLOAD
 *   │ length │ type │ `length` bytes      │
 *   └────────┴──────┴─────────────────────┘
 *
 *   gateway → worker
 *     HELLO     JSON {"build": …}                          first frame; answers the worker's HELLO
 *     REQUEST   u8 flags · u32 headLength · u32 namesLength · names · values · body
 *                 names and values: the strings of the environ, joined by NUL, latin-1; headLength counts both; PATH_INFO is
 *                 the last, for its value may have a NUL
 *                 flags bit 0 (BODY_FOLLOWS): content comes in BODY frames up to BODY_END; else `body` is all of it
 *                 flags bit 1 (HANDSHAKE): asks for a WebSocket, and has no content; the worker may answer with TAKEN
 *     BODY      content
 *     BODY_END  —
 *     FILE_OPENED  u8: 1 the gateway holds the file, the worker may close it · 0 it cannot: the worker sends CHUNKs
 *
 *   worker → gateway
 *     HELLO     JSON {"build": …, "worker": n, "slots": n, "thread": "0x…"} first frame after accept; the slot's thread
 *     RESPONSE  u16 status · u8 flags · u32 runMicros · u32 headLength · head · body
 *                 head: latin-1, `reason NUL name NUL value NUL name NUL value …`
 *                 flags bit 0 (END): complete, `body` is all content; else CHUNK…END or FILE…END follow
 *                 runMicros: time in the application; only with END
 *     CHUNK     content
 *     END       u32 runMicros
 *     FILE      u32 fd · u64 offset · u64 length · u64 device · u64 inode    answered by FILE_OPENED, then CHUNK… or END
 *     INFORM    u16 status · head (as RESPONSE)            before RESPONSE; 103
 *     FAILED    u32 runMicros · UTF-8 reason               the application failed: before RESPONSE a 500, after it a cut; behind
 *                                                          a NUL a report (failure.ts). It ends the exchange as END does.
 *                                                          Details are in the worker's log.
 *     TAKEN     u8 flags                                   answers a HANDSHAKE, before RESPONSE; see "A link that is taken"
 *
 * **A link that is taken.** The application has asked for the socket of a handshake, and has the link itself. There are no more frames on it:
 *
 *   worker → gateway    … TAKEN │ HTTP/1.1 101 Switching Protocols CRLF … CRLF CRLF │ bytes of the application │ end
 *   gateway → worker    REQUEST │                                             u8 way │ bytes of the client      │ end
 *
 * TAKEN with the flag WAITS (bit 0) says that the 101 is whole in one write, and that the worker waits for `way` behind it; without the
 * flag there is none. LINK_STAYS (0): the client's bytes follow. CLIENT_PASSED (1): the client's socket comes with this byte (SCM_RIGHTS),
 * and nothing more passes on the link: it is there to be ended.
 *
 * The gateway reads the head and sends one of its own. What the client sends waits until then. After a status other than 101 the rest is
 * content, and the client's bytes go nowhere. The worker ends its side when the application has returned; the gateway ends its side when
 * the client has. Then the link is closed and made anew: nothing of it outlives the request. Nothing is sent ahead behind a HANDSHAKE, and it is sent behind nothing.
 *
 * **A client that leaves.** No frame tells the worker. When the response has begun, or begins and does not end at once, the gateway
 * closes the link. Then the worker's next write fails; it closes the iterable, and accepts a new link.
 *
 * **Batches.** While every slot is busy the gateway may send requests ahead, but only ones without BODY_FOLLOWS (see
 * `apps/pool/dispatch-rules.ts`). The worker may hold a complete response for up to 250 µs, to send it with the next ones. It sends
 * what it holds before it starts a request whose method is not idempotent, and never holds the response to such a request. So a
 * request that is not idempotent was never started while one before it is unanswered, and may be retried.
 */
export const FrameType = {
  HELLO: 1,
  REQUEST: 2,
  BODY: 3,
  BODY_END: 4,
  FILE_OPENED: 5,
  RESPONSE: 17,
  CHUNK: 18,
  END: 19,
  FILE: 20,
  INFORM: 21,
  FAILED: 22,
  TAKEN: 23,
} as const

export const FRAME_HEADER = 5
/** Largest payload: a head (256 KiB) and a chunk (1 MiB) fit, with some to spare. */
export const MAX_PAYLOAD = 2 * 1024 * 1024
/** Largest CHUNK, BODY or inline body that either side sends. */
export const MAX_CHUNK = 1024 * 1024
/** Largest response head that a worker may send. */
export const MAX_RESPONSE_HEAD = 256 * 1024

export const REQUEST_BODY_FOLLOWS = 1
export const REQUEST_HANDSHAKE = 2
export const TAKEN_WAITS = 1
export const LINK_STAYS = 0
export const CLIENT_PASSED = 1
export const RESPONSE_END = 1
