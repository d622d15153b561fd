/** Each setting from the command line, a variable and a file: the value that comes of it, its default, and what is refused. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type LoadResult, loadConfig } from './load.ts'
import { SETTINGS } from './settings/index.ts'
import { isFrom, labelOf, type Setting, variableOf } from './settings/setting.ts'
import { parseArguments } from './sources/arguments.ts'
import { makeEnvironment, makeTree } from './testing/tree.ts'
import type { Config } from './types.ts'

interface Case {
  readonly of: (config: Config) => unknown
  /** Value of the default. */
  readonly standard: unknown
  /** Text → value; `$` is the directory. The first one is tried from a file as well, as `toml`. */
  readonly texts: readonly (readonly [text: string, value: unknown])[]
  readonly toml: string
  /** Some text that is refused, and what is said to be allowed. */
  readonly wrong: readonly [text: string, allowed: RegExp]
  /** More of the command line that it needs to be seen. */
  readonly with?: readonly string[]
}

const SECONDS = 1000
const GIB = 1024 ** 3
const NUMBER_FROM = /must be a whole number from \d+ to \d+/
const TIME = /must be seconds \(30\) or a number with a unit/
const SIZE = /must be bytes \(1048576\) or a number with a unit/

function time(of: Case['of'], standard: number): Case {
  return {
    of,
    standard,
    texts: [
      ['1.5', 1500],
      ['2m', 120 * SECONDS],
      ['500ms', 500],
    ],
    toml: '1.5',
    wrong: ['2 minutes', TIME],
  }
}

function rate(of: Case['of']): Case {
  return {
    of,
    standard: 240,
    texts: [
      ['1K', 1024],
      ['0', 0],
    ],
    toml: '"1K"',
    wrong: ['1K/s', SIZE],
  }
}

function probe(of: Case['of']): Case {
  return {
    of,
    standard: null,
    texts: [
      ['/-/probe', '/-/probe'],
      ['off', null],
    ],
    toml: '"/-/probe"',
    wrong: ['/a b', /must be a plain path as clients send it/],
  }
}

const log = ['--access-log=-']

