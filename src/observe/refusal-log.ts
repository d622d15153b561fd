/**
 * Lines of the log about refusals, without flooding it: for each kind one line a second, with the number of refusals that have no line.
 * Runs in the gateway, and in the master for what processes of an application try at its control socket.
 *
 * Invariant: the last refusal of a burst gets a line, a second after the line before it or when the process ends.
 * Not here: which refusals there are, and their texts (`gateway/errors/refusals.ts`, `master/fleet/control-server.ts`).
 */
/** Under overload thousands are refused each second, and one line says as much as all of them. */
const INTERVAL_MS = 1000

type RefusalLogger = (level: 'warn', message: string, request: string) => void

/** The lines of one kind of refusal. Each kind is about a setting of its own. */
export class RefusalLog {
  readonly #log: RefusalLogger
  /** While this timer runs, refusals are only counted. */
  #timer: NodeJS.Timeout | null = null
  #unsaid = 0
  #last = { message: '', request: '' }

  constructor(log: RefusalLogger) {
    this.#log = log
  }

  /** `request`: the id of the refused request; empty for a connection. */
  report(message: string, request = ''): void {
    this.#last = { message, request }
    this.#unsaid++
    if (this.#timer === null) this.flush()
  }

  /** Writes the line of the refusals that are only counted. */
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

/** Each may write a line a second. */
const MAX_KINDS = 64

/** Kinds of refusal by name. When there are more than `MAX_KINDS`, the rest is one kind. */
export class RefusalLogs {
  readonly #log: RefusalLogger
  readonly #kinds = new Map<string, RefusalLog>()

  constructor(log: RefusalLogger) {
    this.#log = log
  }

  report(kind: string, message: string, request = ''): void {
    const name = this.#kinds.size < MAX_KINDS || this.#kinds.has(kind) ? kind : ''
    let known = this.#kinds.get(name)
    if (known === undefined) {
      known = new RefusalLog(this.#log)
      this.#kinds.set(name, known)
    }
    known.report(message, request)
  }

  flush(): void {
    for (const kind of this.#kinds.values()) kind.flush()
  }
}
