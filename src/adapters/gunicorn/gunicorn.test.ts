/** What command lines of gunicorn become: each option's forms, precedence, mistakes. The table itself: `table.test.ts`. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type LoadResult, loadConfig } from '../../config/load.ts'
import type { Environment } from '../../config/machine/environment.ts'
import { makeEnvironment, makeTree } from '../../config/testing/tree.ts'
import type { Adapted, EvaluatedFile } from '../adapted.ts'
import { gunicorn } from './gunicorn.ts'

type Values = Readonly<Record<string, unknown>>

function inShop(t: TestContext, variables: Environment['variables'] = {}): Environment {
  const tree = makeTree(t, { 'shop.py': 'application = 1', 'site/wsgi.py': 'application = 1', 'cert.pem': '' })
  return makeEnvironment(tree, { variables })
}

function adapt(words: readonly string[], environment: Environment, file: Values | null = null): Adapted {
  const evaluated: EvaluatedFile | null = file === null ? null : { display: './gunicorn.conf.py', values: file }
  return gunicorn.adapt(words, environment, evaluated)
}

/** The values of our settings that were given, without those of defaults. `DIR` stands for the directory. */
function given({ args }: Adapted, environment: Environment): Record<string, string> {
  const texts = [...args.values].map(([name, givens]) => [name, givens.map(({ text }) => text).join(' ')] as const)
  return Object.fromEntries(texts.map(([name, text]) => [name, text.replaceAll(environment.cwd, 'DIR')]))
}

function messages({ args }: Adapted): string[] {
  return args.diagnostics.map(({ message }) => message)
}

function notes({ args }: Adapted): readonly string[] {
  return args.adapted!.notes
}

function load({ args }: Adapted, environment: Environment): LoadResult {
  return loadConfig(args, environment)
}

