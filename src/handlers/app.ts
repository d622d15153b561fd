/**
 * Hands exchanges to the application. Reads the whole content first (memory, then a temporary file), so that a slow client
 * costs no worker and a client that goes meanwhile costs nothing. Runs in the gateway.
 */
import { RequestBody } from '../apps/body.ts'
import type { AppPool } from '../apps/pool.ts'
import type { Limits } from '../config/types.ts'
import { ClientGoneError, HttpError } from '../http/errors.ts'
import type { Exchange, Handler } from '../http/exchange.ts'

export interface AppHandlerOptions {
  readonly limits: Limits
  readonly temporaryDirectory: string
  /** The same as the pool's: renders when the response is idle, cuts when it has started. */
  readonly onError: (exchange: Exchange, error: Error) => void
}

export function appHandler(pool: AppPool, options: AppHandlerOptions): Handler {
  return exchange => {
    if (exchange.body.length === 0) pool.handle(exchange, null)
    else collect(exchange, options, body => pool.handle(exchange, body))
  }
}

function collect(exchange: Exchange, options: AppHandlerOptions, done: (body: RequestBody) => void): void {
  let failed = false
  const body = new RequestBody({
    directory: options.temporaryDirectory,
    memoryBytes: options.limits.memoryBuffer,
    onRoom: () => exchange.body.resume(),
    onError: error => {
      failed = true
      const code = (error as NodeJS.ErrnoException).code
      const status = code === 'ENOSPC' || code === 'EDQUOT' ? 507 : 500
      fail(new HttpError(status, `The request's content could not be stored (${code ?? error.message})`, 'operator'))
      // What still comes of it is thrown away.
      exchange.body.resume()
    },
  })
  const fail = (error: Error) => {
    body.close()
    const { state } = exchange.response
    if (!(error instanceof ClientGoneError) && (state === 'idle' || state === 'started'))
      options.onError(exchange, error)
  }
  exchange.body.pull({
    onData: chunk => failed || body.append(chunk),
    onEnd: () => {
      if (!failed) body.seal(() => done(body))
    },
    onError: error => {
      if (failed) return
      failed = true
      fail(error)
    },
  })
}
