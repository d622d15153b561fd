/**
 * What a trusted proxy says of its client. Runs in the gateway, for each exchange. A header counts on two conditions: the proxy is trusted
 * (`--trusted-proxies`), and the operator named the header (`--forwarded-headers`). A proxy sets some of these headers and passes on
 * the others as its client sent them, so a header that it does not set is the client's own word. X-Forwarded-For and -Proto are
 * believed by default.
 *
 * Each proxy on the way adds a member to the right end of a list. The client is the right-most address that is not trusted; it may
 * have made up everything left of it. Lists of schemes, hosts and ports are parallel to the addresses: the client's member counts. Of
 * a repeated header the last line counts, since a proxy adds its own below those that it passes on.
 *
 * A header that is not believed, or malformed, changes nothing. The application gets all headers as they came.
 */
import type { ForwardedHeader } from '../base/forwarded-headers.ts'
import { isAuthority, splitAuthority } from './authority.ts'
import { HttpError } from './errors.ts'
import type { Exchange, RequestHead } from './exchange.ts'
import { isPort, memberFromRight, type Node, parseForwarded, parseNode, parsePrefix } from './forwarded-fields.ts'
import { headerValues } from './headers.ts'
import type { Scheme } from './transport.ts'
import type { TrustedProxies } from './trusted-proxies.ts'

/** Some proxies name the schemes of a WebSocket, others those of its handshake; the application gets one name for both. */
const SCHEMES: ReadonlyMap<string, Scheme> = new Map([
  ['http', 'http'],
  ['ws', 'http'],
  ['https', 'https'],
  ['wss', 'https'],
])
const SCHEMES_OF_SSL: ReadonlyMap<string, Scheme> = new Map([
  ['on', 'https'],
  ['off', 'http'],
])
const SCHEMES_OF_PROTOCOL: ReadonlyMap<string, Scheme> = new Map([...SCHEMES, ['ssl', 'https']])

const SCHEME_HEADERS: readonly [ForwardedHeader, ReadonlyMap<string, Scheme>][] = [
  ['x-forwarded-proto', SCHEMES],
  ['x-forwarded-ssl', SCHEMES_OF_SSL],
  ['x-forwarded-protocol', SCHEMES_OF_PROTOCOL],
]

/**
 * Rewrites the exchange's peer, scheme, authority (with the Host header) and root path as a trusted proxy says. If the proxy contradicts
 * itself, changes nothing and returns a 400. `believed`: the headers that count.
 */
export function applyForwarded(
  exchange: Exchange,
  trusted: TrustedProxies,
  believed: ReadonlySet<string>,
): HttpError | null {
  const { request } = exchange
  const { headers } = request
  // Requests that come without a proxy have none of these, so trust need not be looked up.
  let isTold = false
  for (let i = 0; i < headers.length && !isTold; i += 2) {
    const name = headers[i]!
    isTold = (name.startsWith('x-forwarded-') || name === 'forwarded') && believed.has(name)
  }
  if (!isTold || !trusted.isTrusted(exchange.peer.socketAddress)) return null
  const said = believed.has('forwarded') ? readForwarded(headers, trusted) : readXForwarded(request, trusted, believed)
  if (said instanceof HttpError) return said
  if (said.client !== null) {
    const { address, port } = said.client
    exchange.peer = { address, port, socketAddress: exchange.peer.socketAddress }
  }
  const scheme = said.scheme ?? request.scheme
  const authority = said.authority ?? request.authority
  if (scheme !== request.scheme || authority !== request.authority || said.rootPath !== '')
    exchange.request = withOrigin(request, scheme, authority, said.rootPath)
  return null
}

interface Said {
  readonly client: Node | null
  readonly scheme: Scheme | null
  readonly authority: string | null
  readonly rootPath: string
}

