/**
 * Gives each request to the handler that claims it. Runs in the gateway, and only while there is something to choose: one application
 * without path and hosts is called without this file.
 *
 * Invariant: what is chosen by its path is chosen by the path that the application sees. So a path with dot segments is replaced before
 * anybody looks at it, for all that comes after: static files, time-outs, PATH_INFO. The target stays as it was sent, for the log.
 */
import { HttpError } from '../http/errors.ts'
import type { Exchange, Handler } from '../http/exchange.ts'
import { resolveDots } from '../http/path.ts'
import type { Router } from './routes.ts'

export interface Dispatch {
  /** Read for each request: HUP replaces it. The handlers are in the order of the router's rules. */
  readonly table: () => { readonly route: Router; readonly handlers: readonly Handler[] }
  /** Answers with the error: 404 for a request that nobody claims, 400 for a path that servers read differently. */
  readonly refuse: (exchange: Exchange, error: HttpError) => void
}

export function dispatch({ table, refuse }: Dispatch): Handler {
  return exchange => {
    const error = withoutDots(exchange)
    if (error !== null) return refuse(exchange, error)
    const { route, handlers } = table()
    const handler = handlers[route(exchange.request)]
    if (handler === undefined) return refuse(exchange, new HttpError(404, 'No application has this path', 'client'))
    return handler(exchange)
  }
}

/** Replaces the path of the request if it has dot segments. Returns an error if they cannot be resolved in one way only. */
export function withoutDots(exchange: Pick<Exchange, 'request'>): HttpError | null {
  const { request } = exchange
  const path = resolveDots(request.path)
  if (path === request.path) return null
  if (path === null) return new HttpError(400, "The path has '..' after an empty segment (RFC3986§5.2.4)", 'client')
  exchange.request = { ...request, path }
  return null
}
