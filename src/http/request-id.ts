/** The id of a request, which each log line about it has: a trusted proxy's X-Request-ID, or made here. */
import type { Exchange } from './exchange.ts'
import type { TrustedProxies } from './trusted-proxies.ts'

/** Eight random characters tell two gateways, and two runs, apart. No request costs a random number. */
const PREFIX = Math.floor(Math.random() * 36 ** 8)
  .toString(36)
  .padStart(8, '0')
/** All pairs of two digits in base 36: joining two strings is cheaper than formatting a number. */
const LAST = Array.from({ length: 36 ** 2 }, (_, number) => number.toString(36).padStart(2, '0'))
let first = ''
let made = 0

/** What proxies send: UUIDs, hex, base64, `1-67891233-abcdef`. No character that could end a field or a line of the log. */
const SYNTAX = /^[A-Za-z0-9._:@/+=-]{1,128}$/

export function makeRequestId(): string {
  const last = made % LAST.length
  if (last === 0) first = `${PREFIX}-${(made / LAST.length).toString(36)}`
  made++
  return first + LAST[last]!
}

/** Takes the X-Request-ID of a trusted proxy; of several the last, which is the nearest proxy's. Anyone else's is ignored. */
export function acceptRequestId(exchange: Exchange, trusted: TrustedProxies): void {
  const { headers } = exchange.request
  let id = ''
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === 'x-request-id') id = headers[i + 1]!
  if (id !== '' && trusted.isTrusted(exchange.peer.socketAddress) && SYNTAX.test(id)) exchange.id = id
}
