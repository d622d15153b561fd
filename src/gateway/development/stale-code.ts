/**
 * The gateway's part of `--reload`: old code never answers after a save. A watcher's event comes some milliseconds late, so
 * before each dispatch the files of the application are compared with what Python read: some hundred `stat` calls, about
 * 2 µs each. What comes while the code changes waits in the pool; code that does not load is answered with a page.
 */
import { randomUUID } from 'node:crypto'
import type { AppPool } from '../../apps/pool/pool.ts'
import type { MasterToGateway, SourceFile } from '../../control/messages.ts'
import { isDifferent, look } from '../../control/source-file.ts'
import type { Exchange, Handler, Middleware } from '../../http/exchange.ts'
import { headerValue } from '../../http/headers.ts'
import { isDeveloper } from './developer.ts'
import { ReportedError, respondWithReport, STATE_HEADER } from './error-page.ts'

const STATE_QUESTION = STATE_HEADER.toLowerCase()

export class StaleCodeGuard {
  readonly #pool: AppPool
  readonly #onStale: (path: string) => void
  /** Changes whenever the answer to a request may be another one, and with each start of a gateway. */
  readonly #id = randomUUID()
  #turn = 0
  #files: readonly SourceFile[] = []
  #isHolding = true

  constructor(pool: AppPool, onStale: (path: string) => void) {
    this.#pool = pool
    this.#onStale = onStale
    pool.hold()
  }

  /** Answers error pages, which ask whether the code has changed, in the application's place: it must not notice. */
  readonly middleware: Middleware = (next: Handler) => exchange => {
    if (headerValue(exchange.request.headers, STATE_QUESTION) === undefined || !isDeveloper(exchange))
      return next(exchange)
    this.checkFreshness()
    const body = Buffer.from(this.#state)
    const headers = [STATE_HEADER, this.#state, 'Content-Type', 'text/plain', 'Content-Length', String(body.length)]
    exchange.response.respond({ status: 200, reason: '', headers: [...headers, 'Cache-Control', 'no-store'] }, body)
  }

  /** Answers a failure with its frames; false: the error is none, or the client may not see them. */
  respond(exchange: Exchange, error: Error): boolean {
    return respondWithReport(exchange, error, this.#state)
  }

  onMessage(message: Extract<MasterToGateway, { type: 'hold' | 'sources' | 'broken' }>): void {
    if (message.type === 'hold') {
      this.#hold()
      return
    }
    this.#files = message.files
    // Saved again meanwhile: what waits goes on waiting.
    if (this.#isStale()) return
    // More files of what serves already change no answer.
    if (this.#isHolding) this.#turn++
    this.#isHolding = false
    if (message.type === 'sources') this.#pool.release(message.generation)
    else this.#pool.refuse(new ReportedError(message.message, message.report, true))
  }

  /** Before each dispatch. */
  checkFreshness(): void {
    if (!this.#isHolding) this.#isStale()
  }

  get #state(): string {
    return `${this.#id}.${this.#turn}`
  }

  #hold(): void {
    if (!this.#isHolding) this.#turn++
    this.#isHolding = true
    this.#pool.hold()
  }

  /** True when a file is not what it was: then everything waits. */
  #isStale(): boolean {
    const stale = this.#files.find(file => isDifferent(file, look(file.path)))
    if (stale === undefined) return false
    this.#hold()
    this.#onStale(stale.path)
    return true
  }
}