const CASES: Readonly<Record<string, Case>> = {
  app: {
    of: ({ app }) => app.display,
    standard: 'app:app',
    texts: [
      ['blog.wsgi', 'blog.wsgi'],
      ['app.py', 'app.py'],
      ['.', 'app:app'],
    ],
    toml: '"blog.wsgi"',
    wrong: ['shop:', /must have the name of a callable/],
  },
  config: {
    of: ({ threads }) => threads,
    standard: 1,
    texts: [
      ['other.toml', 9],
      ['$/other.toml', 9],
      ['auto', 1],
    ],
    toml: '',
    wrong: ['nowhere.toml', /must name a file that exists/],
  },
  chdir: {
    of: ({ directory }) => directory,
    standard: '$',
    texts: [
      ['site', '$/site'],
      ['$/site', '$/site'],
      ['.', '$'],
    ],
    toml: '"site"',
    wrong: ['nowhere', /must name a directory that exists/],
  },
  python: {
    of: ({ python }) => python,
    standard: null,
    texts: [
      ['./venv/bin/python', '$/venv/bin/python'],
      ['python3.13', 'python3.13'],
      ['auto', null],
    ],
    toml: '"venv/bin/python"',
    wrong: ['\0', /must name a Python interpreter or a virtual environment, or be auto/],
  },
  preload: {
    of: ({ preload }) => preload,
    standard: 'auto',
    texts: [
      ['off', 'off'],
      ['on', 'on'],
      ['auto', 'auto'],
    ],
    toml: 'false',
    wrong: ['yes', /must be on, off or auto/],
  },
  'post-fork': {
    of: ({ postFork }) => postFork,
    standard: null,
    texts: [['shop.hooks:after_fork', { module: 'shop.hooks', attribute: 'after_fork' }]],
    toml: '"shop.hooks:after_fork"',
    wrong: ['shop.hooks', /must be module:function/],
  },
  'root-path': {
    of: ({ rootPath }) => rootPath,
    standard: '',
    texts: [
      ['/shop', '/shop'],
      ['/shop/', '/shop'],
      ['/', ''],
    ],
    toml: '"/shop"',
    wrong: ['shop', /must begin with a slash/],
  },
  env: {
    of: ({ variables }) => variables,
    standard: {},
    texts: [
      ['A=1', { A: '1' }],
      ['A=', { A: '' }],
      ['URL=http://x/?a=b,c', { URL: 'http://x/?a=b,c' }],
    ],
    toml: '{ A = 1 }',
    wrong: ['A', /must be KEY=VALUE/],
  },
  warmup: {
    of: ({ warmup }) => warmup,
    standard: [],
    texts: [
      ['/health?a=1?', [{ scheme: 'http', authority: 'localhost', target: '/health?a=1?' }]],
      ['https://shop.example:8443/', [{ scheme: 'https', authority: 'shop.example:8443', target: '/' }]],
      ['http://[::1]/a', [{ scheme: 'http', authority: '[::1]', target: '/a' }]],
    ],
    toml: '["/health?a=1?"]',
    wrong: ['health', /must be a path that begins with a slash, or a URL/],
  },
  'env-file': {
    of: ({ envFiles }) => envFiles,
    standard: [],
    texts: [['.env', ['$/.env']]],
    toml: '[".env"]',
    wrong: ['.envy', /must name a file that exists/],
  },
  bind: {
    of: ({ bind }) => bind,
    standard: [{ kind: 'tcp', host: '127.0.0.1', port: 8000 }],
    texts: [
      ['9000', [{ kind: 'tcp', host: '127.0.0.1', port: 9000 }]],
      [
        ':80, unix:a.sock',
        [
          { kind: 'tcp', host: '0.0.0.0', port: 80 },
          { kind: 'unix', path: '$/a.sock' },
        ],
      ],
      ['fd://3', [{ kind: 'fd', fd: 3 }]],
    ],
    toml: '9000',
    wrong: ['localhost', /must be HOST:PORT, :PORT, PORT, \[IPv6\]:PORT, unix:PATH or fd:\/\/N/],
  },
  'unix-mode': {
    of: ({ unixMode }) => unixMode,
    standard: 0o666,
    texts: [
      ['660', 0o660],
      ['0600', 0o600],
      ['0o600', 0o600],
    ],
    toml: '"660"',
    wrong: ['888', /must be octal, from 0 to 777/],
    with: ['-b', 'unix:x.sock'],
  },
  'trusted-proxies': {
    of: ({ trustedProxies }) => trustedProxies,
    standard: ['127.0.0.0/8', '::1', 'unix'],
    texts: [
      ['10.0.0.0/8,2001:db8::/32, unix', ['10.0.0.0/8', '2001:db8::/32', 'unix']],
      ['*', ['0.0.0.0/0', '::/0', 'unix']],
      ['none', []],
    ],
    toml: '["10.0.0.0/8", "2001:db8::/32", "unix"]',
    wrong: ['10.0.0.0/33', /must be an IP address, a range/],
  },
  'forwarded-headers': {
    of: ({ forwardedHeaders }) => forwardedHeaders,
    standard: ['x-forwarded-for', 'x-forwarded-proto'],
    texts: [
      ['x-forwarded-FOR, X-Forwarded-Host,X-Forwarded-For', ['x-forwarded-for', 'x-forwarded-host']],
      ['Forwarded', ['forwarded']],
      ['none', []],
    ],
    toml: '["X-Forwarded-For", "X-Forwarded-Host"]',
    wrong: ['X_Forwarded_Hots', /must be Forwarded, X-Forwarded-For, .* or none \(did you mean X-Forwarded-Host\?\)/],
  },
  workers: {
    of: ({ workers, asgiWorkers, workersReason }) => [workers, asgiWorkers, workersReason],
    standard: [4, 1, 'auto: 4 cores'],
    texts: [
      ['7', [7, null, '']],
      ['auto', [4, null, 'auto: 4 cores']],
    ],
    toml: '7',
    wrong: ['0', /must be a whole number from 1 to 1024, or auto/],
  },
  threads: {
    of: ({ threads }) => threads,
    standard: 1,
    texts: [['8', 8]],
    toml: '8',
    wrong: ['many', /must be a whole number from 1 to 256/],
  },
  concurrency: {
    of: ({ concurrency }) => concurrency,
    standard: 1000,
    texts: [['64', 64]],
    toml: '64',
    wrong: ['0', /must be a whole number from 1 to 65536/],
  },
  lifespan: {
    of: ({ lifespan }) => lifespan,
    standard: 'auto',
    texts: [['off', 'off']],
    toml: '"off"',
    wrong: ['yes', /must be auto, on or off/],
  },
  timeout: time(({ timeouts }) => timeouts.request, 30 * SECONDS),
  'timeout-for': {
    of: ({ timeouts }) => timeouts.requestFor,
    standard: [],
    texts: [
      ['/export=5m', [{ prefix: '/export/', timeout: 300_000 }]],
      ['/ping=0', [{ prefix: '/ping/', timeout: 0 }]],
    ],
    toml: '{ "/export" = "5m" }',
    wrong: ['/export', /must be PREFIX=TIME/],
  },
  'stream-idle-timeout': time(({ timeouts }) => timeouts.streamIdle, 3600 * SECONDS),
  'graceful-timeout': time(({ timeouts }) => timeouts.graceful, 30 * SECONDS),
  'shutdown-delay': time(({ shutdownDelay }) => shutdownDelay, 0),
  'start-timeout': time(({ startTimeout }) => startTimeout, 300 * SECONDS),
  'max-requests': {
    of: ({ recycle }) => recycle.maxRequests,
    standard: 0,
    texts: [['1000', 1000]],
    toml: '1_000',
    wrong: ['1k', NUMBER_FROM],
  },
  'max-requests-jitter': {
    of: ({ recycle }) => recycle.maxRequestsJitter,
    standard: 0,
    texts: [['100', 100]],
    toml: '100',
    wrong: ['-1', NUMBER_FROM],
  },
  'max-age': time(({ recycle }) => recycle.maxAge, 0),
  'max-memory': {
    of: ({ recycle }) => recycle.maxMemory,
    standard: 0,
    texts: [
      ['300M', 300 * 1024 ** 2],
      ['1.5GiB', 1.5 * GIB],
      ['0', 0],
      ['1073741824', GIB],
    ],
    toml: '"300M"',
    wrong: ['300', /must be from 16M to 1T, or 0/],
  },
  'health-path': probe(({ health }) => health.live),
  'ready-path': probe(({ health }) => health.ready),
  'keep-alive': { ...time(({ timeouts }) => timeouts.keepAlive, 75 * SECONDS), wrong: ['0', /must be a time above 0/] },
  'header-timeout': time(({ timeouts }) => timeouts.head, 15 * SECONDS),
  'body-timeout': time(({ timeouts }) => timeouts.body, 30 * SECONDS),
  'send-timeout': time(({ timeouts }) => timeouts.send, 60 * SECONDS),
  'min-body-rate': rate(({ limits }) => limits.bodyRate),
  'min-send-rate': rate(({ limits }) => limits.sendRate),
  'queue-limit': {
    of: ({ limits }) => limits.queue,
    standard: 1024,
    texts: [['10', 10]],
    toml: '10',
    wrong: ['0', NUMBER_FROM],
  },
  'queue-timeout': time(({ timeouts }) => timeouts.queue, 30 * SECONDS),
  'queue-order': {
    of: ({ queueOrder }) => queueOrder,
    standard: 'fifo',
    texts: [
      ['newest-first', 'newest-first'],
      ['fifo', 'fifo'],
    ],
    toml: '"newest-first"',
    wrong: ['lifo', /must be fifo or newest-first/],
  },
  retry: {
    of: ({ retry }) => retry,
    standard: true,
    texts: [
      ['off', false],
      ['on', true],
    ],
    toml: 'false',
    wrong: ['never', /must be on or off/],
  },
  'request-buffering': {
    of: ({ requestBuffering }) => requestBuffering,
    standard: true,
    texts: [
      ['off', false],
      ['on', true],
      ['False', false],
    ],
    toml: 'false',
    wrong: ['maybe', /must be on or off/],
  },
  'limit-request-line': {
    of: ({ limits }) => limits.requestLine,
    standard: 8192,
    texts: [['16K', 16_384]],
    toml: '16384',
    wrong: ['4 KB', SIZE],
  },
  'limit-request-fields': {
    of: ({ limits }) => limits.headerCount,
    standard: 100,
    texts: [['50', 50]],
    toml: '50',
    wrong: ['0', NUMBER_FROM],
  },
  'limit-request-header-size': {
    of: ({ limits }) => limits.headerBytes,
    standard: 65_536,
    texts: [['16k', 16_384]],
    toml: '"16k"',
    wrong: ['1', /must be from 512 to 256K/],
  },
  'limit-request-body': {
    of: ({ limits }) => limits.body,
    standard: GIB,
    texts: [
      ['10M', 10 * 1024 ** 2],
      ['0', Number.MAX_SAFE_INTEGER],
    ],
    toml: '10485760',
    wrong: ['big', SIZE],
  },
  'ws-max-size': {
    of: ({ limits }) => limits.websocketMessage,
    standard: 16 * 1024 ** 2,
    texts: [['1M', 1024 ** 2]],
    toml: '1048576',
    wrong: ['big', SIZE],
  },
  'ws-ping-interval': time(({ timeouts }) => timeouts.websocketPing, 20 * SECONDS),
  'ws-ping-timeout': time(({ timeouts }) => timeouts.websocketPong, 20 * SECONDS),
  'limit-temp-bytes': {
    of: ({ limits }) => limits.temporaryBytes,
    standard: null,
    texts: [
      ['2G', 2 * GIB],
      ['auto', null],
    ],
    toml: '"2G"',
    wrong: ['1K', /must be from 1M to 1024T, or auto/],
  },
  'limit-memory': {
    of: ({ limits }) => limits.memory,
    standard: GIB,
    texts: [
      ['2G', 2 * GIB],
      ['auto', GIB],
    ],
    toml: '"2G"',
    wrong: ['1K', /must be from 1M to 1T, or auto/],
  },
  'limit-connections': {
    of: ({ limits }) => limits.connections,
    standard: 4096,
    texts: [
      ['100', 100],
      ['auto', 4096],
    ],
    toml: '100',
    wrong: ['0', NUMBER_FROM],
  },
  'limit-connections-per-address': {
    of: ({ limits }) => limits.connectionsPerAddress,
    standard: 2048,
    texts: [
      ['100', 100],
      ['0', 0],
      ['auto', 2048],
    ],
    toml: '100',
    wrong: ['many', /must be a whole number from 0 to 1000000, or auto/],
  },
  static: {
    of: ({ staticMounts, findStatic }) => [staticMounts, findStatic],
    standard: [[], true],
    texts: [
      ['/static=site', [[{ url: '/static/', directory: '$/site' }], true]],
      ['off', [[], false]],
    ],
    toml: '{ "/static" = "site" }',
    wrong: ['/static', /must be URL=DIR/],
  },
  'error-page': {
    of: ({ errorPages }) => errorPages,
    standard: [],
    texts: [['502=page.html', [{ status: 502, format: 'html', content: '<p>down' }]]],
    toml: '{ 502 = "page.html" }',
    wrong: ['200=page.html', /must have one of these before the equals sign: 400, .* or 507/],
  },
  'access-log': {
    of: ({ accessLog }) => accessLog?.path,
    standard: undefined,
    texts: [
      ['a.log', '$/a.log'],
      ['-', '-'],
      ['/var/log/a.log', '/var/log/a.log'],
      ['off', undefined],
    ],
    toml: '"a.log"',
    wrong: ['\0', /must name a file, or be - \(standard output\) or off/],
  },
  'access-log-format': {
    of: ({ accessLog }) => accessLog?.format,
    standard: 'combined',
    texts: [
      ['json', 'json'],
      ['common', 'common'],
      ['%(h)s %(s)s', '%(h)s %(s)s'],
    ],
    toml: '"json"',
    wrong: ['jsno', /must be common, combined, json, or one line with atoms/],
    with: log,
  },
  'access-log-min-status': {
    of: ({ accessLog }) => accessLog?.minStatus,
    standard: 0,
    texts: [
      ['400', 400],
      ['0', 0],
    ],
    toml: '400',
    wrong: ['4xx', /must be a status from 100 to 599, or 0/],
    with: log,
  },
  'access-log-slow': { ...time(({ accessLog }) => accessLog?.slowerThan, 0), with: log },
  'log-file': {
    of: ({ logFile }) => logFile,
    standard: null,
    texts: [
      ['j.log', '$/j.log'],
      ['-', null],
    ],
    toml: '"j.log"',
    wrong: ['\0', /must name a file, or be - \(standard error\)/],
  },
  'log-level': {
    of: ({ logLevel }) => logLevel,
    standard: 'info',
    texts: [
      ['debug', 'debug'],
      ['warn', 'warn'],
      ['error', 'error'],
    ],
    toml: '"debug"',
    wrong: ['loud', /must be debug, info, warn or error/],
  },
  'log-format': {
    of: ({ logFormat }) => logFormat,
    standard: 'text',
    texts: [['json', 'json']],
    toml: '"json"',
    wrong: ['xml', /must be text or json/],
  },
  user: {
    of: ({ identity }) => identity,
    standard: null,
    texts: [
      ['www-data', { uid: 33, gid: 33, userName: 'www-data' }],
      ['33', { uid: 33, gid: 33, userName: 'www-data' }],
      ['none', null],
    ],
    toml: '"www-data"',
    wrong: ['nobody-there', /must name a user that this machine knows/],
  },
  group: {
    of: ({ identity }) => identity,
    standard: null,
    texts: [
      ['staff', { uid: 0, gid: 50, userName: 'root' }],
      ['5000', { uid: 0, gid: 5000, userName: 'root' }],
    ],
    toml: '"staff"',
    wrong: ['no-group', /must name a group that this machine knows/],
  },
  umask: {
    of: ({ umask }) => umask,
    standard: null,
    texts: [
      ['027', 0o27],
      ['0', 0],
      ['inherit', null],
    ],
    toml: '"027"',
    wrong: ['9', /must be octal, from 0 to 777, as in 027, or inherit/],
  },
  'pid-file': {
    of: ({ pidFile }) => pidFile,
    standard: null,
    texts: [
      ['j.pid', '$/j.pid'],
      ['off', null],
    ],
    toml: '"j.pid"',
    wrong: ['\0', /must name a file, or be off/],
  },
  'temp-dir': {
    of: ({ temporaryDirectory }) => temporaryDirectory,
    standard: '/tmp',
    texts: [
      ['site', '$/site'],
      ['auto', '/tmp'],
    ],
    toml: '"site"',
    wrong: ['nowhere', /must name a directory that this user may write to/],
  },
  reload: {
    of: ({ isDevelopment, watch }) => [isDevelopment, watch],
    standard: [false, []],
    texts: [
      ['on', [true, ['$']]],
      ['off', [false, []]],
    ],
    toml: 'true',
    wrong: ['perhaps', /must be on or off/],
  },
  'reload-dir': {
    of: ({ watch }) => watch,
    standard: ['$'],
    texts: [['site', ['$/site']]],
    toml: '["site"]',
    wrong: ['nowhere', /must name a directory that exists/],
    with: ['--reload'],
  },
}

