/** Compresses responses. Around every request, where `compress` is on and there are no sites, which have filters of their own. */
import type { Encoders } from '../compression/encoders.ts'
import { compressionFilter } from '../compression/filter.ts'
import type { Middleware } from '../http/exchange.ts'
import { addFilter } from '../http/filtered-response.ts'
import type { Compression } from '../sites/model.ts'

export function compression(settings: Compression, encoders: Encoders): Middleware {
  const filter = compressionFilter(settings, encoders)
  return next => exchange => {
    addFilter(exchange, filter)
    return next(exchange)
  }
}
