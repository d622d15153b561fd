/**
 * Flags of other servers, each with what to write here instead: whoever comes with a command line of gunicorn, uvicorn, uWSGI or
 * `manage.py runserver` gets the one to use. Names whose value stays as it is are in `other-names.ts`. Pure.
 */
import { OTHER_NAMES } from './other-names.ts'

/** What to write instead. */
export interface Advice {
  /** Empty: nothing; null: nothing does the same, so no whole command line can be given. */
  readonly words: readonly string[] | null
  /** Why, or what else to do; may be empty. */
  readonly note: string
}

export interface ForeignFlag {
  readonly takesValue: boolean
  readonly advise: (value: string) => Advice
}

const out = (note: string): Advice => ({ words: [], note })
const none = (note: string): Advice => ({ words: null, note })
const write = (...words: string[]): Advice => ({ words, note: '' })

const TLS = none('Jumak has no TLS yet: end it in a proxy in front, which says so with X-Forwarded-Proto')
const INTERFACE = out('WSGI and ASGI are told apart by themselves')
const LOGGING = out('the application sets up its own logging; --log-format json makes records of all lines')
const LOOP = out('uvloop is used where it is installed, and HTTP is spoken by the gateway')
const WATCHED = out('what the application has read is watched; --reload-dir adds directories')
const CHEAPER = out('the number of workers stays as it is')
const ALWAYS = out('it is always so')
const PROCESS = none('run it under systemd or in a container, in the foreground')
const CLASSES = 'workers run threads: --threads N for requests that wait at the same time'
const PATHS = none("set PYTHONPATH: --env PYTHONPATH=DIR; the application's own directory is --chdir")
const INI = none('a uwsgi.ini cannot be read: its settings are flags here, or keys of jumak.toml')
const METRICS = none('there are no metrics yet')
const JOBS = none('Jumak runs requests only: a task queue (Celery, RQ) or a timer of systemd runs the rest')
const GUESSED = none('what is ambiguous is refused, with 400')
/** uWSGI counts them. */
const megabytes = (value: string) => write('--max-memory', /^\d+$/.test(value) ? `${value}M` : value)

function workerClass(value: string): Advice {
  if (/uvicorn|asgi/i.test(value)) return INTERFACE
  if (/gevent|eventlet|tornado|meinheld/i.test(value)) return out(CLASSES)
  return out('there is one kind of worker; --threads N gives each so many threads')
}

function shortP(value: string): Advice {
  if (!/^\d+$/.test(value)) return write('--pid-file', value)
  // Nobody has that many processes, and no port is that low.
  return Number(value) < 80 ? write('-w', value) : write('-b', value)
}

/** Values that are not addresses yet. `host` and `port` are put together by who reads them. */
function socket(value: string): Advice {
  if (/^\d+$/.test(value)) return write('-b', `:${value}`)
  return write('-b', /^[^/]*:\d+$/.test(value) ? value : `unix:${value}`)
}

