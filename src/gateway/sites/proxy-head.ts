/**
 * The heads of a proxied request and of its response, as the configuration wants them: which fields a server gets, and which a client. Pure but
 * for the request's own values. Runs in the gateway for each proxied request, and in `jumak explain`.
 *
 * Invariant: what a client says of itself (X-Forwarded-For and its like) never reaches a server as if it were known: the fields say what
 * Jumak knows, which includes what trusted proxies have said (`http/forwarded.ts`).
 * Not here: fields of the connection and the framing (`upstream/request-head.ts`).
 */
import { FORWARDED_HEADERS } from '../../base/forwarded-headers.ts'
import type { ResponseHead } from '../../http/exchange.ts'
import type { HeaderLines } from '../../http/headers.ts'
import { percentEncoded } from '../../http/path.ts'
import type { CompiledProxy, SiteRequest } from '../../routing/sites/site-request.ts'
import type { ProxySettings } from '../../sites/upstream-model.ts'
import { passedFields } from '../../upstream/request-head.ts'
import type { UpstreamHead } from '../../upstream/response-head.ts'

/** A client's own words about who it is. */
export const ABOUT_CLIENT: readonly string[] = [...FORWARDED_HEADERS, 'x-real-ip', 'x-request-id']
/** What cannot stand in a field's value (RFC9110§5.5). A variable may have it. */
const NOT_IN_VALUE = /[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/g

/** Which of a client's fields are not passed on. One set for each location. */
const replacedBy = new WeakMap<CompiledProxy, ReadonlySet<string>>()

/** All fields of the request but those of the connection and the framing. Host comes first. */
export function proxiedFields(proxy: CompiledProxy, request: SiteRequest): HeaderLines {
  const { exchange } = request
  const own = ownFields(request)
  if (proxy.setHeaders.length === 0) {
    const passed = passedFields(exchange.request.headers, EVERYWHERE)
    own.push(...passed)
    return own
  }
  let replaced = replacedBy.get(proxy)
  if (replaced === undefined) {
    replaced = new Set([...ABOUT_CLIENT, ...proxy.setHeaders.map(({ name }) => name.toLowerCase())])
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
  lines.push(...passedFields(exchange.request.headers, replaced))
  return lines
}

const EVERYWHERE: ReadonlySet<string> = new Set(ABOUT_CLIENT)

function ownFields({ exchange, site, location }: SiteRequest): HeaderLines {
  const { request, peer } = exchange
  const { authority, scheme, rootPath } = request
  // HTTP/1.0 may name no host, and a server needs one (RFC9112§3.2).
  const host = authority || site.firstName || location.proxy!.upstream
  const client = peer.address || 'unix:'
  // Each proxy on the way has added the address that it saw; of them only ours and the client's are known to be true.
  const chain =
    peer.socketAddress === '' || peer.socketAddress === peer.address ? client : `${client}, ${peer.socketAddress}`
  const lines = ['Host', host, 'X-Real-IP', client, 'X-Forwarded-For', chain, 'X-Forwarded-Proto', scheme]
  lines.push('X-Forwarded-Host', host, 'X-Request-ID', exchange.id)
  if (rootPath !== undefined && rootPath !== '') lines.push('X-Forwarded-Prefix', rootPath)
  return lines
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
export function headForClient(head: UpstreamHead, proxy: CompiledProxy | null, settings: ProxySettings): ResponseHead {
  if (!head.comesAgain) return madeForClient(head, proxy, settings)
  const last = lastFor.get(head)
  if (last?.proxy === proxy && last.settings === settings) return last.head
  const made = Object.freeze({ ...madeForClient(head, proxy, settings), comesAgain: true })
  lastFor.set(head, { proxy, settings, head: made })
  return made
}

function madeForClient(head: UpstreamHead, proxy: CompiledProxy | null, settings: ProxySettings): ResponseHead {
  let hidden = hiddenBy.get(settings)
  if (hidden === undefined) {
    const names = [...HIDDEN.filter(name => !settings.passHeaders.includes(name)), ...settings.hideHeaders]
    hidden = new Set(names)
    hiddenBy.set(settings, hidden)
  }
  const headers: HeaderLines = []
  for (let i = 0; i < head.headers.length; i += 2) {
    const name = head.headers[i]!
    const lower = name.toLowerCase()
    if (hidden.has(lower)) continue
    const value = head.headers[i + 1]!
    headers.push(
      name,
      proxy !== null && settings.redirects && lower === 'location' ? locationForClient(value, proxy) : value,
    )
  }
  const { status, reason, localRedirect } = head
  return localRedirect === null ? { status, reason, headers } : { status, reason, headers, localRedirect }
}

/** `proxy_redirect default`. */
function locationForClient(url: string, { upstream, isTls, uri, prefix, uriText }: CompiledProxy): string {
  // A URI with variables has no beginning that could be compared.
  if (uri?.isWhole) return url
  const own = `http${isTls ? 's' : ''}://${upstream}${uri === null ? '/' : uriText}`
  return url.startsWith(own) ? (uri === null ? '/' : prefix) + url.slice(own.length) : url
}