/** Words → our settings. */
const BECOMES: readonly (readonly [words: string, ours: Readonly<Record<string, string>>])[] = [
  ['-b :8000', { bind: ':8000' }],
  ['-b:8000 -b unix:run/a.sock', { bind: ':8000 unix:DIR/run/a.sock' }],
  ['--bind 0.0.0.0', { bind: '0.0.0.0:8000' }],
  ['--bind=LOCALHOST', { bind: 'localhost:8000' }],
  ['-b [::1]', { bind: '[::1]:8000' }],
  ['-b [::1]:80', { bind: '[::1]:80' }],
  ['-b tcp://127.0.0.1:1234', { bind: '127.0.0.1:1234' }],
  ['-b unix:///run/shop.sock', { bind: 'unix:/run/shop.sock' }],
  ['-b unix:/run/shop.sock -m 027', { bind: 'unix:/run/shop.sock', 'unix-mode': '750' }],
  ['-b unix:/run/shop.sock --umask 0o117', { bind: 'unix:/run/shop.sock', 'unix-mode': '660' }],
  ['-b fd://3', { bind: 'fd://3' }],
  ['--umask 027', {}],
  ['--backlog 64', { 'queue-limit': '64' }],
  ['-w 4', { workers: '4' }],
  ['-w4 --threads=8', { workers: '4', threads: '8' }],
  ['-w=4', { workers: '4' }],
  ['-k sync', {}],
  ['-k gthread --threads 2', { threads: '2' }],
  ['-k egg:gunicorn#gthread', {}],
  ['-k uvicorn.workers.UvicornWorker --threads 2', {}],
  ['-k uvicorn.workers.UvicornWorker --worker-connections 50', { concurrency: '50' }],
  ['-k gevent --threads 3 --worker-connections 50', { 'worker-class': 'gevent', concurrency: '50' }],
  ['-k gunicorn.workers.ggevent.GeventWorker', { 'worker-class': 'gevent' }],
  ['-k eventlet', { 'worker-class': 'gevent' }],
  ['--max-requests 100 --max-requests-jitter 10', { 'max-requests': '100', 'max-requests-jitter': '10' }],
  ['-t 0', { timeout: '0' }],
  ['--timeout 99999999', { timeout: '0' }],
  ['--graceful-timeout 5', { 'graceful-timeout': '5' }],
  ['--keep-alive 75', { 'keep-alive': '75' }],
  ['--keep-alive 0', { 'keep-alive': '1' }],
  ['--asgi-lifespan off --asgi-loop asyncio', { lifespan: 'off', loop: 'asyncio' }],
  ['--websocket-max-message-size 1000', { 'ws-max-size': '1000' }],
  ['--limit-request-line 0', { 'limit-request-line': '131072' }],
  ['--limit-request-line 100000', { 'limit-request-line': '8190' }],
  ['--limit-request-line 10', { 'limit-request-line': '256' }],
  ['--limit-request-fields 0', { 'limit-request-fields': '32768' }],
  ['--limit-request-field_size 16380', { 'limit-request-header-size': '262144' }],
  [
    '--limit-request-field_size 100 --limit-request-fields 10',
    { 'limit-request-header-size': '1000', 'limit-request-fields': '10' },
  ],
  ['--reload', { reload: 'on' }],
  ['--reload --reload-extra-file conf/a.html', { reload: 'on', 'reload-dir': 'DIR DIR/conf' }],
  ['--reload --reload-extra-file conf/b.yml', { reload: 'on' }],
  ['--reload-extra-file conf/a.yml --reload-engine poll', {}],
  ['--reload --reload-extra-file tem*/**/*.html', { reload: 'on', 'reload-dir': 'DIR' }],
  ['--no-control-socket', { 'admin-socket': 'off' }],
  ['--control-socket run/ctl', { 'admin-socket': 'DIR/run/ctl' }],
  ['--preload', { preload: 'on' }],
  ['--chdir site', { chdir: 'DIR/site' }],
  [
    '--chdir site -p pid --access-logfile a.log --error-logfile e.log -b unix:s',
    {
      chdir: 'DIR/site',
      'pid-file': 'DIR/site/pid',
      'access-log': 'DIR/site/a.log',
      'log-file': 'DIR/site/e.log',
      bind: 'unix:DIR/site/s',
    },
  ],
  ['-e A=1 --env B=x=y -e A=2', { env: 'A=2 B=x=y' }],
  ['--pythonpath site,/nowhere,/usr', { 'import-path': '/usr DIR/site' }],
  ['--log-config log.ini', { 'log-config': 'DIR/log.ini' }],
  ['--log-config log.ini --log-config-json log.json', { 'log-config': 'DIR/log.json' }],
  ['-u www-data -g 33', { user: 'www-data', group: '33' }],
  ['--access-logfile - --error-logfile - --log-file -', { 'access-log': '-', 'log-file': '-' }],
  ['--log-level WARNING', { 'log-level': 'warn' }],
  ['--log-level critical', { 'log-level': 'error' }],
  ['--log-level nope', { 'log-level': 'info' }],
  ['--access-logformat %(b)s|%(B)s', { 'access-log-format': '%(B)s|%(B)s' }],
  ['--access-logformat %(h)s=%(zz)s', { 'access-log-format': '%(h)s=-' }],
  ['--access-logformat %({X-Id}i)s|%({http_x_id}e)s', { 'access-log-format': '%({X-Id}i)s|%({x-id}i)s' }],
  ['--certfile cert.pem', { 'tls-cert': 'DIR/cert.pem', 'tls-key': 'DIR/cert.pem' }],
  [
    '--certfile cert.pem --keyfile key.pem --ca-certs ca.pem --cert-reqs 2 --ssl-version TLSv1_2',
    {
      'tls-cert': 'DIR/cert.pem',
      'tls-key': 'DIR/key.pem',
      'tls-client-ca': 'DIR/ca.pem',
      'tls-client-certs': 'required',
    },
  ],
  ['--ciphers ECDHE+AESGCM', { 'tls-ciphers': 'ECDHE+AESGCM' }],
  ['--forwarded-allow-ips=*', { 'trusted-proxies': '*' }],
  ['--forwarded-allow-ips 10.0.0.0/8,127.0.0.1', { 'trusted-proxies': '10.0.0.0/8 127.0.0.1 unix' }],
  ['--root-path /shop', { 'root-path': '/shop' }],
  ['--http-protocols h2,h1', { http2: 'on' }],
  ['--http-protocols h1', { http2: 'off' }],
  ['--http2-max-concurrent-streams 5000', { 'limit-streams': '1000' }],
  ['--http2-cleartext prior-knowledge', { http2: 'on' }],
  ['--proxy-protocol off --protocol http --header-map drop --log-syslog-facility user', {}],
  ['-n shop -R --capture-output --initgroups --no-sendfile --reuse-port --worker-tmp-dir /dev/shm', {}],
  ['--control-socket-mode 0700', {}],
  ['-RD', { daemon: 'inherit' }],
  ['--daemon', { daemon: 'on' }],
  ['--log-syslog-to unix:///dev/log --log-syslog-prefix p', {}],
  ['--log-syslog', { syslog: 'udp://localhost:514', 'syslog-name': 'gunicorn.shop', 'syslog-requests': 'on' }],
  [
    '--log-syslog --log-syslog-to tcp://logs:601 -n a:b --log-syslog-facility LOCAL2 --disable-redirect-access-to-syslog',
    { syslog: 'tcp://logs:601', 'syslog-name': 'gunicorn.a.b', 'syslog-facility': 'LOCAL2' },
  ],
  ['--statsd-prefix a --dogstatsd-tags b --enable-backlog-metric', {}],
  ['--statsd-host stats:8125 --statsd-prefix a', { 'statsd-host': 'stats:8125', 'statsd-prefix': 'agunicorn' }],
  [
    '--statsd-host unix:///run/s --statsd-prefix a.b.. --dogstatsd-tags x:y,z --enable-backlog-metric',
    {
      'statsd-host': 'unix:///run/s',
      'statsd-prefix': 'a.b.gunicorn',
      'statsd-tags': 'x:y,z',
      'statsd-backlog': 'on',
    },
  ],
]

