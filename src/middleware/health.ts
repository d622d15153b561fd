/**
 * Answers the health checks of load balancers and orchestrators. The gateway answers them itself, also while every slot is busy and while
 * the program drains. Liveness: the event loop of this gateway runs. Readiness: a request would be served, whichever application it is
 * for. Where there are several, each is asked for at the same path with its name behind it: `/-/ready/shop`.
 * This middleware is the outermost: no check reaches the application, static files or the access log, where a check a second would be most
 * of the lines.
 */
import type { HealthPaths } from '../config/types.ts'
import type { Exchange, Middleware } from '../http/exchange.ts'

/** Why a request would not be served; null while it would be. */
export type WhyNotReady = () => string | null

/** `all`: of all applications. `each`: of one, by its name; empty where there is only one. */
export function health(
  { live, ready }: HealthPaths,
  all: WhyNotReady,
  each: ReadonlyMap<string, WhyNotReady> = new Map(),
): Middleware {
  const ofOne = new Map(ready === null ? [] : [...each].map(([name, why]) => [`${ready}/${name}`, why]))
  return next => exchange => {
    const { path } = exchange.request
    if (path === live) {
      answer(exchange, 200, 'alive')
      return
    }
    const whyNotReady = path === ready ? all : ofOne.size === 0 ? undefined : ofOne.get(path)
    if (whyNotReady === undefined) return next(exchange)
    const reason = whyNotReady()
    if (reason === null) answer(exchange, 200, 'ready')
    else answer(exchange, 503, `not ready: ${reason}`)
  }
}

function answer({ request, response }: Exchange, status: number, text: string): void {
  // RFC9110§15.5.6
  const isAllowed = request.method === 'GET' || request.method === 'HEAD'
  const content = Buffer.from(isAllowed ? `${text}\n` : 'only GET and HEAD\n')
  const headers = ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', String(content.length)]
  headers.push('Cache-Control', 'no-store')
  if (!isAllowed) headers.push('Allow', 'GET, HEAD')
  response.respond({ status: isAllowed ? status : 405, reason: '', headers }, content)
}
