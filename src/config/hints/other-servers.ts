/**
 * Names that other servers have, each with what to write here instead. A command line of gunicorn, uvicorn, uWSGI or
 * `manage.py runserver` gets the one to use; a wrong key of a file and a wrong variable get a "did you mean". One table for all sources.
 * Runs in the command line, and in the master when it reloads. Pure.
 *
 * Not here: flags that `rewrite.ts` puts together, as `--host` with `--port` and `--module` with `--callable`.
 */
import type { FrontScheme } from '../kinds/bind.ts'

/** What to write instead. */
export interface Advice {
  /** Empty: leave the flag out. Null: nothing here does the same, so there is no whole command line. */
  readonly words: readonly string[] | null
  /** Why, or what else to do; may be empty. */
  readonly note: string
}

/** A flag of another server. */
export interface Foreign {
  readonly takesValue: boolean
  readonly advise: (value: string) => Advice
  /** Name of the setting or action that does the same, for "did you mean"; null: none. */
  readonly meant: string | null
}

type Advise = (value: string) => Advice

/**
 * - text: the setting of that name, which takes the same value
 * - Advice: a flag that takes no value there
 * - function: a flag with a value, and no setting does the same
 * - `as`: a flag with a value, and a setting takes it in another form
 */
type Entry = string | Advice | Advise | { readonly setting: string; readonly advise: Advise }

const out = (note: string): Advice => ({ words: [], note })
const none = (note: string): Advice => ({ words: null, note })
const write = (...words: string[]): Advice => ({ words, note: '' })
const as = (setting: string, advise: Advise): Entry => ({ setting, advise })

const KEY_PASSWORD = none('write the password into a file, and name that with --tls-key-password-file')
/** Versions of Python's `ssl`: 5 is TLS 1.2. */
const TLS_VERSION = out('TLS 1.2 and 1.3 are spoken; --tls-min-version 1.3 leaves 1.2 out')
/** Python's `ssl`: 0 none, 1 optional, 2 required. */
const clientCertificates: Advise = value => {
  const word = /^2$|REQUIRED/i.test(value) ? 'required' : /^1$|OPTIONAL/i.test(value) ? 'optional' : null
  return word === null ? out('no client certificate is asked for') : write('--tls-client-certs', word)
}
/** nginx: on, off, optional, optional_no_ca. */
const verifyClient: Advise = value =>
  value === 'off'
    ? out('no client certificate is asked for')
    : write('--tls-client-certs', value === 'on' ? 'required' : 'optional')
/** flask, werkzeug: a file, or `adhoc`. */
const certificate: Advise = value => (value === 'adhoc' ? write('--tls', 'self-signed') : write('--tls-cert', value))
const tlsVersion: Advise = value => {
  const version = /^tlsv?(1\.[23])$/i.exec(value)?.[1]
  return version === undefined ? TLS_VERSION : write('--tls-min-version', version)
}
const LOGGING = () => out('the application sets up its own logging; --log-format json makes records of all lines')
const LOOP = out('uvloop is used if it is installed, and the gateway speaks HTTP')
const WATCHED = () => out('all code that the application reads is watched; --reload-dir adds directories')
const CHEAPER = () => out('the number of workers does not change by itself')
const ALWAYS = out('it is always so')
const INI = () => none('a uwsgi.ini cannot be read: its settings are flags here, or keys of jumak.toml')
const METRICS = none('there are no metrics yet')
const JOBS = () => none('Jumak only serves requests: use a task queue (Celery, RQ) or a systemd timer for the rest')
const GUESSED = none('ambiguous requests are refused with 400')
const UNDERSCORE = () => none('headers with an underscore are not passed on; use a name without one')
const OF_TABLE = none('it is a key of a table [[app]] in jumak.toml, since each application has its own')

