/**
 * From an exchange to its handler, whatever the protocol: takes the request id and the client's address from trusted proxies, calls the
 * handler, and has every failure answered or cut exactly once. Imports nothing of http1, so that the seam stays one.
 */
import { ClientGoneError, type HttpError } from '../http/errors.ts'
import type { Exchange, Handler } from '../http/exchange.ts'
import { applyForwarded } from '../http/forwarded.ts'
import { acceptRequestId } from '../http/request-id.ts'
import type { TrustedProxies } from '../http/trusted-proxies.ts'

/** Where requests enter what the gateway is made of. */
export interface Entry {
  /** Read for each request: another one is in force from the next request on. */
  handler: Handler
}

export interface ServeOptions {
  readonly entry: Entry
  readonly trusted: TrustedProxies
  /** Names in lower case: headers that are believed when a trusted proxy sends them. */
  readonly forwardedHeaders: readonly string[]
  /** The request contradicts itself and goes to no handler. Called before the answer; the message says why. */
  readonly onRefused: (exchange: Exchange, error: HttpError) => void
  /** Answers with the error, or cuts a response that has begun. */
  readonly respond: (exchange: Exchange, error: Error) => void
  /** An error that nobody expected: a bug of ours. */
  readonly onBug: (error: Error, exchange: Exchange) => void
}

/** Returns what a protocol calls with each new exchange. */
export function createServe(options: ServeOptions): (exchange: Exchange) => void {
  const { entry, trusted, respond } = options
  const believed = new Set(options.forwardedHeaders)
  return exchange => {
    try {
      acceptRequestId(exchange, trusted)
      const contradiction = applyForwarded(exchange, trusted, believed)
      if (contradiction !== null) {
        options.onRefused(exchange, contradiction)
        respond(exchange, contradiction)
        return
      }
      const result = entry.handler(exchange)
      if (result !== undefined) result.catch((error: Error) => failed(exchange, error, options))
    } catch (error) {
      failed(exchange, error as Error, options)
    }
  }
}

function failed(exchange: Exchange, error: Error, { onBug, respond }: ServeOptions): void {
  if (error instanceof ClientGoneError) return
  onBug(error, exchange)
  respond(exchange, error)
}
