/**
 * Keeps requests on connections with TLS to the rules of the host that they name. Around every request, but only where hosts differ in their
 * rules, or clients are asked for a certificate.
 *
 * A connection was made for one name (SNI), and a request on it may name another one in Host. That is ordinary (health checks, proxies), and
 * refused only where the two names have different rules: a client without a certificate must not reach a host that requires one.
 */
import { HttpError } from '../http/errors.ts'
import type { Exchange, Middleware } from '../http/exchange.ts'

export interface ClientCertificateOptions {
  /** The rules of the host that a request names (`TlsFacts.policy`); null: no certificate is for it. */
  readonly policyOf: (authority: string) => string | null
  /** Clients without a certificate are let in under these rules. */
  readonly isOptional: (policy: string) => boolean
  readonly refuse: (exchange: Exchange, error: HttpError) => void
}

export function clientCertificates({ policyOf, isOptional, refuse }: ClientCertificateOptions): Middleware {
  return next => exchange => {
    const { tls } = exchange.local
    if (tls === null) return next(exchange)
    const policy = policyOf(exchange.request.authority)
    if (policy !== null && policy !== tls.policy) {
      const message = 'This connection was made for another host, which has other rules: make a new one for this host'
      return refuse(exchange, new HttpError(421, message, 'client'))
    }
    if (tls.client === null) return next(exchange)
    const { verify } = tls.client
    if (verify === 'SUCCESS' || (verify === 'NONE' && isOptional(tls.policy))) return next(exchange)
    const why =
      verify === 'NONE'
        ? 'This host requires a client certificate'
        : `The client certificate was refused: ${verify.slice('FAILED:'.length)}`
    return refuse(exchange, new HttpError(400, why, 'client', undefined, ['Connection', 'close']))
  }
}
