/**
 * The one place where a request is given to one of several applications. Runs in the gateway, and only while there is something to
 * choose: one application without path and hosts is called without this file.
 *
 * Invariant: what is chosen by its path is chosen by the path that the application sees. So a path with dot segments is replaced before
 * anybody looks at it, for all that comes after: static files, time-outs, PATH_INFO. The target stays as it was sent, for the log.
 * Not here: the rules (`routes.ts`), the pools of an application (`gateway/path-pools.ts`).
 */
import { HttpError } from '../http/errors.ts'
import type { Exchange, Handler } from '../http/exchange.ts'
import { resolveDots } from '../http/path.ts'
import type { FindRule } from './routes.ts'

export interface Target {
  /** For the logs; empty: there is only one application. */
  readonly name: string
  readonly handler: Handler
}

/**
 * `targets`: in the order of the rules. `refuse`: answers 404 where nobody claims the request, 400 for a path that servers read
 * differently.
 */
export function createRouter(
  findRule: FindRule,
  targets: readonly Target[],
  refuse: (exchange: Exchange, error: HttpError) => void,
): Handler {
  return exchange => {
    const error = withoutDots(exchange)
    if (error !== null) return refuse(exchange, error)
    const target = targets[findRule(exchange.request)]
    if (target === undefined) return refuse(exchange, new HttpError(404, 'No application has this path', 'client'))
    exchange.app = target.name
    return target.handler(exchange)
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