/** gunicorn: a file. Daphne: a port. uWSGI: a number of processes. */
function shortP(value: string): Advice {
  if (!/^\d+$/.test(value)) return write('--pid-file', value)
  // Nobody has that many processes, and no port is that low.
  return Number(value) < 80 ? write('-w', value) : write('-b', value)
}

/** `-b` for a port, `HOST:PORT` or the path of a socket. */
function socket(value: string): Advice {
  return write('-b', addressOf(value))
}

/** The same for a web server in front that speaks another protocol than HTTP. */
const frontSocket = (scheme: FrontScheme) => (value: string) => write('-b', `${scheme}://${addressOf(value)}`)

function addressOf(value: string): string {
  if (/^\d+$/.test(value)) return `:${value}`
  return /^[^/]*:\d+$/.test(value) ? value : `unix:${value}`
}

/** By name, without hyphens at its beginning and with hyphens in place of underscores. */
const OTHERS: Readonly<Record<string, Entry>> = {
  // gunicorn
  'access-logfile': 'access-log',
  'access-logformat': 'access-log-format',
  'error-logfile': 'log-file',
  'forwarded-allow-ips': 'trusted-proxies',
  'proxy-allow-from': 'proxy-protocol-from',
  'secure-scheme-headers': 'forwarded-headers',
  'limit-request-field-size': 'limit-request-header-size',
  pid: 'pid-file',
  'worker-connections': 'limit-connections',
  backlog: 'queue-limit',
  'check-config': write('--check'),
  'preload-app': write('--preload', 'on'),
  'capture-output': ALWAYS,
  'enable-stdio-inheritance': ALWAYS,
  'reuse-port': out('only one process accepts connections'),
  'no-sendfile': ALWAYS,
  sendfile: ALWAYS,
  'permit-obsolete-folding': GUESSED,
  'strip-header-spaces': GUESSED,
  'permit-unconventional-http-method': GUESSED,
  'casefold-http-method': GUESSED,
  initgroups: ALWAYS,
  'proxy-protocol': write('--bind', "'ADDRESS proxy-protocol'"),
  spew: none('nothing traces every line; --reload shows errors with their code'),
  'worker-tmp-dir': () => out('workers need none; --temp-dir is for uploads'),
  'log-config-json': LOGGING,
  'logger-class': LOGGING,
  'log-syslog': write('--syslog', 'udp://localhost'),
  'log-syslog-to': 'syslog',
  'log-syslog-prefix': 'syslog-name',
  'log-syslog-facility': 'syslog-facility',
  name: () => out('the command lines of the processes differ'),
  pythonpath: 'import-path',
  paste: value => write(value.includes('#') || value.endsWith('.ini') ? value : `${value}#main`),
  'reload-engine': WATCHED,
  'reload-extra-file': WATCHED,
  'forwarder-headers': UNDERSCORE,
  'header-map': UNDERSCORE,
  'dogstatsd-tags': 'statsd-tags',
  certfile: 'tls-cert',
  keyfile: 'tls-key',
  'ca-certs': 'tls-client-ca',
  'cert-reqs': as('tls-client-certs', clientCertificates),
  'ssl-version': () => TLS_VERSION,
  ciphers: 'tls-ciphers',
  // uvicorn, hypercorn, Granian
  host: 'bind',
  port: 'bind',
  uds: as('bind', value => write('-b', `unix:${value}`)),
  fd: as('bind', value => write('-b', `fd://${value}`)),
  'insecure-bind': as('bind', value => write('-b', `http://${value}`)),
  endpoint: () => none('addresses are -b HOST:PORT or -b unix:PATH'),
  'quic-bind': () => none('HTTP/3 is not spoken'),
  'limit-max-requests': 'max-requests',
  'limit-concurrency': 'concurrency',
  backpressure: 'queue-limit',
  'timeout-keep-alive': 'keep-alive',
  'timeout-graceful-shutdown': 'graceful-timeout',
  'workers-lifetime': 'max-age',
  'workers-max-rss': 'max-memory',
  'blocking-threads': 'threads',
  'app-dir': 'import-path',
  'static-path-mount': 'static',
  'working-dir': 'chdir',
  'env-files': 'env-file',
  'access-log-fmt': 'access-log-format',
  'reload-paths': 'reload-dir',
  'url-path-prefix': 'root-path',
  'h11-max-incomplete-event-size': 'limit-request-header-size',
  factory: none('write the factory with (), as in shop:create_app()'),
  'proxy-headers': out('X-Forwarded-For and -Proto of --trusted-proxies are always believed'),
  'no-proxy-headers': write('--trusted-proxies', 'none'),
  'no-access-log': out('there is no access log unless --access-log says where'),
  'server-header': write('--response-header', 'Server:uvicorn'),
  'no-server-header': ALWAYS,
  'date-header': ALWAYS,
  'no-date-header': none('every response has a Date, as RFC9110§6.6.1 wants it'),
  'use-colors': out('a terminal gets colours'),
  'no-use-colors': out('set NO_COLOR=1 in the environment'),
  ws: () => LOOP,
  'ws-max-queue': () => out('while messages wait for the application, the client has to wait'),
  'ws-per-message-deflate': as('ws-compression', value =>
    write('--ws-compression', /^(?:0|f|false|n|no|off)$/i.test(value) ? 'off' : 'on'),
  ),
  'runtime-mode': () => LOOP,
  'runtime-threads': () => LOOP,
  'reload-include': WATCHED,
  'reload-exclude': WATCHED,
  'reload-delay': WATCHED,
  'timeout-worker-healthcheck': () => out('--timeout notices a worker that is stuck'),
  header: 'response-header',
  'ssl-keyfile': 'tls-key',
  'ssl-certfile': 'tls-cert',
  'ssl-certificate': 'tls-cert',
  'ssl-keyfile-password': () => KEY_PASSWORD,
  'ssl-version-min': () => TLS_VERSION,
  'ssl-cert-reqs': as('tls-client-certs', clientCertificates),
  'ssl-ca-certs': 'tls-client-ca',
  'ssl-ciphers': 'tls-ciphers',
  'ssl-protocol-min': as('tls-min-version', tlsVersion),
  'ssl-ca': 'tls-client-ca',
  'ssl-crl': 'tls-client-crl',
  'ssl-client-verify': write('--tls-client-certs', 'required'),
  'no-ssl-client-verify': out('no client certificate is asked for'),
  'keyfile-password': () => KEY_PASSWORD,
  'verify-mode': as('tls-client-certs', clientCertificates),
  'suppress-ragged-eofs': ALWAYS,
  'do-handshake-on-connect': ALWAYS,
  cert: as('tls-cert', certificate),
  key: 'tls-key',
  'cert-file': as('tls-cert', certificate),
  'key-file': 'tls-key',
  'no-ws': ALWAYS,
  'access-log-off': ALWAYS,
  'respawn-failed-workers': ALWAYS,
  metrics: METRICS,
  // waitress
  'trusted-proxy': 'trusted-proxies',
  'trusted-proxy-headers': 'forwarded-headers',
  // uWSGI
  processes: 'workers',
  harakiri: 'timeout',
  http: as('bind', value => (/:|^\d+$/.test(value) ? socket(value) : LOOP)),
  'http-socket': as('bind', socket),
  socket: as('bind', frontSocket('uwsgi')),
  'uwsgi-socket': as('bind', frontSocket('uwsgi')),
  'fastcgi-socket': as('bind', frontSocket('fastcgi')),
  'scgi-socket': as('bind', frontSocket('scgi')),
  'chmod-socket': 'unix-mode',
  'chown-socket': () => none('the socket belongs to --user and --group; --unix-mode says who may connect'),
  'limit-post': 'limit-request-body',
  'buffer-size': 'limit-request-header-size',
  'static-map': 'static',
  // It counts megabytes.
  'reload-on-rss': as('max-memory', value => write('--max-memory', /^\d+$/.test(value) ? `${value}M` : value)),
  'max-worker-lifetime': 'max-age',
  'worker-reload-mercy': 'graceful-timeout',
  'limit-max-requests-jitter': 'max-requests-jitter',
  uid: 'user',
  gid: 'group',
  virtualenv: 'python',
  venv: 'python',
  home: 'python',
  pidfile: 'pid-file',
  'py-autoreload': as('reload', value => (value === '0' ? ALWAYS : write('--reload'))),
  'script-name': 'root-path',
  logto: 'log-file',
  daemonize: as('daemon', value => write('--daemon', 'on', '--log-file', value)),
  'lazy-apps': write('--preload', 'off'),
  lazy: write('--preload', 'off'),
  master: ALWAYS,
  'enable-threads': ALWAYS,
  'die-on-term': ALWAYS,
  vacuum: ALWAYS,
  'need-app': ALWAYS,
  'single-interpreter': ALWAYS,
  strict: ALWAYS,
  'thunder-lock': ALWAYS,
  'no-orphans': ALWAYS,
  'disable-logging': out('there is no access log unless --access-log says where'),
  'log-x-forwarded-for': out("the access log has the client's address anyway"),
  'http-keepalive': ALWAYS,
  'stats-http': METRICS,
  stats: () => METRICS,
  vhost: none('each application is a table [[app]] of jumak.toml, with hosts = ["shop.example.kr"]'),
  mount: as('path', () => none('each application is a table [[app]] of jumak.toml, with path = "/shop"')),
  emperor: () => none('include = "apps/*.toml" in jumak.toml reads one application from each file'),
  'auto-procname': ALWAYS,
  'ignore-sigpipe': ALWAYS,
  'ignore-write-errors': ALWAYS,
  'disable-write-exception': ALWAYS,
  'manage-script-name': out('SCRIPT_NAME is --root-path'),
  'http-websockets': out('WebSockets are on; of a WSGI application each holds a thread (threads)'),
  'http-auto-chunked': ALWAYS,
  'http-timeout': () => out('--timeout is for the application; the timeouts of clients are settings of their own'),
  'harakiri-verbose': ALWAYS,
  'log-master': ALWAYS,
  'memory-report': none('--max-memory replaces a worker that grows; the log says what each has'),
  https: none('the address is -b https://HOST:PORT, and certificate and key are --tls-cert and --tls-key'),
  ini: INI,
  yaml: INI,
  xml: INI,
  'offload-threads': () => out('files and slow clients cost no worker'),
  'post-buffering': () => ALWAYS,
  'add-header': 'response-header',
  gevent: as('worker-class', value => write('-k', 'gevent', '--concurrency', value)),
  mule: JOBS,
  spooler: JOBS,
  cron: JOBS,
  'attach-daemon': () => none('start it as a systemd unit or a container of its own'),
  route: () => none('requests are routed by the application'),
  cheaper: CHEAPER,
  'cheaper-initial': CHEAPER,
  'cheaper-step': CHEAPER,
  'cheaper-overload': CHEAPER,
  'cheaper-algo': CHEAPER,
  'touch-reload': () => none('send HUP to the master for new code: kill -HUP "$(cat FILE)" with --pid-file FILE'),
  plugin: () => ALWAYS,
  plugins: () => ALWAYS,
  // uWSGI: the length of the kernel's queue. waitress: an address.
  listen: as('bind', value => (/^0*[1-9]\d*$/.test(value) ? out("the kernel's queue is long") : socket(value))),
  // manage.py, flask, fastapi
  noreload: ALWAYS,
  nostatic: write('--static', 'off'),
  nothreading: ALWAYS,
  insecure: none('set STATIC_ROOT and run collectstatic, or DEBUG with --reload'),
  debug: write('--reload'),
  debugger: write('--reload'),
  'no-debugger': ALWAYS,
  'no-debug': ALWAYS,
  'no-color': out('set NO_COLOR=1 in the environment'),
  'force-color': out('a terminal gets colours'),
  'skip-checks': out('for checks there is manage.py check'),
  ipv6: none('write an IPv6 address as -b [::1]:8000'),
  'with-threads': ALWAYS,
  'without-threads': ALWAYS,
  verbosity: () => out('--log-level debug says more'),
  addrport: as('bind', socket),
  'extra-files': WATCHED,
  'exclude-patterns': WATCHED,
  settings: as('env', value => write('-e', `DJANGO_SETTINGS_MODULE=${value}`)),
  // nginx, Docker, plain words
  environment: 'env',
  'environment-file': 'env-file',
  address: 'bind',
  directory: 'chdir',
  'log-output': 'log-file',
  // Ours, which are in files only.
  path: () => OF_TABLE,
  hosts: () => OF_TABLE,
  pool: () => OF_TABLE,
  include: () => none('include stands at the top of jumak.toml'),
  // Blocks and names of nginx.
  location: as('path', () => none('each application is a table [[app]] of jumak.toml, with path = "/shop"')),
  'server-name': as('hosts', () =>
    none('each application is a table [[app]] of jumak.toml, with hosts = ["shop.example.kr"]'),
  ),
  'client-max-body-size': 'limit-request-body',
  'ssl-certificate-key': 'tls-key',
  'ssl-protocols': () => TLS_VERSION,
  'ssl-client-certificate': 'tls-client-ca',
  'ssl-verify-client': as('tls-client-certs', verifyClient),
  'ssl-verify-depth': 'tls-client-depth',
  'ssl-stapling-file': 'tls-staple',
  'keepalive-timeout': 'keep-alive',
  'worker-processes': 'workers',
}

