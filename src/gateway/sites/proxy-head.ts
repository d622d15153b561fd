/**
 * The heads of a proxied request and of its response, as the configuration wants them: which fields a server gets, and which a client. Pure but
 * for the request's own values. Runs in the gateway for each proxied request, and in `jumak explain`.
 *
 * Invariant: what a client says of itself (X-Forwarded-For and its like) never reaches a server as if it were known: the fields say what
 * Jumak knows, which includes what trusted proxies have said (`http/forwarded.ts`).
 * Not here: fields of the connection and the framing (`upstream/request-head.ts`).
 */
import { FORWARDED_HEADERS } from '../../base/forwarded-headers.ts'
import { TOKEN } from '../../base/token.ts'
import type { ResponseHead } from '../../http/exchange.ts'
import { fieldsWith, type HeaderLines } from '../../http/headers.ts'
import { percentEncoded } from '../../http/path.ts'
import type { CompiledProxy, Rewrite, SiteRequest } from '../../routing/sites/site-request.ts'
import type { ProxySettings } from '../../sites/upstream-model.ts'
import { passedFields } from '../../upstream/request-head.ts'
import type { UpstreamHead } from '../../upstream/response-head.ts'
import { withHeadFields } from './head-fields.ts'
import { LOOP_FIELD, loopMark } from './loop-mark.ts'
import { isOrder } from './orders.ts'

