/**
 * Which server a request has chosen, where `proxy` takes it from the request, and whether it may: `proxy-allow-hosts`. Compiled once for each
 * location. Runs in the gateway, and in `jumak explain`; pure.
 *
 * Invariants:
 * - Nothing is allowed that no word of the configuration names: a name, what it ends with, an address, an upstream.
 * - A server has one form here: lower case, no dot at its end, IPv6 as RFC5952 writes it. What has another meaning to somebody else
 *   (userinfo, `0x7f.1`, `2130706433`, escapes) is refused, so what is compared is what is asked.
 * - A name that leads to this machine itself, or to the network that it is plugged into (DNS rebinding, metadata of clouds), is refused unless
 *   the address itself is allowed. Whoever resolves the name asks for that: `isAllowedAddress`.
 * Not here: resolving, and connections (`upstream/destinations.ts`).
 */
import { HttpError } from '../../http/errors.ts'
import { canonicalAddress, isSpecialAddress } from '../../http/special-addresses.ts'
import type { AllowedHost, Destination } from '../../sites/upstream-model.ts'
import { suffixesOf } from '../hosts.ts'
import type { AllowedServers, CompiledDestination, SiteRequest } from './site-request.ts'

export type ChosenServer =
  /** Of the configuration. */
  { readonly kind: 'upstream'; readonly name: string } | { readonly kind: 'server'; readonly destination: Destination }

interface Ports {
  readonly least: number
  readonly most: number
}

export function compileAllowedHosts(all: readonly AllowedHost[]): AllowedServers {
  const [names, suffixes, addresses] = [new Ranges(), new Ranges(), new Ranges()]
  const upstreams = new Set<string>()
  for (const one of all)
    if (one.kind === 'upstream') upstreams.add(one.name)
    else if (one.kind === 'address') addresses.add(canonicalAddress(one.name)!, one)
    else (one.kind === 'name' ? names : suffixes).add(one.name, one)
  return {
    find(host, isAddress, port) {
      if (isAddress) return addresses.has(host, port) ? { isNamed: true } : null
      if (names.has(host, port)) return { isNamed: true }
      for (const suffix of suffixesOf(host)) if (suffixes.has(suffix, port)) return { isNamed: false }
      return null
    },
    hasUpstream: name => upstreams.has(name),
    isAllowedAddress(address, port) {
      const canonical = canonicalAddress(address)
      if (canonical === null) return false
      return addresses.has(canonical, port) || !isSpecialAddress(canonical)
    },
  }
}

/** Ports by name. */
class Ranges {
  readonly #byName = new Map<string, Ports[]>()

  add(name: string, ports: Ports): void {
    const known = this.#byName.get(name)
    if (known === undefined) this.#byName.set(name, [ports])
    else known.push(ports)
  }

  has(name: string, port: number): boolean {
    return this.#byName.get(name)?.some(({ least, most }) => least <= port && port <= most) ?? false
  }
}

/** RFC1035§2.3.4, and brackets, colon and port. */
const MAX_TEXT = 255 + 8
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/
/** The last label of a name that others read as an address: `0x7f.1`, `127.1`, `2130706433`. */
const ENDS_IN_NUMBER = /^(?:\d+|0x[0-9a-f]*)$/

/** `text`: `host`, `host:port`, `[IPv6]:port`. Null: it is no server. */
export function parseDestination(
  text: string,
  usualPort: number,
): { readonly host: string; readonly isAddress: boolean; readonly port: number } | null {
  if (text.length > MAX_TEXT) return null
  const [, literal, name = '', digits] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([1-9]\d{0,4}))?$/.exec(text) ?? []
  const port = digits === undefined ? usualPort : Number(digits)
  if (port > 65_535) return null
  if (literal !== undefined) {
    const address = canonicalAddress(literal)
    return address === null || !literal.includes(':') ? null : { host: address, isAddress: true, port }
  }
  const lower = name.toLowerCase()
  const host = lower.endsWith('.') ? lower.slice(0, -1) : lower
  if (canonicalAddress(host) !== null) return { host, isAddress: true, port }
  const labels = host.split('.')
  if (host.length > 253 || !labels.every(label => LABEL.test(label)) || ENDS_IN_NUMBER.test(labels.at(-1)!)) return null
  return { host, isAddress: false, port }
}

/** The server for this request, or what it is answered with. */
export function chooseServer(
  { text, usualPort, allowed }: CompiledDestination,
  request: SiteRequest,
): ChosenServer | HttpError {
  const chosen = text(request)
  if (allowed.hasUpstream(chosen)) return { kind: 'upstream', name: chosen }
  const parsed = parseDestination(chosen, usualPort)
  if (parsed === null) return notAllowed(`${quoted(chosen)} is no server as in name:8000, 10.0.0.1:8000 or [::1]:8000`)
  const { host, isAddress, port } = parsed
  const found = allowed.find(host, isAddress, port)
  const label = `${host.includes(':') ? `[${host}]` : host}:${port}`
  if (found === null) return notAllowed(`${label} is not among proxy-allow-hosts`)
  return { kind: 'server', destination: { label, host, port, isAddress, isNamed: found.isNamed } }
}

/** No server has failed, and trying again helps nobody: the request itself asks for what it may not (RFC9110§15.5.4). */
export function notAllowed(logged: string): HttpError {
  const message = 'This request names a server that may not be asked'
  return new HttpError(
    403,
    message,
    'client',
    undefined,
    [],
    `the server that the request has chosen is refused: ${logged}`,
  )
}

/** A client has written it. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
}
