/**
 * Redirects requests on plain connections to https, to the same host and target. Around every request, where `redirect-to-https` is on.
 *
 * Only to a host that one of our certificates names: Host is the client's, and a redirect to anywhere is a gift to phishers. What a
 * certificate authority asks for before it issues a certificate (RFC8555§8.3) must be answered without TLS. Health checks are answered
 * before this.
 */
import { HttpError } from '../http/errors.ts'
import type { Exchange, Middleware } from '../http/exchange.ts'

const CHALLENGES = '/.well-known/acme-challenge/'
const DEFAULT_PORT = 443

export interface HttpsRedirectOptions {
  /** Of the address that speaks TLS. */
  readonly port: number
  /** The host that a request names, without its port, if a certificate is for it; null: none is. */
  readonly hostOf: (authority: string) => string | null
  readonly refuse: (exchange: Exchange, error: HttpError) => void
}

/** The standard one, or that of the first listener that speaks TLS; 0: none has a port. */
export function httpsPortOf(listeners: readonly { readonly scheme: string; readonly port: number }[]): number {
  const ports = listeners.filter(({ scheme, port }) => scheme === 'https' && port > 0).map(({ port }) => port)
  return ports.includes(DEFAULT_PORT) ? DEFAULT_PORT : (ports[0] ?? 0)
}

export function httpsRedirect({ port, hostOf, refuse }: HttpsRedirectOptions): Middleware {
  const suffix = port === DEFAULT_PORT ? '' : `:${port}`
  return next => exchange => {
    const { request, response } = exchange
    // A trusted proxy in front may have spoken TLS.
    if (request.scheme === 'https' || request.path.startsWith(CHALLENGES)) return next(exchange)
    const host = hostOf(request.authority)
    if (host === null)
      return refuse(exchange, new HttpError(421, 'No certificate of this server is for this host', 'client'))
    const query = request.query === '' ? '' : `?${request.query}`
    const path = request.path.startsWith('/') ? request.path : '/'
    const headers = ['Location', `https://${host}${suffix}${path}${query}`, 'Content-Length', '0']
    response.respond({ status: 308, reason: '', headers }, Buffer.alloc(0))
  }
}
