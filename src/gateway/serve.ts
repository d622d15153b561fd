/**
 * From an exchange to its handler, whatever the protocol: believes trusted proxies, calls the handler, and turns what
 * goes wrong into the one response or the one cut. Imports nothing of http1: that keeps the seam honest.
 */
import { ClientGoneError, type HttpError } from '../http/errors.ts'
import type { Exchange, Handler } from '../http/exchange.ts'
import { applyForwarded } from '../http/forwarded.ts'
import { acceptRequestId } from '../http/request-id.ts'
import type { TrustedProxies } from '../http/trusted-proxies.ts'

export interface ServeOptions {
  readonly handler: Handler
  readonly trusted: TrustedProxies
  /** Lower-case: the headers in which trusted proxies speak for clients. */
  readonly forwardedHeaders: readonly string[]
  /** A request that no handler sees, before it is answered; the message says why. */
  readonly onRefused: (exchange: Exchange, error: HttpError) => void
  /** The one answer, or the one cut. */
  readonly respond: (exchange: Exchange, error: Error) => void
  /** Errors that nobody expected: bugs of ours, with their stack. */
  readonly onBug: (error: Error, exchange: Exchange) => void
}

/** Returns what a protocol calls with each new exchange. */
export function createServe(options: ServeOptions): (exchange: Exchange) => void {
  const { handler, trusted, respond } = options
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
      const result = handler(exchange)
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
