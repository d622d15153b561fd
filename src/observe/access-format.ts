/**
 * One line of the access log in the combined format that every log reader knows, followed by the seconds the exchange took:
 * `127.0.0.1 - - [21/Nov/2026:10:20:30 +0000] "GET /a HTTP/1.1" 200 123 "referer" "user agent" 0.004`.
 */
import type { Exchange } from '../http/exchange.ts'
import { headerValue } from '../http/headers.ts'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
/** Longest piece of a line that a client chooses: enough for any real URL and agent, and lines stay readable. */
const MAX_FIELD = 2048

export function accessLine(exchange: Exchange, now: number): string {
  const { request, response, peer } = exchange
  const seconds = ((now - exchange.receivedAt) / 1000).toFixed(3)
  // 499: the client left before there was an answer, as nginx logs it.
  const status = response.status === 0 ? 499 : response.status
  const line = `${request.method} ${request.target} HTTP/${request.version}`
  const referer = headerValue(request.headers, 'referer') ?? '-'
  const agent = headerValue(request.headers, 'user-agent') ?? '-'
  return (
    `${peer.address || '-'} - - [${clfTime()}] "${quoted(line)}" ${status} ${response.bytesWritten} ` +
    `"${quoted(referer)}" "${quoted(agent)}" ${seconds}\n`
  )
}

/** Quotes, backslashes and whatever is not printable ASCII are escaped, so no client can forge a line or a terminal command. */
function quoted(text: string): string {
  const bounded = text.length > MAX_FIELD ? `${text.slice(0, MAX_FIELD)}…` : text
  return bounded.replace(/["\\\x00-\x1f\x7f-\uffff]/g, escapeCharacter)
}

function escapeCharacter(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`
  return character === '…' ? '...' : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
}

let cachedSecond = -1
let cachedTime = ''

/** UTC, computed once a second. */
function clfTime(): string {
  const now = Date.now()
  const second = Math.floor(now / 1000)
  if (second !== cachedSecond) {
    const date = new Date(now)
    const two = (n: number) => String(n).padStart(2, '0')
    const clock = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`
    cachedTime = `${two(date.getUTCDate())}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}:${clock} +0000`
    cachedSecond = second
  }
  return cachedTime
}
