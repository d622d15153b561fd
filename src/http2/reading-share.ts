/**
 * How long one connection may be read in one turn of the event loop. Runs in the gateway, for connections that send much at once.
 *
 * The system gives us up to 2 MiB of a connection before it looks at the next one. As frames of one byte, or as headers, that is a tenth of a
 * second in which nobody else is served. So a connection that takes long rests until the next turn. Content in ordinary frames does not.
 */

/** Bytes. After so many a read is timed: the clock costs nothing for small requests. Over TLS each record is a read. */
export const TIMED: number = 8 * 1024
/** Milliseconds: a megabyte of content in ordinary frames, or one read of the costliest ones. */
const MOST = 2

export class ReadingShare {
  readonly #onRest: (isResting: boolean) => void
  /** When the first timed read of this turn came; 0: none has. */
  #since = 0
  #isResting = false

  /** `onRest`: the connection is not to be read, or is read again. */
  constructor(onRest: (isResting: boolean) => void) {
    this.#onRest = onRest
  }

  /** Before a read is looked at. */
  begin(): void {
    if (this.#since > 0) return
    this.#since = performance.now()
    setImmediate(() => this.#turnEnded())
  }

  /** After it. */
  end(): void {
    if (this.#isResting || performance.now() - this.#since < MOST) return
    this.#isResting = true
    this.#onRest(true)
  }

  #turnEnded(): void {
    this.#since = 0
    if (!this.#isResting) return
    this.#isResting = false
    this.#onRest(false)
  }
}
