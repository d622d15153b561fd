/**
 * What CGI (RFC 3875) makes of a request's headers: their names as variables, and the headers that do not become one. WSGI's environ has
 * the same rules (PEP 3333). Pure.
 */
import type { HeaderLines } from './headers.ts'

/**
 * Headers that do not become `HTTP_…` as they came. Content-Length has a variable of its own with the true length. Transfer coding is
 * undone. Host is written from the authority, which takes precedence (RFC9112§3.2.2). `Proxy` would become HTTP_PROXY, which libraries
 * of the application take for the proxy of their own requests ("httpoxy"). X-Request-ID is always the exchange's id.
 */
export const NOT_PASSED: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'proxy',
  'x-request-id',
])

/** `accept-encoding` → `HTTP_ACCEPT_ENCODING`. A header can make no name but its own `HTTP_…` and CONTENT_TYPE. `name`: lower-case. */
export function cgiName(name: string): string {
  return name === 'content-type' ? 'CONTENT_TYPE' : `HTTP_${name.toUpperCase().replaceAll('-', '_')}`
}

/** A variable has one value: joins the values of each name by commas (RFC9110§5.3), cookies by `; ` (RFC6265§5.4). */
export function mergeRepeated(headers: HeaderLines): HeaderLines {
  const merged = new Map<string, string>()
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const before = merged.get(name)
    const separator = name === 'cookie' ? '; ' : ','
    merged.set(name, before === undefined ? headers[i + 1]! : before + separator + headers[i + 1]!)
  }
  return [...merged].flat()
}
