/**
 * Answers the health checks of load balancers and orchestrators. The gateway answers them itself, also while every slot is busy and while
 * the program drains. Liveness: the event loop of this gateway runs. Readiness: a request would be served. This middleware is the
 * outermost: no check reaches the application, static files or the access log, where a check a second would be most of the lines.
 */
import type { HealthPaths } from '../config/types.ts'
import type { Exchange, Middleware } from '../http/exchange.ts'

/** `whyNotReady`: null while a request would be served. */
export function health({ live, ready }: HealthPaths, whyNotReady: () => string | null): Middleware {
  return next => exchange => {
    const { path } = exchange.request
    if (path === live) {
      answer(exchange, 200, 'alive')
    } else if (path === ready) {
      const reason = whyNotReady()
      if (reason === null) answer(exchange, 200, 'ready')
      else answer(exchange, 503, `not ready: ${reason}`)
    } else {
      return next(exchange)
    }
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
