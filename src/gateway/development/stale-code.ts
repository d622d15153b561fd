/**
 * The gateway's part of `--reload`, for one application: old code never answers after a save. The master's watcher notices a save some
 * milliseconds late, so before each dispatch this file compares the application's files with what Python read: some hundred `stat` calls,
 * about 2 µs each.
 * While the code changes, requests wait in its pools. When the new code does not load, they are answered with an error page.
 *
 * Invariant: the state (`Jumak-State`) changes whenever the answer to a request may change. An open error page asks for it.
 * Not here: when to load new code, and whether it has loaded (`master/development/development.ts`).
 */
import { randomUUID } from 'node:crypto'
import type { AppPool } from '../../apps/pool/pool.ts'
import type { MasterToGateway, SourceFile } from '../../control/messages.ts'
import { isDifferent, look } from '../../control/source-file.ts'
import type { HttpError } from '../../http/errors.ts'
import type { Exchange, Handler, Middleware } from '../../http/exchange.ts'
import { headerValue } from '../../http/headers.ts'
import { isDeveloper } from './developer.ts'
import { ReportedError, respondWithReport, STATE_HEADER } from './error-page.ts'

const STATE_QUESTION = STATE_HEADER.toLowerCase()

/**
 * The question of an open error page whether the code has changed. `answer`: answers it, for the application that the page is of. The
 * application never sees it.
 */
export function codeQuestions(answer: Handler): Middleware {
  return next => exchange =>
    headerValue(exchange.request.headers, STATE_QUESTION) === undefined || !isDeveloper(exchange)
      ? next(exchange)
      : answer(exchange)
}

export class StaleCodeGuard {
  readonly #pools = new Set<AppPool>()
  readonly #onStale: (path: string) => void
  /** Of this gateway: another gateway has another state. */
  readonly #id = randomUUID()
  /** Counts changes of the code. */
  #turn = 0
  #files: readonly SourceFile[] = []
  #isHolding = true
  /** The code does not load. */
  #refusal: HttpError | null = null

  constructor(onStale: (path: string) => void) {
    this.#onStale = onStale
  }

  /** A pool that is added later does as the others do. */
  add(pool: AppPool): void {
    this.#pools.add(pool)
    if (this.#isHolding) pool.hold()
    else if (this.#refusal !== null) pool.refuse(this.#refusal)
  }

  /** The pool is not in the configuration any more. What is held there stays so, until its workers have gone. */
  drop(pool: AppPool): void {
    this.#pools.delete(pool)
  }

  /** Answers the question of an open error page (`codeQuestions`). */
  readonly answer: Handler = exchange => {
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
    this.#refusal = message.type === 'sources' ? null : new ReportedError(message.message, message.report, true)
    for (const pool of this.#pools) {
      if (message.type === 'sources') pool.release(message.generation)
      else pool.refuse(this.#refusal!)
    }
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
    for (const pool of this.#pools) pool.hold()
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
