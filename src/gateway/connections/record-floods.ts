/**
 * Ends clients that send records of TLS with nothing in them for HTTP. Runs in each event loop of the gateway, only where there is TLS.
 *
 * A client may ask for new keys with each record (KeyUpdate, RFC8446§4.6.3), or for a new handshake, which is refused with an alert. OpenSSL has no
 * limit for that: 27 bytes cost 13 µs, and an answer, which stays in memory while the client does not read. Nothing of it comes to JavaScript.
 * So the bytes that came are compared with the bytes that were in them.
 *
 * What it costs: a look at all connections every few seconds, and more often only while the event loop is late, as it is in a flood: libuv reads
 * up to 2 MB of one connection in a turn.
 * Invariant: a client whose records have 8 bytes of content on average is never ended: WINDOW_UPDATE of HTTP/2 has 13, and a message of a
 * WebSocket with two letters has 8. Nor is one that is slower than `FREE_BYTES` a second.
 * Not here: how much content a client may send. Who sends a byte of content for each three others is not found.
 */

/** What a transport tells of a connection. */
export interface Encrypted {
  /** Bytes of records that have come. */
  readonly encryptedBytes: number
  /** Bytes that were in them. */
  readonly contentBytes: number
}

/** Without content, in one go: a handshake with certificates, one read (64 KiB) that waits while the handler is paused, and as much again. */
const MOST_BYTES = 128 * 1024
/** Bytes without content for each byte of content: a record has 22 around its content. */
const FREE_SHARE = 3
/** Each second. No client needs 150 new keys a second. */
const FREE_BYTES = 4096

const LOOK_MS = 500
/** A look is so late: somebody keeps the event loop busy. */
const LATE_MS = 20
/** Otherwise only every tenth look reaches the connections. */
const RARELY = 10
/** After a flood the next one is found within two turns. */
const [ALERT_MS, ALERT_LOOK_MS] = [10_000, 20]

export class WatchedRecords {
  readonly #of: Encrypted
  readonly #onFlood: () => void
  #empty = 0
  #content = 0
  #excess = 0

  /** `onFlood` ends it. */
  constructor(of: Encrypted, onFlood: () => void) {
    this.#of = of
    this.#onFlood = onFlood
  }

  /** `ms`: since the last time. Returns whether it was ended. */
  look(ms: number): boolean {
    const { encryptedBytes, contentBytes } = this.#of
    const empty = encryptedBytes - contentBytes
    const allowed = (contentBytes - this.#content) * FREE_SHARE + (ms * FREE_BYTES) / 1000
    this.#excess = Math.max(0, this.#excess + empty - this.#empty - allowed)
    this.#empty = empty
    this.#content = contentBytes
    if (this.#excess <= MOST_BYTES) return false
    this.#onFlood()
    return true
  }
}

export class RecordFloods {
  readonly #watched = new Set<WatchedRecords>()
  /** Of the last look at the connections. In milliseconds of performance.now, as all times here. */
  #lookedAt = performance.now()
  #nextAt = 0
  #alertUntil = 0
  #skipped = 0

  constructor() {
    this.#schedule()
  }

  add(one: WatchedRecords): void {
    this.#watched.add(one)
  }

  delete(one: WatchedRecords): void {
    this.#watched.delete(one)
  }

  #schedule(): void {
    const now = performance.now()
    const delay = now < this.#alertUntil ? ALERT_LOOK_MS : LOOK_MS
    this.#nextAt = now + delay
    setTimeout(() => this.#tick(), delay).unref()
  }

  #tick(): void {
    const isLate = performance.now() > this.#nextAt + LATE_MS
    if (isLate || ++this.#skipped >= RARELY) this.#look()
    this.#schedule()
  }

  #look(): void {
    const now = performance.now()
    const since = now - this.#lookedAt
    this.#lookedAt = now
    this.#skipped = 0
    for (const one of this.#watched) if (one.look(since)) this.#alertUntil = now + ALERT_MS
  }
}
