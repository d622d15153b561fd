/**
 * Under which names the headers of a request stand in its WSGI environ (PEP 3333), and in which order. Worked out once for all requests
 * with the same headers in the same order, as those of one client are. Runs in the gateway, sans-IO.
 *
 * Invariants: each name at most once; no header of a client can make a name that is not its own `HTTP_…`. Everything that is
 * remembered is bounded: strangers choose names, and their order.
 */

export interface EnvironNames {
  /** Joined by NUL, in the order of the values. */
  readonly bytes: Buffer
  /** Where in the list of headers the values are that are passed on. */
  readonly passed: readonly number[]
}

interface Known extends EnvironNames {
  readonly headerNames: readonly string[]
  readonly hasHost: boolean
  readonly hasLength: boolean
  readonly hasRoot: boolean
}

const ALWAYS =
  'wsgi.url_scheme\0SERVER_PROTOCOL\0REQUEST_METHOD\0QUERY_STRING\0RAW_URI\0' +
  'REMOTE_ADDR\0REMOTE_PORT\0SERVER_NAME\0SERVER_PORT\0HTTP_X_REQUEST_ID'
/** Last, for a path may have a NUL, and then no name is left that it could belong to. */
const LAST = '\0PATH_INFO'

/**
 * Never `HTTP_…` as they came: the true length and type have keys of their own, transfer coding is undone, Host is
 * written from the authority, which rules over it (RFC9112§3.2.2), and `Proxy` would become HTTP_PROXY, which libraries
 * of the application take for the proxy of their own requests ("httpoxy"). X-Request-ID is the exchange's, whoever made it.
 */
const NOT_PASSED = new Set(['content-length', 'transfer-encoding', 'host', 'proxy', 'x-request-id'])

/** Lists that are remembered: so many for each number of headers (a browser's, another browser's, a proxy's …) up to this number. */
const KNOWN_FOR_EACH = 4
const MAX_HEADERS = 64
/** Longer ones (bytes) are invented. */
const MAX_LENGTH = 2048
const known: Known[][] = Array.from({ length: MAX_HEADERS + 1 }, () => [])

/** Null: a header comes twice, and has to be merged. HTTP_HOST, CONTENT_LENGTH and SCRIPT_NAME are told where the request `has` them. */
export function environNames(
  headers: readonly string[],
  hasHost: boolean,
  hasLength: boolean,
  hasRoot: boolean,
): EnvironNames | null {
  const count = headers.length / 2
  const alike = known[count]
  if (alike === undefined) return makeNames(headers, hasHost, hasLength, hasRoot)
  for (const one of alike)
    if (
      one.hasHost === hasHost &&
      one.hasLength === hasLength &&
      one.hasRoot === hasRoot &&
      areNamesOf(one.headerNames, headers)
    )
      return one
  const made = makeNames(headers, hasHost, hasLength, hasRoot)
  if (made !== null && made.bytes.length <= MAX_LENGTH && alike.unshift(made) > KNOWN_FOR_EACH) alike.pop()
  return made
}

function areNamesOf(names: readonly string[], headers: readonly string[]): boolean {
  for (let i = 0; i < names.length; i++) if (names[i] !== headers[2 * i]) return false
  return true
}

function makeNames(headers: readonly string[], hasHost: boolean, hasLength: boolean, hasRoot: boolean): Known | null {
  const headerNames = headers.filter((_, i) => i % 2 === 0)
  const passed = headerNames.flatMap((name, i) => (NOT_PASSED.has(name) ? [] : [2 * i + 1]))
  if (new Set(passed.map(at => headers[at - 1])).size !== passed.length) return null
  const keys = passed.map(at => environKey(headers[at - 1]!))
  const own = [hasHost && 'HTTP_HOST', hasLength && 'CONTENT_LENGTH', hasRoot && 'SCRIPT_NAME'].filter(Boolean)
  const names = [ALWAYS, ...own, ...keys]
  // Copies of the names: a slice would keep the whole head that it was cut from.
  const copies = headerNames.map(name => Buffer.from(name, 'latin1').toString('latin1'))
  return {
    bytes: Buffer.from(names.join('\0') + LAST, 'latin1'),
    passed,
    headerNames: copies,
    hasHost,
    hasLength,
    hasRoot,
  }
}

function environKey(name: string): string {
  return name === 'content-type' ? 'CONTENT_TYPE' : `HTTP_${name.toUpperCase().replaceAll('-', '_')}`
}
