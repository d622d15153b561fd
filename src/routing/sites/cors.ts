/**
 * CORS: which pages of other sites may read responses, told to browsers (Fetch Standard §3.2). Compiled when the configuration is loaded;
 * runs in the gateway. Pure.
 *
 * Invariants: an origin is answered with itself or not at all, and with `Vary: Origin`, so no cache gives it to another. What an application
 * says of it stays: two answers would be none.
 */
import { HttpError } from '../../http/errors.ts'
import { headerValue } from '../../http/headers.ts'
import type { Cors } from '../../sites/model.ts'
import type { CompiledCors, SiteRequest } from './site-request.ts'

const ALLOW_ORIGIN = 'Access-Control-Allow-Origin'

export function compileCors({ origins, methods, headers, exposed, credentials, maxAge }: Cors): CompiledCors {
  const isAllowed = originMatcher(origins)
  // A browser takes no `*` with cookies, and the settings refuse it.
  const isForAll = origins.includes('*')
  const allow = (origin: string): string[] => [
    ALLOW_ORIGIN,
    isForAll ? '*' : origin,
    ...(credentials ? ['Access-Control-Allow-Credentials', 'true'] : []),
  ]
  const permitted = [
    ...['Access-Control-Allow-Methods', methods.join(', ')],
    ...['Access-Control-Allow-Headers', headers.join(', ')],
    ...['Access-Control-Max-Age', String(maxAge)],
    ...(isForAll ? [] : ['Vary', 'Origin']),
  ]
  return {
    preflight: request => {
      const { method, headers: sent } = request.exchange.request
      if (method !== 'OPTIONS' || headerValue(sent, 'access-control-request-method') === undefined) return null
      const origin = headerValue(sent, 'origin')
      if (origin === undefined) return null
      return isAllowed(origin)
        ? [...allow(origin), ...permitted]
        : new HttpError(403, 'Pages of this origin may not ask here', 'client')
    },
    fields: (request, given) => {
      if (has(given, 'access-control-allow-origin')) return []
      const vary = isForAll ? [] : ['Vary', 'Origin']
      const origin = originOf(request)
      if (origin === undefined || !isAllowed(origin)) return vary
      const exposes = exposed.length === 0 ? [] : ['Access-Control-Expose-Headers', exposed.join(', ')]
      return [...allow(origin), ...exposes, ...vary]
    },
  }
}

function originOf({ exchange: { request } }: SiteRequest): string | undefined {
  return headerValue(request.headers, 'origin')
}

/** `name` in lower case. */
function has(headers: readonly string[], name: string): boolean {
  for (let i = 0; i < headers.length; i += 2) if (headers[i]!.toLowerCase() === name) return true
  return false
}

/** A `*` stands for names below a domain, never for the domain itself, nor for a port. */
function originMatcher(origins: readonly string[]): (origin: string) => boolean {
  if (origins.includes('*')) return () => true
  const exact = new Set(origins.filter(one => !one.includes('*')))
  const wild = origins.filter(one => one.includes('*')).map(one => one.split('*') as [string, string])
  return origin =>
    exact.has(origin) ||
    wild.some(
      ([before, after]) =>
        origin.length > before.length + after.length &&
        origin.startsWith(before) &&
        origin.endsWith(after) &&
        /^[a-z0-9.-]+$/.test(origin.slice(before.length, origin.length - after.length)),
    )
}
