/** Says that something is refused for a reason that the operator can do something about, without flooding the log. */

/** Under overload thousands are refused each second: one line tells as much as all of them. */
const INTERVAL_MS = 1000

/** One kind of refusal: another kind, which asks for another setting, has its own. */
export class RefusalLog {
  readonly #log: (level: 'warn', message: string, request: string) => void
  /** While it runs, refusals are only counted. */
  #timer: NodeJS.Timeout | null = null
  #unsaid = 0
  #last = { message: '', request: '' }

  constructor(log: (level: 'warn', message: string, request: string) => void) {
    this.#log = log
  }

  /** `request`: the id of the one that is refused; empty for a connection. */
  report(message: string, request = ''): void {
    this.#last = { message, request }
    this.#unsaid++
    if (this.#timer === null) this.flush()
  }

  /** Says what is not said yet. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#unsaid === 0) return
    const { message, request } = this.#last
    const others = this.#unsaid - 1
    const more = others === 0 ? '' : `; and ${others} other${others === 1 ? '' : 's'} before it`
    this.#unsaid = 0
    this.#timer = setTimeout(() => this.flush(), INTERVAL_MS)
    this.#timer.unref()
    this.#log('warn', `${message}${more}`, request)
  }
}
