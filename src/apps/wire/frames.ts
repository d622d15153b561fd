/**
 * The wire: what crosses the Unix socket between a gateway and one slot (thread) of a worker. The worker listens,
 * the gateway connects; one link carries one request after the other, answered in order. No state outlives a request.
 * `python/jumak_worker/wire/framing.py` is the other end; `test/vectors/wire.json` is read by both. All numbers little-endian.
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
 *                 the strings of the environ: names and values joined by NUL, latin-1; headLength counts both; PATH_INFO is
 *                 the last, for its value may have a NUL
 *                 flags bit 0 (BODY_FOLLOWS): content comes in BODY frames up to BODY_END, else `body` is all of it
 *     BODY      content
 *     BODY_END  —
 *     FILE_OPENED  u8: 1 the gateway holds the file, the worker may close it · 0 it cannot: the worker sends CHUNKs
 *
 *   worker → gateway
 *     HELLO     JSON {"build": …, "worker": n, "slots": n, "thread": "0x…"} first frame after accept; the slot's thread
 *     RESPONSE  u16 status · u8 flags · u32 runMicros · u32 headLength · head · body
 *                 head: latin-1, `reason NUL name NUL value NUL name NUL value …`
 *                 flags bit 0 (END): complete, `body` is all content; else CHUNK…END or FILE…END follow
 *                 runMicros: only with END: time in the application
 *     CHUNK     content
 *     END       u32 runMicros
 *     FILE      u32 fd · u64 offset · u64 length · u64 device · u64 inode    answered by FILE_OPENED, then CHUNK… or END
 *     INFORM    u16 status · head (as RESPONSE)            before RESPONSE; 103
 *     FAILED    u32 runMicros · UTF-8 reason               the application broke: before RESPONSE a 500, after it a cut; behind a NUL a report (failure.ts);
 *                                                          ends the exchange as END does. Details are in the worker's log.
 *
 * A client that leaves: nothing is sent. If the response has begun, or begins and does not end at once, the gateway
 * closes the link; the worker's next write fails, it closes the iterable, and accepts a new link.
 *
 * Batches: while every slot is busy the gateway may send requests ahead (only ones without BODY_FOLLOWS; see
 * `apps/pool/dispatch-rules.ts`). The worker may hold a complete response up to 250 µs to send it with the next ones, but it sends
 * what it holds before it starts a request whose method is not idempotent, and never holds the response to one. So a
 * request behind an unanswered one was never started if its method is not idempotent, and may be retried.
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
} as const

export const FRAME_HEADER = 5
/** Largest payload: a head (256 KiB) and a chunk (1 MiB) fit with room. */
export const MAX_PAYLOAD = 2 * 1024 * 1024
/** Largest CHUNK, BODY or inline body that either side sends. */
export const MAX_CHUNK = 1024 * 1024
/** Largest response head a worker may send. */
export const MAX_RESPONSE_HEAD = 256 * 1024

export const REQUEST_BODY_FOLLOWS = 1
export const RESPONSE_END = 1
