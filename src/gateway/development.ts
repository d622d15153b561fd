/**
 * The gateway's part of `--reload`: old code never answers after a save. A watcher's event comes some milliseconds late, so
 * before each request the files of the application are compared with what Python read; a few dozen `stat` calls, about
 * 2 µs each. What comes while the code changes waits in the pool; code that does not load is answered with a page.
 */
import { statSync } from 'node:fs'
import type { AppPool } from '../apps/pool.ts'
import type { MasterToGateway, SourceFile } from '../control/messages.ts'
import type { HttpError } from '../http/errors.ts'
import type { Exchange, Handler } from '../http/exchange.ts'
import { ReportedError } from './error-page.ts'

/** Milliseconds: both sides made a number of the same nanoseconds, not bit by bit the same one. */
const CLOCK_TOLERANCE = 0.01

export class Development {
  readonly #pool: AppPool
  readonly #onStale: (path: string) => void
  readonly #onError: (exchange: Exchange, error: Error) => void
  #files: readonly SourceFile[] = []
  #broken: HttpError | null = null
  #isHolding = true

  constructor(pool: AppPool, onStale: (path: string) => void, onError: (exchange: Exchange, error: Error) => void) {
    this.#pool = pool
    this.#onStale = onStale
    this.#onError = onError
    pool.hold()
  }

  handler(next: Handler): Handler {
    return exchange => {
      if (!this.#isHolding) this.#checkFreshness()
      if (this.#isHolding || this.#broken === null) return next(exchange)
      this.#onError(exchange, this.#broken)
    }
  }

  onMessage(message: Extract<MasterToGateway, { type: 'hold' | 'sources' | 'broken' }>): void {
    if (message.type === 'hold') {
      this.#hold()
      return
    }
    this.#files = message.files
    this.#broken = message.type === 'broken' ? new ReportedError(message.message, message.report, true) : null
    // Saved again meanwhile: what waits goes on waiting.
    if (this.#checkFreshness()) return
    this.#isHolding = false
    if (message.type === 'sources') this.#pool.release(message.generation)
    else this.#pool.refuseQueued(this.#broken!)
  }

  #hold(): void {
    this.#isHolding = true
    this.#pool.hold()
  }

  /** True when the code is stale: then everything waits. */
  #checkFreshness(): boolean {
    const stale = this.#files.find(isStale)
    if (stale === undefined) return false
    this.#hold()
    this.#onStale(stale.path)
    return true
  }
}

function isStale({ path, modified, size }: SourceFile): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined || found.size !== size || Math.abs(found.mtimeMs - modified) > CLOCK_TOLERANCE
}
