/** Names that other servers have for what is a setting here, or that people expect: only for "did you mean". */

import { closest } from '../kinds/closest.ts'
import { ACTIONS, SETTINGS } from '../settings/index.ts'

/** Their name, without hyphens at its beginning and with hyphens for underscores → what to write here. */
export const OTHER_NAMES: Readonly<Record<string, string>> = {
  // gunicorn
  'worker-tmp-dir': 'temp-dir',
  'access-logfile': 'access-log',
  'access-logformat': 'access-log-format',
  'error-logfile': 'log-file',
  'forwarded-allow-ips': 'trusted-proxies',
  'proxy-allow-from': 'trusted-proxies',
  'secure-scheme-headers': 'forwarded-headers',
  'limit-request-field-size': 'limit-request-header-size',
  pid: 'pid-file',
  'preload-app': 'preload',
  'check-config': 'check',
  'worker-connections': 'limit-connections',
  backlog: 'queue-limit',
  // uvicorn, hypercorn, Granian
  host: 'bind',
  port: 'bind',
  listen: 'bind',
  uds: 'bind',
  fd: 'bind',
  'limit-max-requests': 'max-requests',
  'limit-concurrency': 'concurrency',
  backpressure: 'queue-limit',
  'timeout-keep-alive': 'keep-alive',
  'timeout-graceful-shutdown': 'graceful-timeout',
  'workers-lifetime': 'max-age',
  'workers-max-rss': 'max-memory',
  'blocking-threads': 'threads',
  'app-dir': 'chdir',
  'static-path-mount': 'static',
  'working-dir': 'chdir',
  'env-files': 'env-file',
  'access-log-fmt': 'access-log-format',
  'reload-paths': 'reload-dir',
  'url-path-prefix': 'root-path',
  // waitress
  'trusted-proxy': 'trusted-proxies',
  'trusted-proxy-headers': 'forwarded-headers',
  // uWSGI
  processes: 'workers',
  harakiri: 'timeout',
  http: 'bind',
  'http-socket': 'bind',
  socket: 'bind',
  'chmod-socket': 'unix-mode',
  'limit-post': 'limit-request-body',
  'static-map': 'static',
  'reload-on-rss': 'max-memory',
  'max-worker-lifetime': 'max-age',
  'worker-reload-mercy': 'graceful-timeout',
  uid: 'user',
  gid: 'group',
  virtualenv: 'python',
  venv: 'python',
  home: 'python',
  pidfile: 'pid-file',
  'limit-max-requests-jitter': 'max-requests-jitter',
  'py-autoreload': 'reload',
  'script-name': 'root-path',
  // nginx, Docker, plain words
  environment: 'env',
  'environment-file': 'env-file',
  address: 'bind',
  directory: 'chdir',
  'log-output': 'log-file',
  'client-max-body-size': 'limit-request-body',
  'keepalive-timeout': 'keep-alive',
  'worker-processes': 'workers',
}

/** The name of the setting (or action) that was meant, or null. `names`: those that may be written there. */
export function meantName(typed: string, names: readonly string[] = ALL_NAMES): string | null {
  const plain = typed.toLowerCase().replaceAll('_', '-')
  if (names.includes(plain)) return plain
  const other = Object.hasOwn(OTHER_NAMES, plain) ? OTHER_NAMES[plain]! : null
  if (other !== null && names.includes(other)) return other
  const near = closest(plain, names) ?? closest(plain, Object.keys(OTHER_NAMES))
  const meant = near === null || names.includes(near) ? near : OTHER_NAMES[near]!
  return meant !== null && names.includes(meant) ? meant : null
}

const ALL_NAMES: readonly string[] = [...SETTINGS.filter(one => !one.positional), ...ACTIONS].map(one => one.name)