interface Given {
  readonly words?: readonly string[]
  readonly variables?: Readonly<Record<string, string>>
  readonly toml?: string
}

/** In a directory with an application and a directory `site` with another; as root. */
function load(t: TestContext, { words = [], variables = {}, toml }: Given): { loaded: LoadResult; root: string } {
  const root = makeTree(t, {
    'app.py': 'app = 1',
    'page.html': '<p>down',
    'site/wsgi.py': 'application = 1',
    '.env': '',
    'other.toml': 'threads = 9',
  })
  if (toml !== undefined) writeFileSync(join(root, 'jumak.toml'), toml)
  const place = (text: string) => text.replaceAll('$', root)
  const environment = makeEnvironment(root, {
    uid: 0,
    gid: 0,
    variables: Object.fromEntries(Object.entries(variables).map(([name, text]) => [name, place(text)])),
  })
  return { loaded: loadConfig(parseArguments(words.map(place)), environment), root }
}

function expectValue(t: TestContext, { of }: Case, given: Given, value: unknown): void {
  const { loaded, root } = load(t, given)
  assert.ok('config' in loaded, JSON.stringify(loaded))
  assert.deepEqual(of(loaded.config), JSON.parse(JSON.stringify({ value }).replaceAll('$', root)).value)
}

function wordsFor(setting: Setting, text: string): string[] {
  if (setting.positional) return [text]
  if (setting.kind.isSwitch) return [text === 'on' ? `--${setting.name}` : `--no-${setting.name}`]
  return [`--${setting.name}=${text}`]
}

