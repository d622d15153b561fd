/** uvicorn's defaults, where they are not ours. Reads the file of `--env-file`. */
import type { Translation } from '../translation.ts'
import { STANDARD_ADDRESS } from './binding.ts'
import { variablesOf } from './env-file.ts'
import { ACCESS_FORMAT } from './logging.ts'
import { trustedProxies } from './protocols.ts'

const PLACE = 'uvicorn'
/** Its middleware for WSGI has so many. */
const WSGI_THREADS = 10

/** Once, in the log: what is better here although nobody asked for it. */
export const BETTER =
  "uvicorn's defaults hold, with these exceptions: no response names the server unless --server-header asks for it; a client that sends " +
  'or takes nothing for long is cut (JUMAK_BODY_TIMEOUT, JUMAK_SEND_TIMEOUT); a stop waits for running requests for an hour at most, and ' +
  'Ctrl-C for none; TLS has HTTP/2'

/** Where nothing is given. `0` is no limit. */
const STANDARD: readonly (readonly [setting: string, text: string])[] = [
  ['workers', '1'],
  ['access-log', '-'],
  ['access-log-format', ACCESS_FORMAT],
  ['loggers', 'uvicorn'],
  ['timeout', '0'],
  ['stream-idle-timeout', '0'],
  ['graceful-timeout', '1h'],
  ['keep-alive', '5'],
  ['concurrency', '65536'],
  ['limit-request-body', '0'],
  ['limit-request-line', '64K'],
  ['limit-request-fields', '32768'],
  // A proxy that is not believed is one client.
  ['limit-requests-per-address', '0'],
  ['limit-connections-per-address', '0'],
]

export function defaults(to: Translation): void {
  const isWsgi = to.valueOf<string>('interface') === 'wsgi'
  const file = to.valueOf<string>('env_file')
  const variables = { ...(file === undefined ? {} : variablesOf(to.path(file))), ...to.variables }
  for (const [setting, text] of STANDARD) to.standard(PLACE, setting, text)
  if (isWsgi) to.standard(PLACE, 'threads', `${WSGI_THREADS}`)
  if (!to.isGiven('forwarded_allow_ips')) {
    const believed = variables['FORWARDED_ALLOW_IPS']
    const place = believed === undefined ? PLACE : 'FORWARDED_ALLOW_IPS'
    const entries = trustedProxies(believed ?? '127.0.0.1', phrase => to.notes.push(`${place} ${phrase}`))
    to.standard(place, 'trusted-proxies', ...entries)
  }
  const workers = variables['WEB_CONCURRENCY']
  to.begin({ place: to.valueOf<boolean>('reload') === true ? '--reload' : PLACE, value: null })
  if (to.valueOf<boolean>('reload') === true) to.set('workers', '1')
  else if (workers) to.standard('WEB_CONCURRENCY', 'workers', workers)
  // There is no $PORT for uvicorn: it must not win.
  if (!to.values.has('bind') && !to.variables['JUMAK_BIND']) to.set('bind', STANDARD_ADDRESS)
  if (to.values.get('access-log')?.[0]?.text === 'off') to.defaults.delete('access-log-format')
}
