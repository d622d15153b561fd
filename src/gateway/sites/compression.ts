/**
 * Compression of what is answered in a site: each location has its own filter, made when it is first needed. Runs in the gateway.
 *
 * The location that counts is the one where the request is when the head leaves. It stands nearer to the client than what locations add to the
 * head, as in nginx: an added `Cache-Control: no-transform` counts.
 */
import type { Encoders } from '../../compression/encoders.ts'
import { compressionFilter } from '../../compression/filter.ts'
import { addFilter } from '../../http/filtered-response.ts'
import type { ResponseFilter } from '../../http/response-filter.ts'
import type { SiteRequest } from '../../routing/sites/site-request.ts'
import type { Compression, Location, SitesModel } from '../../sites/model.ts'

/** What is called when a request comes to a location. Null: no location compresses responses. */
export function siteCompression(model: SitesModel, encoders: Encoders): ((request: SiteRequest) => void) | null {
  if (!model.sites.some(({ root, locations }) => [root, ...locations].some(compressesResponses))) return null
  const filters = new Map<Compression, ResponseFilter>()
  const filterOf = (compression: Compression) => {
    const known = filters.get(compression)
    if (known !== undefined) return known
    const filter = compressionFilter(compression, encoders)
    filters.set(compression, filter)
    return filter
  }
  return request => {
    if (!request.location.settings.compression.responses || request.isCompressed) return
    request.isCompressed = true
    addFilter(request.exchange, (head, exchange) => {
      const { compression } = request.location.settings
      return compression.responses ? filterOf(compression)(head, exchange) : { head, content: null }
    })
  }
}

function compressesResponses({ settings, locations }: Location): boolean {
  return settings.compression.responses || locations.some(compressesResponses)
}