for (const [words, ours] of BECOMES)
  test(`gunicorn ${words}`, t => {
    const environment = inShop(t)
    const adapted = adapt([...words.split(' '), 'shop'], environment)
    assert.deepEqual(messages(adapted), [])
    assert.deepEqual(given(adapted, environment), { ...ours, app: 'shop' })
  })

/** These name what is not there, or belong to root: only a start would find it. */
const NOT_HERE = /^-u |--root-path|--keyfile|--chdir site|conf\/a.html/

test('ours takes each of these values', t => {
  const environment = inShop(t)
  for (const [words] of BECOMES.filter(([text]) => !NOT_HERE.test(text))) {
    const loaded = load(adapt([...words.split(' '), 'shop'], environment), environment)
    assert.ok('config' in loaded, `${words}: ${'diagnostics' in loaded ? JSON.stringify(loaded.diagnostics) : ''}`)
  }
})

/** Words → the one message of all that is wrong. */
const WRONG: readonly (readonly [words: string, message: string])[] = [
  ['--wrokers 4', '--wrokers is unknown; did you mean --workers?'],
  ['--treads 4', '--treads is unknown; did you mean --threads?'],
  ['--bnd :8000', '--bnd is unknown; did you mean --bind?'],
  ['--time-out 30', '--time-out is unknown; did you mean --timeout?'],
  ['--gracefull-timeout 3', '--gracefull-timeout is unknown; did you mean --graceful-timeout?'],
  ['--acess-logfile -', '--acess-logfile is unknown; did you mean --access-logfile?'],
  ['--worker-clas=gthread --worker_class=sync', '--worker_class is unknown; did you mean --worker-class?'],
  ['--max-request 3', '--max-request may be --max-requests or --max-requests-jitter: write more of it'],
  ['--forwarded-alow-ips=*', '--forwarded-alow-ips is unknown; did you mean --forwarded-allow-ips?'],
  ['--relaod', '--relaod is unknown; did you mean --reload?'],
  ['--prelaod', '--prelaod is unknown; did you mean --preload?'],
  ['--log-leve=debug --loglevel=debug', '--loglevel is unknown; did you mean --log-level?'],
  [
    '--work 3',
    '--work may be --workers or --worker-class or --worker-connections or --worker-tmp-dir: write more of it',
  ],
  ['-w many', "-w must be a whole number from 1 on, not 'many'"],
  ['-w 0', "-w must be a whole number from 1 on, not '0'"],
  ['--timeout=-1', "--timeout must be a whole number from 0 on, not '-1'"],
  ['--timeout', '--timeout needs a value'],
  ['--reload=yes', "--reload takes no value, not even 'yes'"],
  ['-x', '-x is unknown'],
  ['-b 8000', "-b must have a colon before a port alone, as in :8000, which is for all addresses, not '8000'"],
  ['-e A', '-e must be KEY=VALUE'],
  ['-k gevnt', "-k must name a class of gunicorn, or a class with its module, not 'gevnt'; did you mean gevent?"],
  ['-k fast', "-k must name a class of gunicorn, or a class with its module, not 'fast'"],
  ['--cert-reqs 3', '--cert-reqs must be 0, 1 or 2, not 3'],
  ['--reload-engine magic', "--reload-engine must be one of auto, poll, inotify, not 'magic'"],
]

