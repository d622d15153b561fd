/**
 * How long one connection may be read in one turn of the event loop. Runs in the gateway, for connections that send much at once.
 *
 * The system gives us up to 2 MiB of a connection before it looks at the next one. As frames or chunks of one byte, as headers, or as a
 * thousand requests in one read, that is a tenth of a second in which nobody else is served. So a connection that takes long rests until the
 * next turn. Content in ordinary frames and chunks does not.
 */

/** Bytes. After so many a read is timed: the clock costs nothing for small requests. Over TLS each record is a read. */
export const TIMED: number = 8 * 1024
/** Milliseconds: a megabyte of content in ordinary frames, or one read of the costliest ones. */
const MOST = 2

export class ReadingShare {
  readonly #onChange: () => void
  /** When the first timed read of this turn came; 0: none has. */
  #since = 0
  #isResting = false

  /** `onChange`: `isResting` has changed. */
  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /** The connection is not to be read. */
  get isResting(): boolean {
    return this.#isResting
  }

  /** Before a read is looked at. */
  begin(): void {
    if (this.#since > 0) return
    this.#since = performance.now()
    setImmediate(() => this.#turnEnded())
  }

  /** After it. */
  end(): void {
    if (performance.now() - this.#since >= MOST) this.rest()
  }

  /** It has had enough for this turn. */
  rest(): void {
    this.begin()
    if (this.#isResting) return
    this.#isResting = true
    this.#onChange()
  }

  /** Somebody else reads from now on. */
  release(): void {
    if (!this.#isResting) return
    this.#isResting = false
    this.#onChange()
  }

  #turnEnded(): void {
    this.#since = 0
    this.release()
  }
}