for (const setting of SETTINGS) {
  const { name } = setting
  const one = CASES[name]
  test(`${name} has a test of its own`, () => assert.ok(one !== undefined))
  if (one === undefined) continue
  const more = one.with ?? []

  test(`${name}: default`, t => expectValue(t, one, { words: more }, one.standard))

  for (const [text, value] of one.texts) {
    test(`${name}: ${JSON.stringify(text)} from the command line`, t =>
      expectValue(t, one, { words: [...more, ...wordsFor(setting, text)] }, value))
    if (isFrom(setting, 'variable'))
      test(`${name}: ${JSON.stringify(text)} from ${variableOf(setting)}`, t =>
        expectValue(t, one, { words: more, variables: { [variableOf(setting)]: text } }, value))
  }

  const [, value] = one.texts[0]!
  if (isFrom(setting, 'file'))
    test(`${name}: ${one.toml} from a file`, t =>
      expectValue(t, one, { words: more, toml: `${name} = ${one.toml}\n` }, value))

  const [text, allowed] = one.wrong
  if (!setting.kind.isSwitch)
    test(`${name}: ${JSON.stringify(text)} on the command line is told once, with what is allowed`, t => {
      const { loaded } = load(t, { words: wordsFor(setting, text) })
      assert.ok('diagnostics' in loaded)
      const [{ subject, message } = { subject: '', message: '' }, ...others] = loaded.diagnostics
      assert.deepEqual(others, [])
      assert.equal(subject, labelOf(setting))
      assert.ok(message.startsWith(`${subject} must `), message)
      assert.match(message, allowed)
    })
  if (isFrom(setting, 'variable'))
    test(`${name}: ${JSON.stringify(text)} in a variable is told by the name of the variable`, t => {
      const { loaded } = load(t, { variables: { [variableOf(setting)]: text } })
      assert.ok('diagnostics' in loaded)
      assert.deepEqual(
        loaded.diagnostics.map(({ subject }) => subject),
        [variableOf(setting)],
      )
      assert.match(loaded.diagnostics[0]!.message, allowed)
    })
  if (isFrom(setting, 'file') && name !== 'env')
    test(`${name}: ${JSON.stringify(text)} in a file is told with its line and column`, t => {
      const { loaded } = load(t, { toml: `# first\n\n${name} = ${JSON.stringify(text)}\n` })
      assert.ok('diagnostics' in loaded)
      assert.deepEqual(
        loaded.diagnostics.map(({ subject }) => subject),
        [`jumak.toml:3:${name.length + 4}`],
      )
      assert.match(loaded.diagnostics[0]!.message, allowed)
      assert.ok(loaded.diagnostics[0]!.message.includes(`: ${name} must`), loaded.diagnostics[0]!.message)
    })
}
