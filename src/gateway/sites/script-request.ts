/**
 * A request as variables (RFC3875§4.1), for FastCGI, SCGI and uwsgi. Loaded only where a location has one of them. Runs in the gateway for each of
 * their requests; pure but for the request's own values.
 *
 * Invariants: no header of a client makes a variable that the configuration or the protocol sets; `Proxy` makes none (httpoxy). What a client says of
 * itself (X-Forwarded-For and its like) is left out: REMOTE_ADDR and its like say what Jumak knows.
 * Not here: which variables there are (`routing/sites/params.ts`).
 */
import { cgiName, mergeRepeated, NOT_PASSED } from '../../http/cgi-names.ts'
import { HttpError } from '../../http/errors.ts'
import type { HeaderLines } from '../../http/headers.ts'
import type { CompiledScript, SiteRequest } from '../../routing/sites/site-request.ts'
import { MAX_VARIABLES, sizeInPacket } from '../../upstream/protocols/uwsgi.ts'
import { passedFields } from '../../upstream/request-head.ts'
import { ABOUT_CLIENT } from './proxy-head.ts'

const LEFT_OUT: ReadonlySet<string> = new Set([...ABOUT_CLIENT, ...NOT_PASSED, 'content-type'])

/** Names that the configuration sets, of each location. */
const namesOf = new WeakMap<CompiledScript, ReadonlySet<string>>()

/**
 * `contentLength`: of the content, all of which is known. `[name, value, …]`; a character is a byte. Throws HttpError for too
 * much, and for a WebSocket.
 */
export function scriptVariables(script: CompiledScript, request: SiteRequest, contentLength: number): HeaderLines {
  let own = namesOf.get(script)
  if (own === undefined) {
    own = new Set(['CONTENT_LENGTH', ...script.params.map(({ name }) => name)])
    namesOf.set(script, own)
  }
  const { exchange } = request
  // Over HTTP/2 any success would open it (RFC8441§5). Over HTTP/1.1 the wish is passed over (RFC9110§7.8).
  if (exchange.isWebSocket && exchange.request.version === '2')
    throw new HttpError(501, 'No WebSocket can be opened here: scripts speak none', 'client')
  const variables: HeaderLines = []
  const add = (name: string, value: string): void => {
    variables.push(name, value.includes('\0') ? value.replaceAll('\0', '') : value)
  }
  for (const { name, value, isAlways } of script.params) {
    const text = value(request)
    if (isAlways || text !== '') add(name, text)
  }
  const { headers, method, authority } = exchange.request
  if (contentLength > 0 || method === 'POST' || method === 'PUT' || method === 'PATCH')
    add('CONTENT_LENGTH', String(contentLength))
  const { passesHeaders } = request.location.settings.proxy
  if (passesHeaders && authority !== '' && !own.has('HTTP_HOST')) add('HTTP_HOST', authority)
  if (!own.has('HTTP_X_REQUEST_ID')) add('HTTP_X_REQUEST_ID', exchange.id)
  const passed = passesHeaders ? mergeRepeated(passedFields(headers, LEFT_OUT)) : []
  for (let i = 0; i < passed.length; i += 2) {
    const name = cgiName(passed[i]!)
    // RFC3875§4.1.18: what we have checked is not the program's.
    const isChecked = name === 'HTTP_AUTHORIZATION' && script.protocol === 'cgi' && exchange.user !== ''
    if (!own.has(name) && !isChecked) add(name, passed[i + 1]!)
  }
  if (script.protocol === 'uwsgi' && sizeInPacket(variables) > MAX_VARIABLES)
    throw new HttpError(431, 'The header of the request is too large for the server behind this one', 'client')
  return variables
}