for (const [words, message] of WRONG)
  test(`gunicorn ${words} is wrong`, t => {
    const adapted = adapt(['shop', ...words.split(' ')], inShop(t))
    assert.deepEqual(messages(adapted), [message])
  })

test('what is not supported stops the start, and --lenient tells it', t => {
  const environment = inShop(t)
  const words = ['shop', '--spew', '-k', 'tornado', '--permit-obsolete-folding']
  const strict = messages(adapt(words, environment))
  assert.equal(strict.length, 3)
  assert.equal(
    strict[0],
    '--spew is not supported: it would write every line of Python that runs; use a debugger, or py-spy on a worker, or start with --lenient to go on without it',
  )
  const lenient = adapt([...words, '--lenient'], environment)
  assert.deepEqual(messages(lenient), [])
  assert.deepEqual(
    notes(lenient).map(note => `${note}, or start with --lenient to go on without it`),
    strict,
  )
  assert.deepEqual(given(lenient, environment), { app: 'shop' })
})

test('what cannot matter is told once, and its default not at all', t => {
  const environment = inShop(t)
  const told = notes(adapt(['shop', '--worker-tmp-dir', '/dev/shm', '--reload-engine=auto'], environment))
  assert.deepEqual(told, ['--worker-tmp-dir is not needed: workers write no such files'])
})

test('the command line wins over GUNICORN_CMD_ARGS, which wins over the file; a list is not put together', t => {
  const environment = inShop(t, {
    GUNICORN_CMD_ARGS: '--workers 2 -b :2 -b :22 --name "a b"',
    WEB_CONCURRENCY: '9',
    PORT: '9',
  })
  const file = { workers: 1, bind: ['a:1', 'b:1'], threads: 3, timeout: 7, wsgi_app: 'site.wsgi', loglevel: null }
  const adapted = adapt(['-b', ':3', '--timeout', '8', 'shop'], environment, file)
  assert.deepEqual(given(adapted, environment), { bind: ':3', timeout: '8', workers: '2', threads: '3', app: 'shop' })
  const places = new Map([...adapted.args.values].map(([name, [first]]) => [name, first?.origin]))
  assert.deepEqual(places.get('workers'), { from: 'other', name: 'GUNICORN_CMD_ARGS: --workers' })
  assert.deepEqual(places.get('threads'), { from: 'other', name: 'gunicorn.conf.py: threads' })
})

test('wsgi_app of the file is the application, where no word names one', t => {
  const environment = inShop(t)
  assert.equal(given(adapt([], environment, { wsgi_app: 'shop:application' }), environment)['app'], 'shop:application')
  assert.match(messages(adapt([], environment))[0]!, /^APP must name the application/)
})

