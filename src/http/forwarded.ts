/**
 * What a trusted proxy says of the client that it speaks for: Forwarded (RFC7239) or X-Forwarded-For, -Proto, -Host and -Port.
 * Believed only from trusted addresses; from anyone else these headers are mere text. Of a list of addresses the
 * right-most one that is not trusted itself is the client: whatever stands left of it, the client may have made up.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { isAuthority, splitAuthority } from './authority.ts'
import type { Exchange, RequestHead } from './exchange.ts'
import { headerValue, headerValues } from './headers.ts'

export interface TrustedProxies {
  isTrusted(address: string): boolean
}

/** `list`: addresses, CIDR ranges, and `unix` for clients of Unix sockets. Throws for anything else, naming it. */
export function trustedProxies(list: readonly string[]): TrustedProxies {
  const block = new BlockList()
  let unix = false
  for (const entry of list) {
    const [address, bits] = entry.split('/') as [string, string | undefined]
    const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : null
    if (entry === 'unix') unix = true
    else if (family === null) throw new Error(`not an address, a range or 'unix': ${entry}`)
    else if (bits === undefined) block.addAddress(address, family)
    else block.addSubnet(address, Number(bits), family)
  }
  return {
    isTrusted(address) {
      if (address === '') return unix
      return isIPv4(address) ? block.check(address, 'ipv4') : isIPv6(address) && block.check(address, 'ipv6')
    },
  }
}

/** Rewrites the exchange's peer, scheme and authority (and the Host header) where a trusted proxy says so. */
export function applyForwarded(exchange: Exchange, trusted: TrustedProxies): void {
  const { headers } = exchange.request
  // Nearly every request has none of these: look before asking whom to trust.
  let any = false
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (name === 'forwarded' || name.startsWith('x-forwarded-')) {
      any = true
      break
    }
  }
  if (!any || !trusted.isTrusted(exchange.peer.socketAddress)) return
  const said = readForwarded(headers, trusted) ?? readXForwarded(headers, trusted)
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

function readXForwarded(headers: readonly string[], trusted: TrustedProxies): Said {
  const chain = headerValues(headers, 'x-forwarded-for').flatMap(value => value.split(','))
  const client = clientOf(chain.map(parseNode), trusted)
  const host = lastOf(headerValue(headers, 'x-forwarded-host'))
  const port = lastOf(headerValue(headers, 'x-forwarded-port'))
  let authority = host !== null && isAuthority(host) ? host : null
  if (authority !== null && port !== null && /^\d{1,5}$/.test(port) && splitAuthority(authority).port === '')
    authority = isDefaultPort(port) ? authority : `${authority}:${port}`
  return {
    address: client?.address ?? null,
    addressPort: client?.port ?? 0,
    scheme: schemeOf(lastOf(headerValue(headers, 'x-forwarded-proto'))),
    authority,
  }
}

/** RFC7239§4; null when there is no such header, or it is malformed. */
function readForwarded(headers: readonly string[], trusted: TrustedProxies): Said | null {
  const values = headerValues(headers, 'forwarded')
  if (values.length === 0) return null
  const elements: Map<string, string>[] = []
  for (const element of values.join(',').match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? []) {
    const pairs = new Map<string, string>()
    for (const pair of element.match(/(?:[^;"]|"(?:[^"\\]|\\.)*")+/g) ?? []) {
      const match = /^\s*([A-Za-z-]+)=(?:([^\s";,]+)|"((?:[^"\\]|\\.)*)")\s*$/.exec(pair)
      if (match === null) return null
      pairs.set(match[1]!.toLowerCase(), match[2] ?? match[3]!.replace(/\\(.)/g, '$1'))
    }
    elements.push(pairs)
  }
  const client = clientOf(
    elements.map(pairs => parseNode(pairs.get('for') ?? '')),
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

interface Node {
  readonly address: string
  readonly port: number
}

/** The right-most address that is not trusted; the left-most one if all are. Nothing beyond what is malformed. */
function clientOf(chain: readonly (Node | null)[], trusted: TrustedProxies): Node | null {
  let client: Node | null = null
  for (let i = chain.length - 1; i >= 0; i--) {
    const node = chain[i]!
    if (node === null) break
    client = node
    if (!trusted.isTrusted(node.address)) break
  }
  return client
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`; null for `unknown`, `_hidden` and nonsense. */
function parseNode(text: string): Node | null {
  const trimmed = text.trim()
  if (isIPv4(trimmed) || isIPv6(trimmed)) return { address: trimmed, port: 0 }
  const match = /^\[?([^\]]*?)\]?(?::(\d{1,5}))?$/.exec(trimmed)
  if (match === null) return null
  const address = match[1]!
  const bracketed = trimmed.startsWith('[')
  if (bracketed ? !isIPv6(address) : !isIPv4(address)) return null
  return { address, port: Number(match[2] ?? 0) }
}

function lastOf(list: string | undefined): string | null {
  return list === undefined ? null : list.slice(list.lastIndexOf(',') + 1).trim()
}

function schemeOf(text: string | null): 'http' | 'https' | null {
  const lower = text?.toLowerCase()
  return lower === 'http' || lower === 'https' ? lower : null
}

function isDefaultPort(port: string): boolean {
  return port === '80' || port === '443'
}

/** The application sees one truth: Host follows the authority. */
function withOrigin(request: RequestHead, scheme: 'http' | 'https', authority: string): RequestHead {
  const headers = [...request.headers]
  const at = headers.findIndex((name, i) => i % 2 === 0 && name === 'host')
  if (at >= 0) headers[at + 1] = authority
  else if (authority !== '') headers.push('host', authority)
  return { ...request, scheme, authority, headers }
}
