/**
 * What is agreed on for the compression of messages (permessage-deflate, RFC7692), so that its memory has a bound.
 *
 * - No context takeover: neither side keeps a window between messages. Only then can a silent connection give its memory back
 *   (`connection.ts` does).
 * - Windows of 4 KiB: ours, and the client's where it lets us choose. So compressing takes 32 KiB and inflating 11 KiB; zlib's defaults
 *   take 268 and 44. The `websockets` package, and so uvicorn, has the same sizes.
 */
import { DEFLATE, type Offer, type PerMessageDeflate, parts } from './ws.ts'

const WINDOW_BITS = 12
const MEMORY_LEVEL = 5
/** zlib cannot compress with a window of 8 bits. It takes 9 instead, and a client that said 8 cannot inflate that. */
const LEAST_WINDOW_BITS = 9
const DEFAULT_WINDOW_BITS = 15
/** Bytes. Smaller messages are not compressed: they fit into one packet anyway, so compressing costs more than it saves. */
const THRESHOLD = 1024

export type DeflateTerms = Readonly<Record<string, unknown>>

/** The first offer that we can meet, with our parameters; null when there is none. A malformed offer counts as none (RFC7692§7.1). */
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
    // We may only choose the client's window if its offer says that it supports this (RFC7692§7.1.2.2).
    if (client !== undefined)
      options['clientMaxWindowBits'] = Math.min(WINDOW_BITS, client === true ? WINDOW_BITS : Number(client))
    try {
      const { PerMessageDeflate } = parts()
      return new PerMessageDeflate(options).accept([offer])
    } catch {
      // Try the next offer.
    }
  }
  return null
}

/** The window of the client's messages; null: no compression is agreed on. */
export function clientWindowBits(terms: DeflateTerms | null): number | null {
  if (terms === null) return null
  const bits = terms['client_max_window_bits']
  return typeof bits === 'number' ? bits : DEFAULT_WINDOW_BITS
}

/** The extensions of one connection's sender. They take memory with the first message. */
export function extensionsFor(terms: DeflateTerms | null): Record<string, PerMessageDeflate> {
  if (terms === null) return {}
  const { PerMessageDeflate } = parts()
  const deflate = new PerMessageDeflate({
    isServer: true,
    threshold: THRESHOLD,
    zlibDeflateOptions: { memLevel: MEMORY_LEVEL },
  })
  deflate.params = terms
  return { [DEFLATE]: deflate }
}
