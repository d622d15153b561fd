/** A timer that tells how much time has passed, and never more than it can have missed: who stood still itself blames nobody for it. */
export class Ticker {
  readonly #intervalMs: number
  readonly #onTick: (passedMs: number) => void
  #timer: NodeJS.Timeout | null = null
  #last = 0

  constructor(intervalMs: number, onTick: (passedMs: number) => void) {
    this.#intervalMs = intervalMs
    this.#onTick = onTick
  }

  /** Harmless while it runs. */
  start(): void {
    if (this.#timer !== null) return
    this.#last = performance.now()
    this.#timer = setInterval(() => this.#tick(), this.#intervalMs).unref()
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  #tick(): void {
    const now = performance.now()
    // Whole: a sum of fractions, once kept in a field, makes V8 give every later object of its kind a number of its own beside it.
    const passed = Math.round(Math.min(now - this.#last, 2 * this.#intervalMs))
    this.#last = now
    this.#onTick(passed)
  }
}