const SWITCHES: Readonly<Record<string, Advice>> = {
  // gunicorn
  daemon: PROCESS,
  'capture-output': ALWAYS,
  'enable-stdio-inheritance': ALWAYS,
  'reuse-port': out('the gateway has its sockets to itself'),
  'no-sendfile': ALWAYS,
  sendfile: ALWAYS,
  'permit-obsolete-folding': GUESSED,
  'strip-header-spaces': GUESSED,
  'permit-unconventional-http-method': GUESSED,
  'casefold-http-method': GUESSED,
  initgroups: ALWAYS,
  'check-config': write('--check'),
  'preload-app': write('--preload', 'on'),
  'proxy-protocol': none('the PROXY protocol is not spoken; X-Forwarded-For is believed (--trusted-proxies)'),
  spew: none('nothing traces every line; --reload shows errors with their code'),
  // uvicorn
  factory: none('write the factory with (), as in shop:create_app()'),
  'proxy-headers': out('X-Forwarded-For and -Proto of --trusted-proxies are believed anyway'),
  'no-proxy-headers': write('--trusted-proxies', 'none'),
  'no-access-log': out('there is none unless --access-log says where'),
  'server-header': none('there is no Server header; the application may set one'),
  'no-server-header': ALWAYS,
  'date-header': ALWAYS,
  'no-date-header': none('every response has a Date, as RFC9110§6.6.1 wants it'),
  'use-colors': out('a terminal has colours'),
  'no-use-colors': out('set NO_COLOR=1 in the environment'),
  // uWSGI
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
  'lazy-apps': write('--preload', 'off'),
  lazy: write('--preload', 'off'),
  'http-keepalive': ALWAYS,
  'stats-http': METRICS,
  vhost: none('one program serves one application: start one for each'),
  'auto-procname': ALWAYS,
  'ignore-sigpipe': ALWAYS,
  'ignore-write-errors': ALWAYS,
  'disable-write-exception': ALWAYS,
  'manage-script-name': out('SCRIPT_NAME is --root-path'),
  'http-websockets': out('an ASGI application has WebSockets'),
  'http-auto-chunked': ALWAYS,
  'harakiri-verbose': ALWAYS,
  'log-master': ALWAYS,
  'memory-report': none('--max-memory replaces a worker that grows; the log says what each has'),
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
  'force-color': out('a terminal has colours'),
  'skip-checks': out('checks are for manage.py check'),
  ipv6: none('an address of IPv6 is written -b [::1]:8000'),
  'with-threads': ALWAYS,
  'without-threads': ALWAYS,
  // hypercorn, Granian
  'no-ws': ALWAYS,
  'access-log-off': ALWAYS,
  'respawn-failed-workers': ALWAYS,
  metrics: METRICS,
}

