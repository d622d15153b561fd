/**
 * Whether a request comes from the person at this machine, who may see source code and frames. The check is strict: a proxy or a tunnel
 * on this machine passes on requests of strangers, and a page of a stranger can point its own host name at 127.0.0.1.
 */
import { isIPv4 } from 'node:net'
import { splitAuthority } from '../../http/authority.ts'
import type { Exchange } from '../../http/exchange.ts'

/** Headers that only proxies and tunnels write, trusted or not. */
const OF_PROXIES = /^(?:(?:forwarded|via|x-real-ip|x-client-ip|true-client-ip)$|x-forwarded-|cf-|x-envoy-|x-original-)/

/** Both ends of the connection are on this machine, no proxy is between them, and the Host is a name of this machine. */
export function isDeveloper(exchange: Exchange): boolean {
  const { peer, request } = exchange
  if (!isLoopback(peer.socketAddress) || !isLoopback(peer.address)) return false
  for (let i = 0; i < request.headers.length; i += 2) if (OF_PROXIES.test(request.headers[i]!)) return false
  return isLocalName(splitAuthority(request.authority).host)
}

function isLoopback(address: string): boolean {
  const mapped = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
  return mapped === '::1' || (isIPv4(mapped) && mapped.startsWith('127.'))
}

function isLocalName(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '')
  return name === 'localhost' || name.endsWith('.localhost') || isLoopback(name)
}
