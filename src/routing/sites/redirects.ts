/**
 * The Location of a redirect. What a client has chosen of it cannot end the header, and a path cannot become the name of another host.
 * Runs in the gateway; pure.
 */
import { percentEncoded } from '../../http/path.ts'
import type { SiteRequest } from './site-request.ts'

/** Control characters, blanks and what no URL has (RFC3986§2). Escapes stay as they are. */
const NOT_IN_URL = /[\x00-\x20\x7f-\xff"<>\\^`{|}]/g

/** `url`: a path, or absolute. As `absolute_redirect` says, a path gets scheme and host. */
export function redirectUrl(request: SiteRequest, url: string): string {
  const safe = url.replace(NOT_IN_URL, percentEncoded)
  if (!safe.startsWith('/')) return safe
  // `//x` is a host to a browser. A configuration says `https://x`; `//x` comes from a path that a client has sent.
  const path = safe.replace(/^\/{2,}/, '/')
  const { absoluteRedirect, portInRedirect } = request.location.settings
  if (!absoluteRedirect) return path
  const { scheme } = request.exchange.request
  const { port } = request.exchange.local
  const isUsual = port === 0 || port === (scheme === 'https' ? 443 : 80)
  return `${scheme}://${request.host}${portInRedirect && !isUsual ? `:${port}` : ''}${path}`
}
