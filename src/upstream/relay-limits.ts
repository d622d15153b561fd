/** How much of a response is kept for a slow client. Runs in the gateway, once for each response of a server. */
import type { RelayLimits } from '../apps/worker/relay.ts'
import type { UpstreamHead } from './response-head.ts'
import type { CallRules } from './tries.ts'

/** What a server may be ahead of its client without buffering: two reads of its connection. */
const SMALL_BUFFER = 128 * 1024
const X_ACCEL_BUFFERING = 'x-accel-buffering'

/** `limits`: with buffering. */
export function limitsFor(head: UpstreamHead, rules: CallRules, limits: RelayLimits): RelayLimits {
  return buffersOf(head, rules) ? limits : { ...limits, memoryBuffer: SMALL_BUFFER, responseBuffer: SMALL_BUFFER }
}

/** `proxy_buffering`, unless the server says something else for this response. */
function buffersOf({ headers }: UpstreamHead, { buffers, hearsBuffering }: CallRules): boolean {
  if (!hearsBuffering) return buffers
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (name.length !== X_ACCEL_BUFFERING.length || name.toLowerCase() !== X_ACCEL_BUFFERING) continue
    const value = headers[i + 1]!.toLowerCase()
    return value === 'yes' || (value === 'no' ? false : buffers)
  }
  return buffers
}
