/**
 * Compression of messages (RFC7692), with a bound on its memory. Neither side keeps what it compressed before (no context
 * takeover): only so can the memory of a silent connection be given back (`connection.ts` does). A window of 4 KiB on our side, and on
 * the client's where it lets us choose: 32 KiB to compress and 11 KiB to inflate, where zlib's defaults are 268 and 44. The
 * `websockets` package, and with it uvicorn, has the same sizes.
 */
import { DEFLATE, type Offer, PerMessageDeflate } from './ws.ts'

const WINDOW_BITS = 12
const MEMORY_LEVEL = 5
/** zlib has no window of 8 bits to compress with: it takes 9, which a client that said 8 cannot inflate. */
const LEAST_WINDOW_BITS = 9
const DEFAULT_WINDOW_BITS = 15
/** Smaller messages are sent as they are: they fit into one packet anyway, and compressing costs more than it saves. */
const THRESHOLD = 1024

export type DeflateTerms = Readonly<Record<string, unknown>>

/** The first offer that we can meet, with what we add to it; null when there is none. What is malformed is none (RFC7692§7.1). */
export function acceptDeflate(offers: readonly Offer[]): DeflateTerms | null {
  for (const offer of offers) {
    const server = Number(offer['server_max_window_bits']?.[0] ?? DEFAULT_WINDOW_BITS)
    if (server < LEAST_WINDOW_BITS) continue
    const client = offer['client_max_window_bits']?.[0]
    const options: Record<string, unknown> = {
      isServer: true,
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      serverMaxWindowBits: Math.min(WINDOW_BITS, server),
    }
    // Of a client that has not said that it can choose its window, none may be asked (RFC7692§7.1.2.2).
    if (client !== undefined)
      options['clientMaxWindowBits'] = Math.min(WINDOW_BITS, client === true ? WINDOW_BITS : Number(client))
    try {
      return new PerMessageDeflate(options).accept([offer])
    } catch {
      // The next one may do.
    }
  }
  return null
}

/** Of the client's messages; null: none is agreed on. */
export function clientWindowBits(terms: DeflateTerms | null): number | null {
  if (terms === null) return null
  const bits = terms['client_max_window_bits']
  return typeof bits === 'number' ? bits : DEFAULT_WINDOW_BITS
}

/** For what one connection sends; takes memory with the first message only. */
export function extensionsFor(terms: DeflateTerms | null): Record<string, PerMessageDeflate> {
  if (terms === null) return {}
  const deflate = new PerMessageDeflate({
    isServer: true,
    threshold: THRESHOLD,
    zlibDeflateOptions: { memLevel: MEMORY_LEVEL },
  })
  deflate.params = terms
  return { [DEFLATE]: deflate }
}