/** Letters that gunicorn, hypercorn and uWSGI have. */
const LETTERS: Readonly<Record<string, Entry>> = {
  p: shortP,
  n: OTHERS['name']!,
  D: write('--daemon', 'on'),
  R: ALWAYS,
  m: 'umask',
  s: OTHERS['socket']!,
  M: ALWAYS,
  i: INI,
  d: OTHERS['daemonize']!,
  H: 'python',
}

/** Our flags that take no value elsewhere (gunicorn, uvicorn), with the value that means the same. */
const SWITCHES: Readonly<Record<string, string>> = { preload: 'on', 'access-log': '-' }

/** `flag`: as it was written, without its value. Null: no server has it. */
export function foreignFlag(flag: string): Foreign | null {
  if (/^-[^-]$/.test(flag)) return lookUp(LETTERS, flag[1]!)
  return flag.startsWith('--') ? foreignName(flag.slice(2)) : null
}

/** The same for a key of a file, or for the name in a variable. */
export function foreignName(name: string): Foreign | null {
  return lookUp(OTHERS, name.toLowerCase().replaceAll('_', '-'))
}

/** What `--name` without a value means elsewhere. Null: it has a value everywhere. */
export function switchValue(name: string): string | null {
  return Object.hasOwn(SWITCHES, name) ? SWITCHES[name]! : null
}

/** Names of other servers that mean a setting or an action here. */
export function meaningNames(): string[] {
  return Object.keys(OTHERS).filter(name => foreignName(name)?.meant !== null)
}

function lookUp(table: Readonly<Record<string, Entry>>, name: string): Foreign | null {
  if (!Object.hasOwn(table, name)) return null
  const entry = table[name]!
  if (typeof entry === 'string') return { takesValue: true, advise: value => write(`--${entry}`, value), meant: entry }
  if (typeof entry === 'function') return { takesValue: true, advise: entry, meant: null }
  if ('advise' in entry) return { takesValue: true, advise: entry.advise, meant: entry.setting }
  return { takesValue: false, advise: () => entry, meant: entry.words?.[0]?.slice('--'.length) ?? null }
}