function readXForwarded(
  request: RequestHead,
  trusted: TrustedProxies,
  believed: ReadonlySet<string>,
): Said | HttpError {
  const { headers } = request
  const linesOf = (name: ForwardedHeader) => (believed.has(name) ? headerValues(headers, name) : [])
  const chain = linesOf('x-forwarded-for')
  const { client, distance } = findClient(addressesFromRight(chain), trusted)
  const memberOf = (name: ForwardedHeader, distanceHere = distance): string | null => {
    const line = linesOf(name).at(-1)
    return line === undefined ? null : memberFromRight(line, distanceHere)
  }
  // Without addresses nothing says how long the list should be: only the last member is surely the nearest proxy's.
  const originDistance = chain.length === 0 ? 0 : distance
  const scheme = agreedScheme(memberOf)
  if (scheme instanceof HttpError) return scheme
  const host = memberOf('x-forwarded-host', originDistance)
  const origin = host !== null && isAuthority(host) ? host : request.authority
  return {
    client,
    scheme,
    authority: withPort(origin, memberOf('x-forwarded-port', originDistance), scheme ?? request.scheme),
    rootPath: parsePrefix(linesOf('x-forwarded-prefix').at(-1) ?? ''),
  }
}

/** The scheme that the headers name; words that are not known are ignored. */
function agreedScheme(memberOf: (name: ForwardedHeader) => string | null): Scheme | null | HttpError {
  let agreed: { header: string; member: string; scheme: Scheme } | null = null
  for (const [header, schemes] of SCHEME_HEADERS) {
    const member = memberOf(header)?.toLowerCase() ?? ''
    const scheme = schemes.get(member)
    if (scheme === undefined) continue
    // One of the two is the client's own word, and it may hope that we take the wrong one.
    if (agreed !== null && agreed.scheme !== scheme)
      return new HttpError(400, `${agreed.header}: ${agreed.member} contradicts ${header}: ${member}`, 'client')
    agreed ??= { header, member, scheme }
  }
  return agreed?.scheme ?? null
}

/** A proxy that passes the client's Host on without its port says the port by itself. The scheme's own port is never written. */
function withPort(authority: string, port: string | null, scheme: Scheme): string {
  if (port === null || port === (scheme === 'https' ? '443' : '80')) return authority
  if (authority === '' || splitAuthority(authority).port !== '') return authority
  return isPort(port) && isAuthority(`${authority}:${port}`) ? `${authority}:${port}` : authority
}

/** RFC7239§4: an element is all that one proxy says. */
function readForwarded(headers: readonly string[], trusted: TrustedProxies): Said {
  const elements = headerValues(headers, 'forwarded').flatMap(parseForwarded).reverse()
  const { client, distance } = findClient(
    elements.map(element => element?.get('for') ?? ''),
    trusted,
  )
  let scheme: Scheme | null = null
  let authority: string | null = null
  // The first trusted proxy wrote the client's element. What that does not say is taken from the next one.
  for (let i = Math.min(distance, elements.length - 1); i >= 0; i--) {
    scheme ??= SCHEMES.get(elements[i]?.get('proto')?.toLowerCase() ?? '') ?? null
    const host = elements[i]?.get('host') ?? ''
    authority ??= isAuthority(host) ? host : null
  }
  return { client, scheme, authority, rootPath: '' }
}

/** The members of all lines of X-Forwarded-For, the nearest proxy's first. */
function* addressesFromRight(lines: readonly string[]): Generator<string> {
  for (let i = lines.length - 1; i >= 0; i--) {
    const line = lines[i]!
    let end = line.length
    while (end >= 0) {
      const comma = end === 0 ? -1 : line.lastIndexOf(',', end - 1)
      yield line.slice(comma + 1, end)
      end = comma
    }
  }
}

/**
 * `client`: the right-most address that is not trusted, or the left-most one if all are. The search ends at a malformed or hidden one.
 * `distance`: how many members stand right of where it ended, all of them written by trusted proxies. Infinity when there are no
 * addresses: then the first member of another list tells of the client.
 */
function findClient(fromRight: Iterable<string>, trusted: TrustedProxies): { client: Node | null; distance: number } {
  let client: Node | null = null
  let distance = -1
  for (const text of fromRight) {
    distance++
    const node = parseNode(text)
    if (node === null) break
    client = node
    if (!trusted.isTrusted(node.address)) break
  }
  return { client, distance: distance < 0 ? Number.POSITIVE_INFINITY : distance }
}

/** The application sees one truth: Host follows the authority. */
function withOrigin(request: RequestHead, scheme: Scheme, authority: string, rootPath: string): RequestHead {
  const headers = [...request.headers]
  const at = headers.findIndex((name, i) => i % 2 === 0 && name === 'host')
  if (at >= 0) headers[at + 1] = authority
  else if (authority !== '') headers.push('host', authority)
  return rootPath === ''
    ? { ...request, scheme, authority, headers }
    : { ...request, scheme, authority, headers, rootPath }
}