test('PORT, WEB_CONCURRENCY and FORWARDED_ALLOW_IPS count where nothing else is given', t => {
  const environment = inShop(t, { PORT: '5000', WEB_CONCURRENCY: '3', FORWARDED_ALLOW_IPS: '10.0.0.1' })
  const loaded = load(adapt(['shop'], environment), environment)
  assert.ok('config' in loaded)
  const { bind, apps, trustedProxies } = loaded.config
  assert.deepEqual(bind, [{ kind: 'tcp', host: '0.0.0.0', port: 5000 }])
  assert.equal(apps[0]?.workers, 3)
  assert.deepEqual(trustedProxies, ['10.0.0.1', 'unix'])
})

test("gunicorn's defaults hold where nothing is given, and our variables win over them", t => {
  const environment = inShop(t)
  const loaded = load(adapt(['shop', '--access-logfile', '-', '-b', 'unix:s'], environment), environment)
  assert.ok('config' in loaded)
  const { apps, timeouts, accessLog, unixMode, forwardedHeaders } = loaded.config
  const [app] = apps
  assert.deepEqual(
    [app?.workers, app?.threads, app?.timeouts.request, app?.timeouts.requestFor, timeouts.keepAlive, unixMode],
    [1, 1, 30_000, [], 2000, 0o777],
  )
  assert.equal(accessLog?.format, '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(B)s "%(f)s" "%(a)s"')
  assert.deepEqual([...forwardedHeaders].sort(), ['x-forwarded-proto', 'x-forwarded-protocol', 'x-forwarded-ssl'])
  assert.deepEqual(loaded.warnings, [])
  const other = makeEnvironment(environment.cwd, { variables: { JUMAK_KEEP_ALIVE: '75', JUMAK_WORKERS: '5' } })
  const withOurs = load(adapt(['shop'], other), other)
  assert.ok('config' in withOurs)
  assert.deepEqual([withOurs.config.timeouts.keepAlive, withOurs.config.apps[0]?.workers], [75_000, 5])
})

test('--protocol uwsgi is uwsgi:// in front of each address, for those of --uwsgi-allow-from', t => {
  const environment = inShop(t)
  const words = ['shop', '--protocol', 'uwsgi', '-b', ':3031', '-b', 'unix:s', '--uwsgi-allow-from', '10.0.0.5']
  const loaded = load(adapt(words, environment), environment)
  assert.ok('config' in loaded)
  const { bind, paramsFrom, unixMode } = loaded.config
  assert.deepEqual(
    bind.map(({ scheme, kind }) => `${scheme} ${kind}`),
    ['uwsgi tcp', 'uwsgi unix'],
  )
  assert.deepEqual([paramsFrom, unixMode], [['10.0.0.5', 'unix'], 0o777])
  const standard = load(adapt(['shop', '--protocol', 'uwsgi'], environment), environment)
  assert.ok('config' in standard)
  assert.deepEqual(standard.config.paramsFrom, ['127.0.0.1', '::1', 'unix'])
})

test('only a sync worker has a deadline for each request', t => {
  const environment = inShop(t)
  const times = (...words: string[]) => {
    const loaded = load(adapt(['shop', ...words], environment), environment)
    assert.ok('config' in loaded)
    const { request, requestFor } = loaded.config.apps[0]!.timeouts
    return [request, requestFor]
  }
  const none = [{ prefix: '/', timeout: 0 }]
  assert.deepEqual(times('--timeout', '60'), [60_000, []])
  assert.deepEqual(times('--timeout', '60', '--threads', '2'), [60_000, none])
  assert.deepEqual(times('-k', 'gthread'), [30_000, none])
  assert.deepEqual(times('-k', 'gevent'), [30_000, none])
  assert.deepEqual(times('-k', 'uvicorn.workers.UvicornWorker'), [30_000, none])
})