/** A client's own words about who it is. */
export const ABOUT_CLIENT: readonly string[] = [...FORWARDED_HEADERS, 'x-real-ip', 'x-request-id']
/** What of a client's fields is replaced by ours. */
const REPLACED: readonly string[] = [...ABOUT_CLIENT, LOOP_FIELD.toLowerCase()]
/** What cannot stand in a field's value (RFC9110§5.5). A variable may have it. */
const NOT_IN_VALUE = /[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/g

/** Which of a client's fields are not passed on. One set for each location. */
const replacedBy = new WeakMap<CompiledProxy, ReadonlySet<string>>()

/** All fields of the request but those of the connection and the framing. Host comes first. Throws HttpError 508 (`loop-mark.ts`). */
export function proxiedFields(proxy: CompiledProxy, request: SiteRequest): HeaderLines {
  const { exchange } = request
  const own = ownFields(request)
  const sent = request.location.settings.proxy.passesHeaders ? exchange.request.headers : NO_FIELDS
  if (proxy.setHeaders.length === 0) {
    own.push(...passedFields(sent, EVERYWHERE))
    return own
  }
  let replaced = replacedBy.get(proxy)
  if (replaced === undefined) {
    replaced = new Set([...REPLACED, ...proxy.setHeaders.map(({ name }) => name.toLowerCase())])
    replacedBy.set(proxy, replaced)
  }
  const lines: HeaderLines = []
  for (let i = 0; i < own.length; i += 2)
    if (!proxy.setHeaders.some(({ name }) => name.toLowerCase() === own[i]!.toLowerCase()))
      lines.push(own[i]!, own[i + 1]!)
  for (const { name, value } of proxy.setHeaders) {
    const text = value(request).replace(NOT_IN_VALUE, percentEncoded)
    if (text === '') continue
    if (name.toLowerCase() === 'host') lines.unshift(name, text)
    else lines.push(name, text)
  }
  lines.push(...passedFields(sent, replaced))
  return lines
}

const NO_FIELDS: readonly string[] = []
const EVERYWHERE: ReadonlySet<string> = new Set(REPLACED)

function ownFields(of: SiteRequest): HeaderLines {
  const { exchange, site, location } = of
  const { request, peer } = exchange
  const { authority, scheme, rootPath } = request
  // HTTP/1.0 may name no host, and a server needs one (RFC9112§3.2).
  const host = authority || site.firstName || location.proxy!.named(of).host
  const lines = ['Host', host]
  const { forwarded } = location.settings.proxy
  // Each proxy on the way has added the address that it saw; of them only ours and the client's are known to be true.
  const nearest = peer.socketAddress === peer.address ? '' : peer.socketAddress
  if (forwarded === 'x-forwarded' || forwarded === 'both') {
    const client = peer.address || 'unix:'
    const chain = nearest === '' ? client : `${client}, ${nearest}`
    lines.push('X-Real-IP', client, 'X-Forwarded-For', chain, 'X-Forwarded-Proto', scheme, 'X-Forwarded-Host', host)
  }
  if (forwarded === 'forwarded' || forwarded === 'both') {
    const client = `for=${forwardedNode(peer.address)};host=${quoted(host)};proto=${scheme}`
    lines.push('Forwarded', nearest === '' ? client : `${client}, for=${forwardedNode(nearest)}`)
  }
  lines.push('X-Request-ID', exchange.id, LOOP_FIELD, loopMark(request.headers, location.proxy!.upstream))
  if (rootPath !== undefined && rootPath !== '' && forwarded !== 'off') lines.push('X-Forwarded-Prefix', rootPath)
  return lines
}

/** RFC7239§6. Behind a Unix socket there is no address. */
function forwardedNode(address: string): string {
  if (address === '') return 'unknown'
  return address.includes(':') ? `"[${address}]"` : address
}

function quoted(text: string): string {
  return TOKEN.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** nginx hides them by itself; orders such as X-Accel-Redirect are taken out where they are followed (`content.ts`). */
const HIDDEN: readonly string[] = ['date', 'server', 'x-pad']

const hiddenBy = new WeakMap<ProxySettings, ReadonlySet<string>>()

/** What clients got of a head that comes again, in the location that had it last. */
const lastFor = new WeakMap<
  UpstreamHead,
  { readonly proxy: CompiledProxy | null; readonly settings: ProxySettings; readonly head: ResponseHead }
>()

/** What a client gets of an upstream's head. `proxy`: null: the upstream runs scripts, and has no URL. */
export function headForClient(head: UpstreamHead, proxy: CompiledProxy | null, request: SiteRequest): ResponseHead {
  const { settings } = request.location
  if (!head.comesAgain) return madeForClient(head, proxy, request)
  const last = lastFor.get(head)
  if (last?.proxy === proxy && last.settings === settings.proxy) return last.head
  const made = madeForClient(head, proxy, request)
  if (proxy !== null && mayDependOnRequest(head)) return made
  const kept = Object.freeze({ ...made, comesAgain: true })
  lastFor.set(head, { proxy, settings: settings.proxy, head: kept })
  return kept
}

/** Its rewritten values may have variables of the request. */
function mayDependOnRequest({ headers }: UpstreamHead): boolean {
  for (let i = 0; i < headers.length; i += 2) if (REWRITTEN.has(headers[i]!.toLowerCase())) return true
  return false
}

const REWRITTEN: ReadonlySet<string> = new Set(['location', 'refresh', 'set-cookie'])

function madeForClient(head: UpstreamHead, proxy: CompiledProxy | null, request: SiteRequest): ResponseHead {
  const headers = fieldsForClient(head.headers, proxy, request)
  const { status, reason, localRedirect } = head
  return localRedirect === null ? { status, reason, headers } : { status, reason, headers, localRedirect }
}

/** Orders among them stay: they are followed first. */
function fieldsForClient(given: readonly string[], proxy: CompiledProxy | null, request: SiteRequest): HeaderLines {
  const settings = request.location.settings.proxy
  let hidden = hiddenBy.get(settings)
  if (hidden === undefined) {
    const names = [...HIDDEN.filter(name => !settings.passHeaders.includes(name)), ...settings.hideHeaders]
    hidden = new Set(names)
    hiddenBy.set(settings, hidden)
  }
  const headers: HeaderLines = []
  for (let i = 0; i < given.length; i += 2) {
    const name = given[i]!
    const lower = name.toLowerCase()
    if (hidden.has(lower)) continue
    const value = given[i + 1]!
    headers.push(name, proxy === null ? value : valueForClient(lower, value, proxy, request))
  }
  return headers
}

/** What a client gets of the fields of an interim response, and of trailers. Orders in them are not followed, and not for clients either. */
export function fieldsBeside(given: readonly string[], proxy: CompiledProxy | null, request: SiteRequest): HeaderLines {
  const { passHeaders } = request.location.settings.proxy
  const headers = fieldsForClient(given, proxy, request)
  return fieldsWith(headers, name => !isOrder(name) || passHeaders.includes(name.toLowerCase()))
}

/** The same of a 101, to which the location adds its own fields, as in nginx. */
export function fieldsOfSwitch(
  given: readonly string[],
  proxy: CompiledProxy | null,
  request: SiteRequest,
): HeaderLines {
  const headers = fieldsBeside(given, proxy, request)
  return [...withHeadFields(request, { status: 101, reason: '', headers }).headers]
}

function valueForClient(name: string, value: string, proxy: CompiledProxy, request: SiteRequest): string {
  const { rewriteLocation, rewriteCookie } = proxy
  switch (name) {
    case 'location':
      return rewriteLocation === null ? value : safe(rewriteLocation(request, value))
    case 'refresh':
      return rewriteLocation === null ? value : refreshFor(value, rewriteLocation, request)
    case 'set-cookie':
      return rewriteCookie === null ? value : safe(rewriteCookie(request, value))
    default:
      return value
  }
}

/** `5; url=http://back/x` */
function refreshFor(value: string, rewrite: Rewrite, request: SiteRequest): string {
  const at = value.toLowerCase().indexOf('url=')
  if (at < 0) return value
  return value.slice(0, at + 4) + safe(rewrite(request, value.slice(at + 4)))
}

/** A variable may have a line break. */
function safe(text: string): string {
  return text.replace(NOT_IN_VALUE, percentEncoded)
}
