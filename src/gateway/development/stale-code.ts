/**
 * The gateway's part of `--reload`: old code never answers after a save. The master's watcher notices a save some milliseconds late, so
 * before each dispatch this file compares the application's files with what Python read: some hundred `stat` calls, about 2 µs each.
 * While the code changes, requests wait in the pool. When the new code does not load, they are answered with an error page.
 *
 * Invariant: the state (`Jumak-State`) changes whenever the answer to a request may change. An open error page asks for it.
 * Not here: when to load new code, and whether it has loaded (`master/development/development.ts`).
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
  /** Of this gateway: another gateway has another state. */
  readonly #id = randomUUID()
  /** Counts changes of the code. */
  #turn = 0
  #files: readonly SourceFile[] = []
  #isHolding = true

  constructor(pool: AppPool, onStale: (path: string) => void) {
    this.#pool = pool
    this.#onStale = onStale
    pool.hold()
  }

  /** Answers the question of an open error page whether the code has changed. The application never sees this question. */
  readonly middleware: Middleware = (next: Handler) => exchange => {
    if (headerValue(exchange.request.headers, STATE_QUESTION) === undefined || !isDeveloper(exchange))
      return next(exchange)
    this.checkFreshness()
    const body = Buffer.from(this.#state)
    const headers = [STATE_HEADER, this.#state, 'Content-Type', 'text/plain', 'Content-Length', String(body.length)]
    exchange.response.respond({ status: 200, reason: '', headers: [...headers, 'Cache-Control', 'no-store'] }, body)
  }

  /** Answers a failure of the application with its frames. False: it is another error, or the client may not see frames. */
  respond(exchange: Exchange, error: Error): boolean {
    return respondWithReport(exchange, error, this.#state)
  }

  onMessage(message: Extract<MasterToGateway, { type: 'hold' | 'sources' | 'broken' }>): void {
    if (message.type === 'hold') {
      this.#hold()
      return
    }
    this.#files = message.files
    // A file was saved again meanwhile: the requests go on waiting.
    if (this.#isStale()) return
    // Without a hold these are only more files of the code that serves already. They change no answer.
    if (this.#isHolding) this.#turn++
    this.#isHolding = false
    if (message.type === 'sources') this.#pool.release(message.generation)
    else this.#pool.refuse(new ReportedError(message.message, message.report, true))
  }

  /** Called before each dispatch. */
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

  /** True: a file has changed since Python read it. All requests wait from now on. */
  #isStale(): boolean {
    const stale = this.#files.find(file => isDifferent(file, look(file.path)))
    if (stale === undefined) return false
    this.#hold()
    this.#onStale(stale.path)
    return true
  }
}