test('sockets of systemd take the place of all addresses', t => {
  const environment = inShop(t, { LISTEN_FDS: '2' })
  assert.equal(given(adapt(['shop', '-b', ':1'], environment), environment)['bind'], 'fd://3 fd://4')
})

test('SCRIPT_NAME is the root path', t => {
  const environment = inShop(t, { SCRIPT_NAME: '/shop' })
  for (const words of [[], ['-e', 'SCRIPT_NAME=/other']]) {
    const loaded = load(adapt(['shop', ...words], environment), environment)
    assert.ok('config' in loaded)
    assert.equal(loaded.config.apps[0]?.rootPath, words.length === 0 ? '/shop' : '/other')
  }
})

test('exit codes are those of gunicorn', t => {
  const environment = inShop(t)
  assert.deepEqual(adapt(['shop'], environment).exits, { settings: 1, application: 3 })
  assert.deepEqual(adapt(['shop', '--nope'], environment).exits, { settings: 2, application: 3 })
  assert.deepEqual(adapt(['shop', '--check-config'], environment).exits, { settings: 1, application: 1 })
  assert.deepEqual([...adapt(['shop', '--check-config'], environment).args.actions], ['check'])
})

test('questions are answered, and name every flag', t => {
  const environment = inShop(t)
  assert.match(adapt(['--version'], environment).answer!, /^jumak \d/)
  const help = adapt(['-h'], environment).answer!
  assert.match(help, /-w, --workers WORKERS +Worker processes; also \$WEB_CONCURRENCY\. \[1\]/)
  assert.match(help, /--spew +Write each line of Python that runs\. \(not supported\)/)
  assert.ok(help.split('\n').every(line => line.length <= 100))
})

test('the file is wanted first: of the words, of GUNICORN_CMD_ARGS, or the usual one if it is there', t => {
  const tree = makeTree(t, { 'shop.py': '', 'conf/g.py': '', 'site/x': '' })
  const environment = makeEnvironment(tree)
  const wanted = (...words: string[]) => adapt(['shop', ...words], environment).file
  assert.equal(wanted(), null)
  assert.deepEqual(wanted('-c', 'conf/g.py', '--chdir', 'site'), {
    path: join(tree, 'conf/g.py'),
    module: null,
    display: 'conf/g.py',
    directory: tree,
  })
  assert.equal(wanted('-c', 'file:conf/g.py')?.path, join(tree, 'conf/g.py'))
  assert.equal(wanted('-c', 'python:conf.g')?.module, 'conf.g')
  assert.equal(wanted('-c', '/dev/null'), null)
  assert.match(messages(adapt(['shop', '-c', 'nope.py'], environment))[0]!, /^-c must name a file that exists/)
  const usual = makeEnvironment(makeTree(t, { 'gunicorn.conf.py': '' }), { variables: { GUNICORN_CMD_ARGS: '-w 3' } })
  assert.equal(adapt(['shop'], usual).file?.display, 'gunicorn.conf.py')
  const named = makeEnvironment(tree, { variables: { GUNICORN_CMD_ARGS: '-c conf/g.py' } })
  assert.equal(adapt(['shop'], named).file?.display, 'conf/g.py')
})

test('GUNICORN_CMD_ARGS is read as a shell does, and its mistakes name it', t => {
  const open = inShop(t, { GUNICORN_CMD_ARGS: '--name "shop' })
  assert.deepEqual(messages(adapt(['shop'], open)), [
    'GUNICORN_CMD_ARGS must have a second " for the one at character 8',
  ])
  const unknown = inShop(t, { GUNICORN_CMD_ARGS: '--wrokers 3' })
  assert.deepEqual(messages(adapt(['shop'], unknown)), [
    'GUNICORN_CMD_ARGS: --wrokers is unknown; did you mean --workers?',
  ])
})

test('a word too many does nothing, and is told', t => {
  const adapted = adapt(['shop', 'other', '-w', '2'], inShop(t))
  assert.deepEqual(notes(adapted), ["the word 'other' behind APP does nothing, as in gunicorn"])
})
