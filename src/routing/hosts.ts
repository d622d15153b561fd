/**
 * The host of a request, in the one form in which names are compared: lower case, without port and without the dot at its end. Runs in
 * the gateway, and not at all while no application has `hosts`; pure.
 *
 * Names of other scripts are in ASCII in every request (IDNA), and `config/kinds/host-name.ts` makes them so in the settings.
 */
import { splitAuthority } from '../http/authority.ts'

/** RFC1035§2.3.4. A longer name is nobody's, and is not looked up. */
const MAX_NAME = 255

/** Empty: there is no name. `authority` is empty or has been checked (`isAuthority`). */
export function hostOf(authority: string): string {
  // One after the other, requests mostly name the same.
  if (authority === lastAuthority) return lastHost
  lastHost = lowerHostOf(authority)
  lastAuthority = authority
  return lastHost
}

let lastAuthority = ''
let lastHost = ''

function lowerHostOf(authority: string): string {
  const { host } = splitAuthority(authority)
  if (host.length > MAX_NAME) return ''
  if (host.startsWith('[')) return sameAddress(host)
  return (host.endsWith('.') ? host.slice(0, -1) : host).toLowerCase()
}

/** IPv6 has several spellings of one address: `[0:0::1]` is `[::1]`. */
function sameAddress(literal: string): string {
  return URL.parse(`http://${literal}/`)?.hostname ?? ''
}

/**
 * What `*.example.kr` matches is below its suffix `example.kr`: `a.example.kr`, `b.a.example.kr`, and not `.example.kr`. The longest suffix
 * first.
 */
export function* suffixesOf(host: string): Generator<string> {
  for (let dot = host.indexOf('.', 1); dot >= 0; dot = host.indexOf('.', dot + 1)) yield host.slice(dot + 1)
}
