/**
 * What a location adds to the head of a response: `add_header`, `expires`, and the status that an error page has. A filter, put in front of
 * the response when a request comes to such a location. Runs in the gateway.
 *
 * The location that counts is the one where the request is when the head leaves, as in nginx.
 */
import type { ResponseHead } from '../../http/exchange.ts'
import { addFilter } from '../../http/filtered-response.ts'
import { fieldsWith } from '../../http/headers.ts'
import { percentEncoded } from '../../http/path.ts'
import { withHeaders } from '../../http/response-filter.ts'
import type { SiteRequest } from '../../routing/sites/site-request.ts'
import type { Expires } from '../../sites/model.ts'

/** Statuses of responses that `add_header` without `always`, and `expires`, are for. */
const USUAL: ReadonlySet<number> = new Set([200, 201, 204, 206, 301, 302, 303, 304, 307, 308])
/** What cannot stand in a field's value (RFC9110§5.5). A variable may have it. */
const NOT_IN_VALUE = /[\x00-\x08\x0a-\x1f\x7f]/g

/** Ten years, as nginx says `max`. */
const YEARS = 315_360_000

export function addHeadFields(request: SiteRequest): void {
  const { addHeaders, settings } = request.location
  const { kind } = settings.expires
  const changes =
    addHeaders.length > 0 ||
    (kind !== 'off' && kind !== 'auto') ||
    request.responseStatus !== 0 ||
    request.keptHeaders.length > 0
  if (!changes || request.isFiltered) return
  request.isFiltered = true
  addFilter(request.exchange, head => ({ head: changedHead(request, head), content: null }))
}

function changedHead(request: SiteRequest, given: ResponseHead): ResponseHead {
  const { addHeaders, settings } = request.location
  const status = request.responseStatus === 0 ? given.status : request.responseStatus
  // Nobody sees the head of a subrequest. A variable that it evaluates would keep the value for the client's request.
  if (request.of !== null) return status === given.status ? given : { ...given, status, reason: '' }
  const isUsual = USUAL.has(status)
  const merged = withKept(given.headers, request.keptHeaders)
  const headers = isUsual ? withExpires(merged, settings.expires) : [...merged]
  for (const { name, value, always } of addHeaders) {
    if (!always && !isUsual) continue
    const text = value(request).replace(NOT_IN_VALUE, percentEncoded)
    if (text !== '') headers.push(name, text)
  }
  return withHeaders(status === given.status ? given : { ...given, status, reason: '' }, headers)
}

/** The application's own fields in the place of those of a file. */
function withKept(headers: readonly string[], kept: readonly string[]): readonly string[] {
  if (kept.length === 0) return headers
  const names = new Set(kept.filter((_, i) => i % 2 === 0).map(name => name.toLowerCase()))
  return [...fieldsWith(headers, name => !names.has(name.toLowerCase())), ...kept]
}

function withExpires(headers: readonly string[], expires: Expires): string[] {
  if (expires.kind === 'off' || expires.kind === 'auto') return [...headers]
  const kept: string[] = []
  let modified = ''
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    if (name === 'last-modified') modified = headers[i + 1]!
    if (name !== 'cache-control' && name !== 'expires') kept.push(headers[i]!, headers[i + 1]!)
  }
  const { date, control } = timesOf(expires, modified)
  return [...kept, 'Expires', date, 'Cache-Control', control]
}

/** `modified`: Last-Modified of the response; empty: it has none. */
function timesOf(
  expires: Exclude<Expires, { readonly kind: 'off' | 'auto' }>,
  modified: string,
): { readonly date: string; readonly control: string } {
  const now = Date.now()
  switch (expires.kind) {
    case 'epoch':
      return { date: new Date(1000).toUTCString(), control: 'no-cache' }
    case 'max':
      return { date: new Date(Date.UTC(2037, 11, 31, 23, 55, 55)).toUTCString(), control: `max-age=${YEARS}` }
    case 'after': {
      const from = expires.modified && modified !== '' ? Date.parse(modified) : now
      const at = from + expires.seconds * 1000
      const left = Math.floor((at - now) / 1000)
      return { date: new Date(at).toUTCString(), control: left < 0 ? 'no-cache' : `max-age=${left}` }
    }
  }
}
