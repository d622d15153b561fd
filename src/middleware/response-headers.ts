/** Adds headers to every response, in front of its own. Around every request, where `response-header` is given. */
import type { Middleware } from '../http/exchange.ts'
import { addFilter } from '../http/filtered-response.ts'
import { type ResponseFilter, withHeaders } from '../http/response-filter.ts'

export function responseHeaders(headers: readonly string[]): Middleware {
  const filter: ResponseFilter = head => ({ head: withHeaders(head, [...headers, ...head.headers]), content: null })
  return next => exchange => {
    addFilter(exchange, filter)
    return next(exchange)
  }
}
