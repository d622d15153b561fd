/** Says that requests are refused for a reason that the operator can do something about, without flooding the log. */

/** Under overload thousands are refused each second: one line tells as much as all of them. */
const INTERVAL_MS = 1000

export class RefusalLog {
  readonly #log: (level: 'warn', message: string, request: string) => void
  #nextAt = 0
  #unsaid = 0

  constructor(log: (level: 'warn', message: string, request: string) => void) {
    this.#log = log
  }

  /** `request`: the id of the one that is refused; empty for a connection. */
  report(message: string, request = ''): void {
    const now = performance.now()
    if (now < this.#nextAt) {
      this.#unsaid++
      return
    }
    this.#log('warn', `${message}${this.#unsaid === 0 ? '' : `; and ${this.#unsaid} others before it`}`, request)
    this.#nextAt = now + INTERVAL_MS
    this.#unsaid = 0
  }
}
