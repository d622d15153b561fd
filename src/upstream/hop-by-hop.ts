/**
 * Which fields belong to one connection and are not passed on (RFC9110§7.6.1): for requests to an upstream, and for its responses. Both
 * directions ask here, so no field can be hop-by-hop in one and not in the other. Runs in the gateway; pure.
 */
import { listMembers } from '../http/headers.ts'

/**
 * What each side writes itself for its own connection. `proxy-connection` is an old mistake of browsers. Proxy-Authenticate and
 * Proxy-Authorization are not here: they are end to end behind a reverse proxy, as in nginx.
 */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** `name`: lower-case. `named`: what the message's own Connection fields name. */
export function isHopByHop(name: string, named: ReadonlySet<string> | null): boolean {
  return OF_CONNECTION.has(name) || named?.has(name) === true
}

/** The fields that the values of Connection name, lower-case; null: none but those that are hop-by-hop anyway. */
export function namedByConnection(values: readonly string[]): ReadonlySet<string> | null {
  let named: Set<string> | null = null
  for (const value of values)
    for (const member of listMembers(value.toLowerCase()))
      if (member !== '' && member !== 'close' && !OF_CONNECTION.has(member)) {
        named ??= new Set()
        named.add(member)
      }
  return named
}