const VALUES: Readonly<Record<string, (value: string) => Advice>> = {
  // gunicorn
  'worker-class': workerClass,
  'short-p': shortP,
  'worker-tmp-dir': () => out('workers need none; --temp-dir is for uploads'),
  'log-config': () => LOGGING,
  'log-config-json': () => LOGGING,
  'logger-class': () => LOGGING,
  'log-syslog-to': () => none('systemd and containers collect standard error'),
  name: () => out('processes are told apart by their command lines'),
  pythonpath: () => PATHS,
  paste: () => none('a Paste file cannot be read: make the application in a module, and name that'),
  'reload-engine': () => WATCHED,
  'reload-extra-file': () => WATCHED,
  'forwarder-headers': () => none('no header with an underscore is passed on; put the value into another one'),
  'header-map': () => none('no header with an underscore is passed on; put the value into another one'),
  'statsd-host': () => METRICS,
  'statsd-prefix': () => METRICS,
  'dogstatsd-tags': () => METRICS,
  certfile: () => TLS,
  keyfile: () => TLS,
  'ca-certs': () => TLS,
  'cert-reqs': () => TLS,
  'ssl-version': () => TLS,
  ciphers: () => TLS,
  // uvicorn, hypercorn, Granian
  uds: value => write('-b', `unix:${value}`),
  fd: value => write('-b', `fd://${value}`),
  'insecure-bind': value => write('-b', value),
  'quic-bind': () => none('HTTP/3 is not spoken'),
  loop: () => LOOP,
  ws: () => LOOP,
  'ws-max-queue': () => out('messages wait for the application, which holds its client back'),
  'ws-per-message-deflate': () => out('compression is used where the client offers it'),
  interface: () => INTERFACE,
  'runtime-mode': () => LOOP,
  'runtime-threads': () => LOOP,
  'reload-include': () => WATCHED,
  'reload-exclude': () => WATCHED,
  'reload-delay': () => WATCHED,
  'timeout-worker-healthcheck': () => out('--timeout notices a worker that is stuck'),
  'h11-max-incomplete-event-size': value => write('--limit-request-header-size', value),
  header: () => none('the application sets its headers'),
  endpoint: () => none('addresses are -b HOST:PORT or -b unix:PATH'),
  'ssl-keyfile': () => TLS,
  'ssl-certfile': () => TLS,
  'ssl-certificate': () => TLS,
  'ssl-keyfile-password': () => TLS,
  'ssl-version-min': () => TLS,
  'ssl-cert-reqs': () => TLS,
  'ssl-ca-certs': () => TLS,
  'ssl-ciphers': () => TLS,
  cert: () => TLS,
  key: () => TLS,
  // uWSGI
  http: value => (/:|^\d+$/.test(value) ? socket(value) : LOOP),
  'http-socket': socket,
  socket: () => none('the uwsgi protocol is not spoken: let the proxy speak HTTP, to -b unix:PATH or -b HOST:PORT'),
  'uwsgi-socket': () => none('the uwsgi protocol is not spoken: let the proxy speak HTTP, to -b unix:PATH'),
  https: () => TLS,
  ini: () => INI,
  yaml: () => INI,
  xml: () => INI,
  emperor: () => none('start one Jumak for each application, as a systemd unit of its own'),
  stats: () => METRICS,
  'offload-threads': () => out('files and slow clients cost no worker'),
  'py-autoreload': value => (value === '0' ? ALWAYS : write('--reload')),
  'post-buffering': () => ALWAYS,
  'add-header': () => none('the application sets its headers'),
  'reload-on-rss': megabytes,
  gevent: () => out(CLASSES),
  'http-timeout': () => out('--timeout is for the application, the times of clients have settings of their own'),
  mule: () => JOBS,
  spooler: () => JOBS,
  cron: () => JOBS,
  'attach-daemon': () => none('start it as a systemd unit or a container of its own'),
  'chown-socket': () => none('the socket belongs to --user and --group; --unix-mode says who may connect'),
  route: () => none('requests are routed by the application'),
  cheaper: () => CHEAPER,
  'cheaper-initial': () => CHEAPER,
  'cheaper-step': () => CHEAPER,
  'cheaper-overload': () => CHEAPER,
  'cheaper-algo': () => CHEAPER,
  'touch-reload': () => none('send HUP to the master for new code: kill -HUP "$(cat FILE)" with --pid-file FILE'),
  plugin: () => ALWAYS,
  plugins: () => ALWAYS,
  daemonize: () => PROCESS,
  logto: value => write('--log-file', value),
  mount: () => none('one program serves one application; --root-path says where'),
  'buffer-size': value => write('--limit-request-header-size', value),
  listen: value => (/^\d+$/.test(value) && Number(value) > 0 ? out("the kernel's queue is long") : socket(value)),
  // manage.py, flask
  verbosity: () => out('--log-level debug says more'),
  addrport: socket,
  'extra-files': () => WATCHED,
  'exclude-patterns': () => WATCHED,
  settings: value => write('-e', `DJANGO_SETTINGS_MODULE=${value}`),
}

/** Letters that gunicorn, hypercorn and uWSGI have, by the long name. */
const LETTERS: Readonly<Record<string, string>> = {
  k: 'worker-class',
  p: 'short-p',
  n: 'name',
  D: 'daemon',
  R: 'enable-stdio-inheritance',
  m: 'umask',
  s: 'socket',
  M: 'master',
  i: 'ini',
  d: 'daemonize',
  H: 'home',
}

/** `flag`: as it was written, without its value. Null: nobody's. */
export function foreignFlag(flag: string): ForeignFlag | null {
  const isLetter = /^-[^-]$/.test(flag)
  const name = isLetter ? LETTERS[flag[1]!] : flag.replace(/^--?/, '').toLowerCase().replaceAll('_', '-')
  if (name === undefined || (!isLetter && !flag.startsWith('--'))) return null
  if (Object.hasOwn(SWITCHES, name)) return { takesValue: false, advise: () => SWITCHES[name]! }
  if (Object.hasOwn(VALUES, name)) return { takesValue: true, advise: VALUES[name]! }
  if (!Object.hasOwn(OTHER_NAMES, name) && !(isLetter && name === 'umask')) return null
  const own = OTHER_NAMES[name] ?? name
  return { takesValue: true, advise: value => write(`--${own}`, value) }
}

/** As a shell reads it back. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
