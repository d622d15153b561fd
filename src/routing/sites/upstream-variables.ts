/**
 * Variables about who has answered: `$upstream_…`, `$proxy_…`. Of an upstream they are nginx's, with one value for each server that was asked
 * (`a, b`), and ` : ` where an order or an error page has led to another upstream. An application has some of them: it is what nginx would
 * have passed the request on to. Runs in the gateway; pure.
 *
 * Not here: who writes the tries down (`upstream/call-record.ts`).
 */
import type { UpstreamTry } from '../../http/upstream-try.ts'
import type { Evaluate, SiteRequest } from './site-request.ts'

export const UPSTREAM_VARIABLES: readonly (readonly [string, Evaluate])[] = [
  ['upstream_addr', r => listed(r, ({ address }) => address)],
  ['upstream_status', status],
  ['upstream_queue_time', r => listed(r, ({ queueMs }) => seconds(queueMs))],
  ['upstream_connect_time', r => listed(r, ({ connectMs }) => seconds(connectMs))],
  ['upstream_header_time', r => listed(r, ({ headMs }) => seconds(headMs))],
  ['upstream_response_time', responseTime],
  ['upstream_bytes_sent', r => listed(r, ({ sent }) => String(sent))],
  ['upstream_bytes_received', r => listed(r, ({ received }) => String(received))],
  ['upstream_response_length', r => listed(r, ({ length }) => String(length))],
  ['proxy_host', r => r.location.proxy?.named(r).host ?? ''],
  ['proxy_port', r => r.location.proxy?.named(r).port ?? ''],
  ['proxy_add_x_forwarded_for', addedForwardedFor],
]

/** By the beginning of their names; what follows is the name of a field or a cookie, in lower case. */
export const UPSTREAM_PREFIXES: readonly (readonly [string, (name: string) => Evaluate])[] = [
  ['upstream_http_', name => fieldOfAnswer(name.replaceAll('_', '-'))],
  ['upstream_cookie_', name => r => cookieOfAnswer(r, name)],
  ['upstream_trailer_', name => trailer(name.replaceAll('_', '-'))],
]

/** These need that the tries are written down; of the others a request has the values anyway. */
export function needsTries(variable: string): boolean {
  return /^upstream_(?!http_|cookie_)/.test(variable)
}

function listed({ passedOn }: SiteRequest, textOf: (one: UpstreamTry) => string): string {
  let text = ''
  for (const { tries } of passedOn) {
    if (tries.length === 0) continue
    if (text !== '') text += ' : '
    text += tries.map(textOf).join(', ')
  }
  return text
}

function status(request: SiteRequest): string {
  if (request.passedOn.length > 0) return listed(request, one => (one.status === 0 ? '-' : String(one.status)))
  return String(request.answer?.status ?? '')
}

/** Of an application: the time in its queue, and that in a worker. */
function responseTime(request: SiteRequest): string {
  if (request.passedOn.length > 0) return listed(request, ({ endMs }) => seconds(endMs))
  const { queueMillis, runMicros } = request.exchange
  return runMicros < 0 ? '' : seconds(Math.max(0, queueMillis) + runMicros / 1000)
}

/** As nginx: `0.012`; `-`: it has not come so far. */
export function seconds(ms: number): string {
  if (ms < 0) return '-'
  const whole = Math.floor(ms)
  const rest = whole % 1000
  const zeros = rest < 10 ? '00' : rest < 100 ? '0' : ''
  return `${(whole - rest) / 1000}.${zeros}${rest}`
}

function fieldOfAnswer(name: string): Evaluate {
  return ({ answer }) => (answer === null ? '' : valuesOf(answer.headers, name))
}

function trailer(name: string): Evaluate {
  return ({ passedOn }) => {
    const last = passedOn.at(-1)
    return last === undefined ? '' : valuesOf(last.trailers, name)
  }
}

/** Of lines as they were spelled. */
export function valuesOf(lines: readonly string[], name: string): string {
  let text = ''
  let isThere = false
  for (let i = 0; i < lines.length; i += 2) {
    if (lines[i]!.toLowerCase() !== name) continue
    text = isThere ? `${text}, ${lines[i + 1]}` : lines[i + 1]!
    isThere = true
  }
  return text
}

function cookieOfAnswer({ answer }: SiteRequest, name: string): string {
  const lines = answer?.headers ?? []
  for (let i = 0; i < lines.length; i += 2) {
    if (lines[i]!.toLowerCase() !== 'set-cookie') continue
    const value = lines[i + 1]!
    const equal = value.indexOf('=')
    if (equal !== name.length || value.slice(0, equal).toLowerCase() !== name) continue
    const end = value.indexOf(';', equal)
    return value.slice(equal + 1, end < 0 ? value.length : end).trim()
  }
  return ''
}

/** What the client has said of itself stands in it, so its first address may be a lie. What Jumak sends by itself has none of it. */
function addedForwardedFor({ exchange: { request, peer } }: SiteRequest): string {
  const said = valuesOf(request.headers, 'x-forwarded-for')
  const client = peer.address || 'unix:'
  return said === '' ? client : `${said}, ${client}`
}
