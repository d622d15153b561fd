/** Says that requests are refused for a reason that the operator can do something about, without flooding the log. */
import type { Exchange } from '../http/exchange.ts'

/** Under overload thousands are refused each second: one line tells as much as all of them. */
const INTERVAL_MS = 1000

export class RefusalLog {
  readonly #log: (level: 'warn', message: string) => void
  #nextAt = 0
  #unsaid = 0

  constructor(log: (level: 'warn', message: string) => void) {
    this.#log = log
  }

  report(reason: string, { id, request }: Exchange): void {
    const now = performance.now()
    if (now < this.#nextAt) {
      this.#unsaid++
      return
    }
    const others = this.#unsaid === 0 ? '' : `; and ${this.#unsaid} requests before it`
    this.#log('warn', `${request.method} ${request.path} (request ${id}) was refused: ${reason}${others}`)
    this.#nextAt = now + INTERVAL_MS
    this.#unsaid = 0
  }
}
