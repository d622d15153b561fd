/** The name of a request in every log line about it: accepted from a trusted proxy, else made here. */
import type { Exchange } from './exchange.ts'
import type { TrustedProxies } from './trusted-proxies.ts'

/** Eight random letters tell two gateways, and two runs, apart; no random number is drawn for a request. */
const PREFIX = Math.floor(Math.random() * 36 ** 8)
  .toString(36)
  .padStart(8, '0')
/** The last two digits, base 36: to write a number costs more than to join two strings. */
const LAST = Array.from({ length: 36 ** 2 }, (_, number) => number.toString(36).padStart(2, '0'))
let first = ''
let made = 0

/** What proxies send: UUIDs, hex, base64, `1-67891233-abcdef`. Nothing that could end a log field or a line. */
const SYNTAX = /^[A-Za-z0-9._:@/+=-]{1,128}$/

export function makeRequestId(): string {
  const last = made % LAST.length
  if (last === 0) first = `${PREFIX}-${(made / LAST.length).toString(36)}`
  made++
  return first + LAST[last]!
}

/** Believes the X-Request-ID of a trusted proxy: of several the last, which is the nearest proxy's. Anyone else's is replaced. */
export function acceptRequestId(exchange: Exchange, trusted: TrustedProxies): void {
  const { headers } = exchange.request
  let id = ''
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === 'x-request-id') id = headers[i + 1]!
  if (id !== '' && trusted.isTrusted(exchange.peer.socketAddress) && SYNTAX.test(id)) exchange.id = id
}
