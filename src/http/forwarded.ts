/**
 * What a trusted proxy says of the client that it speaks for: Forwarded (RFC7239) or X-Forwarded-For, -Proto, -Host and -Port.
 * Believed only from trusted addresses; from anyone else these headers are mere text. Of a list of addresses the
 * right-most one that is not trusted itself is the client: whatever stands left of it, the client may have made up.
 *
 * Where both kinds are present X-Forwarded-* counts: nginx, Caddy, Traefik and load balancers write these, and pass on a Forwarded
 * that the client itself has sent. Of a repeated header the last one counts, for the same reason. What is malformed is ignored.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { isAuthority, splitAuthority } from './authority.ts'
import type { Exchange, RequestHead } from './exchange.ts'
import { headerValues } from './headers.ts'

const X_FORWARDED = new Set(['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port'])

export interface TrustedProxies {
  isTrusted(address: string): boolean
}

/** `list`: addresses, CIDR ranges, and `unix` for clients of Unix sockets. Throws for anything else, naming it. */
export function trustedProxies(list: readonly string[]): TrustedProxies {
  const block = new BlockList()
  let unix = false
  for (const entry of list) {
    // An entry that is half understood would trust the wrong ones: `10.0.0.1/` is not `10.0.0.1/0`.
    const [, address = '', bits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? []
    const family = familyOf(address)
    if (entry === 'unix') unix = true
    else if (family === null || Number(bits ?? 0) > (family === 'ipv4' ? 32 : 128))
      throw new Error(`not an address, a range or 'unix': ${entry}`)
    else if (bits === undefined) block.addAddress(address, family)
    else block.addSubnet(address, Number(bits), family)
  }
  return {
    isTrusted(address) {
      if (address === '') return unix
      const family = familyOf(address)
      return family !== null && block.check(address, family)
    },
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' | null {
  return isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : null
}

/** Rewrites the exchange's peer, scheme and authority (and the Host header) where a trusted proxy says so. */
export function applyForwarded(exchange: Exchange, trusted: TrustedProxies): void {
  const { headers } = exchange.request
  // Nearly every request has none of these: look before asking whom to trust.
  let hasForwarded = false
  let hasXForwarded = false
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (name === 'forwarded') hasForwarded = true
    else if (name.startsWith('x-forwarded-') && X_FORWARDED.has(name)) hasXForwarded = true
  }
  if (!(hasForwarded || hasXForwarded) || !trusted.isTrusted(exchange.peer.socketAddress)) return
  const said = hasXForwarded ? readXForwarded(exchange.request, trusted) : readForwarded(headers, trusted)
  if (said === null) return
  if (said.address !== null) {
    exchange.peer = { address: said.address, port: said.addressPort, socketAddress: exchange.peer.socketAddress }
  }
  const scheme = said.scheme ?? exchange.request.scheme
  const authority = said.authority ?? exchange.request.authority
  if (scheme !== exchange.request.scheme || authority !== exchange.request.authority)
    exchange.request = withOrigin(exchange.request, scheme, authority)
}

interface Said {
  readonly address: string | null
  readonly addressPort: number
  readonly scheme: 'http' | 'https' | null
  readonly authority: string | null
}

function readXForwarded({ headers, scheme, authority }: RequestHead, trusted: TrustedProxies): Said {
  const chain = headerValues(headers, 'x-forwarded-for').flatMap(value => value.split(','))
  const client = clientOf(chain, trusted)
  const saidScheme = schemeOf(lastOf(headers, 'x-forwarded-proto'))
  const host = lastOf(headers, 'x-forwarded-host')
  const origin = host !== null && isAuthority(host) ? host : authority
  return {
    address: client?.address ?? null,
    addressPort: client?.port ?? 0,
    scheme: saidScheme,
    authority: withPort(origin, lastOf(headers, 'x-forwarded-port'), saidScheme ?? scheme),
  }
}

/** A proxy that passes the client's Host on without its port says the port by itself. The scheme's own port is never written. */
function withPort(authority: string, port: string | null, scheme: 'http' | 'https'): string {
  if (port === null || port === (scheme === 'https' ? '443' : '80')) return authority
  if (authority === '' || splitAuthority(authority).port !== '') return authority
  return /^[1-9]\d{0,4}$/.test(port) && isAuthority(`${authority}:${port}`) ? `${authority}:${port}` : authority
}

/** A chain of proxies needs a few hundred bytes; what is longer was made to be slow. */
const MAX_FORWARDED = 4096
/** One `name=value` and what ends it: `;` the next one, `,` the next element. Linear: nothing in it can match twice. */
const FORWARDED_PAIR = /[ \t]*([A-Za-z-]+)=(?:([^\s";,]+)|"((?:[^"\\]|\\.)*)")[ \t]*(;|,|$)/y

/** RFC7239§4; null when there is no such header, or it is malformed. */
function readForwarded(headers: readonly string[], trusted: TrustedProxies): Said | null {
  const text = headerValues(headers, 'forwarded').join(',')
  const elements = text.length > MAX_FORWARDED ? null : parseForwarded(text)
  if (elements === null) return null
  const client = clientOf(
    elements.map(pairs => pairs.get('for') ?? ''),
    trusted,
  )
  const nearest = elements.at(-1)!
  const host = nearest.get('host') ?? null
  return {
    address: client?.address ?? null,
    addressPort: client?.port ?? 0,
    scheme: schemeOf(nearest.get('proto') ?? null),
    authority: host !== null && isAuthority(host) ? host : null,
  }
}

function parseForwarded(text: string): Map<string, string>[] | null {
  const elements = [new Map<string, string>()]
  FORWARDED_PAIR.lastIndex = 0
  while (FORWARDED_PAIR.lastIndex < text.length) {
    const match = FORWARDED_PAIR.exec(text)
    if (match === null) return null
    const [, name, token, quoted, end] = match
    elements.at(-1)!.set(name!.toLowerCase(), token ?? quoted!.replace(/\\(.)/g, '$1'))
    if (end === ',') elements.push(new Map())
    else if (end === '') break
  }
  return elements.at(-1)!.size > 0 ? elements : null
}

interface Node {
  readonly address: string
  readonly port: number
}

/** The right-most address that is not trusted; the left-most one if all are. Nothing beyond what is malformed. */
function clientOf(chain: readonly string[], trusted: TrustedProxies): Node | null {
  let client: Node | null = null
  for (let i = chain.length - 1; i >= 0; i--) {
    const node = parseNode(chain[i]!)
    if (node === null) break
    client = node
    if (!trusted.isTrusted(node.address)) break
  }
  return client
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`; null for `unknown`, `_hidden` and nonsense. */
function parseNode(text: string): Node | null {
  const trimmed = text.trim()
  // A zone (`fe80::1%eth0`) means something on the proxy's machine only.
  if (trimmed.includes('%')) return null
  if (isIPv4(trimmed) || isIPv6(trimmed)) return { address: trimmed, port: 0 }
  const match = /^\[?([^\]]*?)\]?(?::(\d{1,5}))?$/.exec(trimmed)
  if (match === null) return null
  const address = match[1]!
  const bracketed = trimmed.startsWith('[')
  if (bracketed ? !isIPv6(address) : !isIPv4(address)) return null
  const port = Number(match[2] ?? 0)
  return port > 65535 ? null : { address, port }
}

/** Of several lines, or a list, the last: the nearest proxy's. */
function lastOf(headers: readonly string[], name: string): string | null {
  const last = headerValues(headers, name).at(-1)
  return last === undefined ? null : last.slice(last.lastIndexOf(',') + 1).trim()
}

function schemeOf(text: string | null): 'http' | 'https' | null {
  const lower = text?.toLowerCase()
  return lower === 'http' || lower === 'https' ? lower : null
}

/** The application sees one truth: Host follows the authority. */
function withOrigin(request: RequestHead, scheme: 'http' | 'https', authority: string): RequestHead {
  const headers = [...request.headers]
  const at = headers.findIndex((name, i) => i % 2 === 0 && name === 'host')
  if (at >= 0) headers[at + 1] = authority
  else if (authority !== '') headers.push('host', authority)
  return { ...request, scheme, authority, headers }
}
