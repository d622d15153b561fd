/** gunicorn's defaults, where they are not ours. Pure. */
import type { Given } from '../../config/sources/given.ts'
import type { Translation } from '../translation.ts'
import { accessFormat, STANDARD_FORMAT } from './access-format.ts'
import { STANDARD_SCHEME_HEADERS, speakProtocols, trustedProxies } from './proxies.ts'
import { STANDARD_ADDRESS } from './sockets.ts'
import { kindOfWorker, runsOneRequest } from './worker-class.ts'

const PLACE = 'gunicorn'
/** Permissions of a Unix socket without a mask. */
const ALL = 0o777
/** As systemd numbers them. */
const FIRST_DESCRIPTOR = 3

/** Once, in the log: what is better here although nobody asked for it. */
export const BETTER =
  "gunicorn's defaults hold, with these exceptions: connections of sync workers stay open for 2 s too; requests wait in one queue " +
  '(1024, 30 s) while all workers are busy; content above 1 GiB is refused (JUMAK_LIMIT_REQUEST_BODY); TLS has HTTP/2'

export function defaults(to: Translation): void {
  const sockets = socketsOfSystemd(to)
  if (sockets.length > 0) to.values.set('bind', sockets)
  speakProtocols(to, STANDARD_ADDRESS)
  to.standard(PLACE, 'workers', '1')
  to.standard(PLACE, 'keep-alive', '2s')
  // A warning says so where one of these has nothing to do.
  if (to.values.has('access-log') || to.values.has('syslog-requests'))
    to.standard(PLACE, 'access-log-format', accessFormat(STANDARD_FORMAT).text)
  if (hasUnixSocket(to)) {
    const mode = (ALL & ~(to.valueOf<number>('umask') ?? 0)).toString(8)
    if (to.isGiven('umask')) to.set('unix-mode', mode)
    else to.standard(PLACE, 'unix-mode', mode)
  }
  const believed = to.variables['FORWARDED_ALLOW_IPS']?.split(',').map(part => part.trim()) ?? ['127.0.0.1', '::1']
  const place = to.variables['FORWARDED_ALLOW_IPS'] === undefined ? PLACE : 'FORWARDED_ALLOW_IPS'
  to.standard(place, 'trusted-proxies', ...trustedProxies(believed.filter(part => part !== '')))
  // uvicorn's class believes these two; gunicorn itself leaves the client's address to the application.
  const headers = kindOfWorker(to) === 'asgi' ? ['x-forwarded-for', 'x-forwarded-proto'] : STANDARD_SCHEME_HEADERS
  to.standard(PLACE, 'forwarded-headers', ...headers)
  if (!runsOneRequest(to)) to.standard(PLACE, 'timeout-for', '/=0')
  const scriptName = scriptNameOf(to)
  if (scriptName && !to.values.has('root-path')) to.standard('SCRIPT_NAME', 'root-path', scriptName)
}

/** `LISTEN_FDS`: sockets that systemd has opened (`sd_listen_fds`). Other addresses do not count then, as there. */
function socketsOfSystemd({ variables }: Translation): Given[] {
  const count = Number(/^\d{1,3}$/.exec(variables['LISTEN_FDS'] ?? '')?.[0] ?? 0)
  const origin = { from: 'other', name: 'LISTEN_FDS' } as const
  return Array.from({ length: count }, (_, i) => ({ text: `fd://${FIRST_DESCRIPTOR + i}`, origin }))
}

function hasUnixSocket(to: Translation): boolean {
  return (to.values.get('bind') ?? []).some(({ text }) => /^(?:[a-z]+:\/\/)?unix:/.test(text))
}

/** gunicorn reads it from the environment of its workers. */
function scriptNameOf(to: Translation): string | undefined {
  const given = (to.valueOf<readonly string[]>('raw_env') ?? []).findLast(text => text.startsWith('SCRIPT_NAME='))
  return given?.slice('SCRIPT_NAME='.length) ?? to.variables['SCRIPT_NAME']
}
