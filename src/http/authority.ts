/** Host and port of a request: the grammar of RFC3986§3.2 without user information (RFC9110§7.2). */
import { isIPv6 } from 'node:net'

/** The grammar allows a comma. It is refused here, since two joined Host fields look like that. */
const AUTHORITY = /^(?:(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})+|\[([0-9A-Fa-f:.]+)\])(?::(\d{0,5}))?$/

/** The last valid one: nearly all requests of a gateway name the same few hosts. */
let lastValid = ''

/** True for `example.org`, `example.org:8000`, `[::1]:8000`. An empty host is refused (RFC9110§4.2.1). */
export function isAuthority(text: string): boolean {
  if (text === lastValid && text !== '') return true
  const match = AUTHORITY.exec(text)
  if (match === null) return false
  const [, literal, port] = match
  if (literal !== undefined && !isIPv6(literal)) return false
  if (Number(port ?? 0) > 65535) return false
  lastValid = text
  return true
}

/** `[::1]:8000` → `{ host: '[::1]', port: '8000' }`; the port is empty when there is none. */
export function splitAuthority(text: string): { host: string; port: string } {
  const colon = text.lastIndexOf(':')
  // A colon within brackets belongs to an IPv6 address.
  if (colon < 0 || colon < text.lastIndexOf(']')) return { host: text, port: '' }
  return { host: text.slice(0, colon), port: text.slice(colon + 1) }
}
