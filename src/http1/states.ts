/**
 * The states of one HTTP/1.1 connection and the events that move it, as data. Both sides are in one state, for one exchange runs at
 * a time: what of the request is read, and whether a response is under way. Runs in the gateway, three events for a small request.
 *
 *             HEAD             END              SWITCH
 *      IDLE ───────▶ CONTENT ───────▶ WHOLE ─────────────▶ SWITCHED
 *      ▲  ▲           │   │           │  │                    ▲
 *      │  └───────────┼───┼────NEXT───┘  │ NO_MORE            │ SWITCH
 *      │              │   └───NO_MORE────┴─────────▶ FINAL ───┘
 *      └──END── REST ◀┘ NEXT
 *
 *      IDLE, CONTENT, WHOLE, FINAL, REST ── LAST ──▶ LINGERING            any ── CLOSE ──▶ CLOSED
 *
 * An event that the table does not have cannot happen: `next` throws, since a wrong state may mix up two requests (smuggling). Not
 * here: whether a part of a head has come, which the parser knows; the response's own state (`ResponseState`); time (`pace.ts`).
 */

export const State = {
  /** No exchange runs. The next request is awaited, or its head is coming. */
  IDLE: 0,
  /** An exchange runs, and its content is coming. */
  CONTENT: 1,
  /** An exchange runs, and its request is complete. A pipelined request may wait behind it. */
  WHOLE: 2,
  /** An exchange runs, and no request follows it: its content was refused, or the client has sent FIN. What comes is thrown away. */
  FINAL: 3,
  /** The response has ended before its request: the rest of the content is read and thrown away, up to a bound. */
  REST: 4,
  /** Another protocol has the transport. */
  SWITCHED: 5,
  /** The last response is written, with a FIN behind it. What comes is thrown away, so that the client can read it (RFC9112§9.6). */
  LINGERING: 6,
  CLOSED: 7,
} as const
export type State = (typeof State)[keyof typeof State]

export const Event = {
  /** A head is complete. */
  HEAD: 0,
  /** The content is complete, or there is none. */
  END: 1,
  /** The client's content was refused, or it has sent FIN. */
  NO_MORE: 2,
  /** The response has ended, and the connection can take another request. */
  NEXT: 3,
  /** The connection ends: its last response is written, or was cut, or none is owed. */
  LAST: 4,
  /** The exchange became a WebSocket. */
  SWITCH: 5,
  /** The transport has closed. */
  CLOSE: 6,
} as const
export type Event = (typeof Event)[keyof typeof Event]

type Moves = Partial<Readonly<Record<keyof typeof Event, keyof typeof State>>>

const TABLE: Readonly<Record<keyof typeof State, Moves>> = {
  IDLE: { HEAD: 'CONTENT', LAST: 'LINGERING', CLOSE: 'CLOSED' },
  CONTENT: { END: 'WHOLE', NO_MORE: 'FINAL', NEXT: 'REST', LAST: 'LINGERING', CLOSE: 'CLOSED' },
  WHOLE: { NO_MORE: 'FINAL', NEXT: 'IDLE', LAST: 'LINGERING', SWITCH: 'SWITCHED', CLOSE: 'CLOSED' },
  FINAL: { NO_MORE: 'FINAL', LAST: 'LINGERING', SWITCH: 'SWITCHED', CLOSE: 'CLOSED' },
  REST: { END: 'IDLE', LAST: 'LINGERING', CLOSE: 'CLOSED' },
  SWITCHED: { CLOSE: 'CLOSED' },
  LINGERING: { CLOSE: 'CLOSED' },
  CLOSED: {},
}

const IMPOSSIBLE = 255
const EVENTS = Object.keys(Event) as (keyof typeof Event)[]
/** `TABLE` for the hot path: row after row, a byte for each event. */
const MOVES = Uint8Array.from(
  Object.values(TABLE).flatMap(moves => EVENTS.map(event => (moves[event] ? State[moves[event]] : IMPOSSIBLE))),
)

export function next(state: State, event: Event): State {
  const moved = MOVES[state * EVENTS.length + event]!
  if (moved === IMPOSSIBLE) throw impossible(state, event)
  return moved as State
}

function impossible(state: State, event: Event): Error {
  return new Error(`an HTTP/1.1 connection that is ${Object.keys(State)[state]} cannot have ${EVENTS[event]}`)
}
