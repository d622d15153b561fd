/**
 * Tells browsers to use https alone for a while (RFC6797§6.1). Around every request, where `hsts` is on. An application that says it by
 * itself is right.
 */
import type { Middleware } from '../http/exchange.ts'
import { addFilter } from '../http/filtered-response.ts'
import { type ResponseFilter, withHeaders } from '../http/response-filter.ts'

const NAME = 'Strict-Transport-Security'

/** `seconds`: how long. */
export function hsts(seconds: number): Middleware {
  const filter: ResponseFilter = head => {
    for (let i = 0; i < head.headers.length; i += 2)
      if (head.headers[i]!.toLowerCase() === 'strict-transport-security') return { head, content: null }
    return { head: withHeaders(head, [...head.headers, NAME, `max-age=${seconds}`]), content: null }
  }
  return next => exchange => {
    // Not on a plain connection (RFC6797§7.2).
    if (exchange.local.tls !== null) addFilter(exchange, filter)
    return next(exchange)
  }
}
