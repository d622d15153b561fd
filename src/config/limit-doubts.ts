/**
 * Warnings about limits that are right and may not be meant: nobody uses one, its key is always empty, or is another one for each request.
 * Runs in the command line, and in the master when it reloads. Pure.
 */
import type { Location, RequestLimit, SitesModel } from '../sites/model.ts'
import { formatPlace } from './sources/given.ts'

/** Known only when the answer is, or a password was checked: empty when limits look. */
const LATER = /^(?:remote_user|sent_http_\w+|status|body_bytes_sent|limit_(?:req|conn)_status)$/
/** Another text for each request or connection. */
const EACH_ANEW: ReadonlySet<string> = new Set(['request_id', 'remote_port', 'msec', 'request_time'])
/** Of TLS. */
const OF_TLS = /^(?:ssl_\w+|https)$/
/** Whoever sends the request writes there what he likes, and so has as many keys as he likes. */
const OF_CLIENT = /^(?:http_\w+|arg_\w+|cookie_\w+|args|query_string|request_uri|uri|document_uri|request)$/
const VARIABLE = /\$(?:\{(\w+)\}|([A-Za-z_]\w*))/g

/** Sentences with their places. `hasTls`: some listener has it. */
export function doubtsOfLimits({ sites, limits }: SitesModel, hasTls: boolean): string[] {
  const used = new Set<string>()
  const visit = ({ settings, locations }: Location): void => {
    for (const { name } of settings.limits) used.add(name)
    locations.forEach(visit)
  }
  for (const { root, locations } of sites) [root, ...locations].forEach(visit)
  return limits.flatMap(limit => {
    const doubt = used.has(limit.name)
      ? doubtOfKey(limit.key, hasTls)
      : `no site and no location has "${limit.name}" among its limits`
    return doubt === null ? [] : [`${at(limit)}: ${doubt}`]
  })
}

function doubtOfKey(key: string, hasTls: boolean): string | null {
  const names = [...key.matchAll(VARIABLE)].map(([, braced, plain]) => braced ?? plain!)
  const isAlone = names.length > 0 && key.replace(VARIABLE, '') === ''
  const anew = names.find(name => EACH_ANEW.has(name))
  if (anew !== undefined) return `the limit by ${key} limits nobody: $${anew} is another text for each request`
  if (!isAlone) return null
  if (names.every(name => LATER.test(name)))
    return `the limit by ${key} limits nobody: it is empty until the request is answered`
  if (!hasTls && names.every(name => OF_TLS.test(name)))
    return `the limit by ${key} limits nobody: it is empty, because no address of bind has TLS`
  if (names.every(name => OF_CLIENT.test(name)))
    return `the limit by ${key} holds only those who want to be held: a client sends there what it likes, or nothing. $remote_addr is the client's address, behind trusted-proxies too`
  return null
}

function at({ place: { file, line, column } }: RequestLimit): string {
  return formatPlace(file, { line, column })
}
