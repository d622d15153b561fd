/** Says that something is refused for a reason that the operator can do something about, without flooding the log. */

import { LimitError, type ProtocolError } from '../http/errors.ts'

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

/** Requests that the protocol refused: whoever runs the server may raise a limit, and hears of it; what is no HTTP is its client's business. */
export class RefusedRequests {
  readonly #log: (level: 'debug' | 'info', message: string, request: string) => void
  /** By the name of the setting. */
  readonly #limits = new Map<string, RefusalLog>()

  constructor(log: (level: 'debug' | 'info', message: string, request: string) => void) {
    this.#log = log
  }

  /** `request`: its id. */
  tell(error: ProtocolError, client: string, request: string): void {
    const message = `refused ${client}: ${error.message}`
    if (!(error instanceof LimitError)) {
      this.#log('debug', message, request)
      return
    }
    let limit = this.#limits.get(error.rule)
    if (limit === undefined) {
      limit = new RefusalLog((_, line, id) => this.#log('info', line, id))
      this.#limits.set(error.rule, limit)
    }
    limit.report(message, request)
  }

  flush(): void {
    for (const limit of this.#limits.values()) limit.flush()
  }
}
