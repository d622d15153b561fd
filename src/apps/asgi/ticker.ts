/** A timer that tells how much time has passed, but never more than two intervals: a gateway that stood still does not blame its workers. */
export class Ticker {
  readonly #intervalMs: number
  readonly #onTick: (passedMs: number) => void
  #timer: NodeJS.Timeout | null = null
  #last = 0

  constructor(intervalMs: number, onTick: (passedMs: number) => void) {
    this.#intervalMs = intervalMs
    this.#onTick = onTick
  }

  /** Does nothing while it runs. */
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
    // Rounded: once a field has held a fraction, V8 allocates a heap number for that field in every later object of the class.
    const passed = Math.round(Math.min(now - this.#last, 2 * this.#intervalMs))
    this.#last = now
    this.#onTick(passed)
  }
}
