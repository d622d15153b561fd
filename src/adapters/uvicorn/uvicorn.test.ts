/** uvicorn's command line: the table against uvicorn's own list, forms of values, variables, precedence, mistakes. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { loadConfig } from '../../config/load.ts'
import { SETTINGS as OURS } from '../../config/settings/index.ts'
import { makeEnvironment, makeTree } from '../../config/testing/tree.ts'
import type { AppConfig, Config } from '../../config/types.ts'
import { SETTINGS } from './table.ts'
import { PEER_OPTIONS } from './testing/options.ts'
import { uvicorn } from './uvicorn.ts'
import { variableOf } from './variables.ts'

type Variables = Readonly<Record<string, string>>

interface Read {
  readonly config: Config
  readonly app: AppConfig
  readonly problems: readonly string[]
  readonly notes: readonly string[]
  readonly answer: string | null
  readonly root: string
}

function read(t: TestContext, words: readonly string[], variables: Variables = {}): Read {
  const root = makeTree(t, {
    'shop.py': 'app = 1',
    '.env': 'WEB_CONCURRENCY=3\nA=$'.concat('{B}\n'),
    'src/lib.py': '',
    'k.pem': '',
  })
  const environment = makeEnvironment(root, { variables })
  const { args, answer } = uvicorn.adapt(words, environment, null)
  const loaded = loadConfig(args, environment)
  const problems = 'diagnostics' in loaded ? loaded.diagnostics.map(({ message }) => message) : []
  const config = 'config' in loaded ? loaded.config : (null as unknown as Config)
  return { config, app: config?.apps[0] as AppConfig, problems, notes: args.adapted?.notes ?? [], answer, root }
}

test('the table has every option of uvicorn, with its default', () => {
  const flags = SETTINGS.flatMap(option => option.flags)
  assert.deepEqual(flags.toSorted(), PEER_OPTIONS.flatMap(([names]) => names).toSorted())
  assert.equal(PEER_OPTIONS.length, 50)
  assert.equal(new Set(SETTINGS.map(({ name }) => name)).size, 50)
  for (const [[flag], standard] of PEER_OPTIONS) {
    const option = SETTINGS.find(({ flags }) => flags.includes(flag!))
    assert.equal(option?.standard ?? 'None', STANDARDS[flag!] ?? standard, `${flag}`)
    assert.notEqual(option?.doc, '')
  }
})

/** Where the list has a name for a number, or a default that only works out to one. */
const STANDARDS: Variables = {
  '--ssl-version': '17',
  '--ssl-cert-reqs': '0',
  '--use-colors': 'None',
  '--version': 'False',
  '--h11-max-incomplete-event-size': '65536',
}

test('every value of ours is one that a setting has', t => {
  const { config } = read(t, ['shop:app'])
  assert.ok(config)
  const names = new Set(OURS.map(({ name }) => name))
  const { args } = uvicorn.adapt(['shop:app', '--limit-concurrency', '3'], makeEnvironment('/'), null)
  for (const name of [...args.values.keys(), ...(args.adapted?.defaults.keys() ?? [])]) assert.ok(names.has(name), name)
})

test("uvicorn's defaults", t => {
  const { config, app, notes } = read(t, ['shop:app'])
  assert.deepEqual(config.bind, [{ kind: 'tcp', host: '127.0.0.1', port: 8000 }])
  assert.deepEqual([app.workers, app.asgiWorkers, app.timeouts.request, app.timeouts.streamIdle], [1, null, 0, 0])
  assert.equal(config.accessLog?.path, '-')
  assert.equal(config.timeouts.keepAlive, 5000)
  assert.deepEqual(config.trustedProxies, ['127.0.0.1'])
  assert.deepEqual(app.loggers, { server: 'uvicorn', level: null })
  assert.deepEqual([app.target.module, app.target.attributes, app.target.factory], ['shop', ['app'], false])
  assert.deepEqual(notes, [])
})

/** Words → what comes of them. */
const VALUES: readonly (readonly [words: string, of: (read: Read) => unknown, expected: unknown])[] = [
  ['--host 0.0.0.0 --port 80', bind, { kind: 'tcp', host: '0.0.0.0', port: 80 }],
  ['--port=0', bind, { kind: 'tcp', host: '127.0.0.1', port: 0 }],
  ['--host ::1', bind, { kind: 'tcp', host: '::1', port: 8000 }],
  ['--host localhost', bind, { kind: 'tcp', host: 'localhost', port: 8000 }],
  ['--host=', bind, { kind: 'tcp', host: '0.0.0.0', port: 8000 }],
  ['--uds a.sock --port 80', bind, { kind: 'unix', path: '$/a.sock' }],
  ['--fd 3', bind, { kind: 'fd', fd: 3 }],
  ['--factory', ({ app }) => app.target.factory, true],
  ['--app-dir src', ({ app }) => app.importPath, ['$/src']],
  ['--app-dir .', ({ app }) => app.importPath, []],
  ['--interface wsgi', ({ app }) => [app.interface, app.threads], ['wsgi', 10]],
  ['--interface asgi2', ({ app }) => app.interface, 'asgi2'],
  ['--lifespan off', ({ app }) => app.lifespan, 'off'],
  ['--loop none', ({ app }) => app.loop, 'asyncio'],
  ['--loop uvloop', ({ app }) => app.loop, 'uvloop'],
  ['--root-path /api/v1', ({ app }) => app.rootPath, '/api/v1'],
  ['--env-file .env', ({ app }) => [app.envFiles, app.workers], [['$/.env'], 3]],
  ['--workers 4', ({ app }) => app.workers, 4],
  ['--workers 0', ({ app }) => app.workers, 1],
  ['--workers 4 --reload', ({ app, config }) => [app.workers, config.isDevelopment], [1, true]],
  ['--reload --reload-dir src', ({ app }) => app.watch, ['$/src']],
  ['--limit-concurrency 9', ({ app }) => [app.concurrency, app.limits.queue], [9, 0]],
  ['--limit-max-requests 9 --limit-max-requests-jitter 3', ({ app }) => app.recycle.maxRequestsJitter, 3],
  ['--timeout-keep-alive 0', ({ config }) => config.timeouts.keepAlive, 1000],
  ['--timeout-keep-alive 600', ({ config }) => config.timeouts.keepAlive, 600_000],
  ['--timeout-graceful-shutdown 300', ({ app }) => app.timeouts.graceful, 300_000],
  ['--log-level trace', ({ config, app }) => [config.logLevel, app.loggers?.level], ['debug', 5]],
  [
    '--log-level warning',
    ({ config, app }) => [config.logLevel, config.accessLog, app.loggers?.level],
    ['warn', null, 30],
  ],
  ['--log-config log.yml', ({ app }) => app.logConfig, '$/log.yml'],
  ['--no-access-log', ({ config }) => config.accessLog, null],
  ['--no-access-log --access-log', ({ config }) => config.accessLog?.path, '-'],
  ['--forwarded-allow-ips *', ({ config }) => config.trustedProxies, ['0.0.0.0/0', '::/0', 'unix']],
  ["--forwarded-allow-ips='*'", ({ config }) => config.trustedProxies, []],
  ['--forwarded-allow-ips 10.0.0.0/8,::1', ({ config }) => config.trustedProxies, ['10.0.0.0/8', '::1']],
  ['--no-proxy-headers', ({ config }) => config.trustedProxies, []],
  ['--header X-A:b --header C:d', ({ config }) => config.responseHeaders, ['X-A', 'b', 'C', 'd']],
  ['--server-header', ({ config }) => config.responseHeaders, ['server', 'uvicorn']],
  ['--server-header --header Server:shop', ({ config }) => config.responseHeaders, ['Server', 'shop']],
  ['--no-server-header', ({ config }) => config.responseHeaders, []],
  ['--h11-max-incomplete-event-size 200000', ({ config }) => config.limits.headerBytes, 200_000],
  ['--ws-max-size 1000', ({ config }) => config.limits.websocketMessage, 1000],
  ['--ws-ping-interval=70 --ws-ping-timeout=2.5', ({ config }) => config.timeouts.websocketPong, 2500],
  ['--ws-per-message-deflate no', ({ config }) => config.webSocketCompression, false],
  ['--ssl-certfile k.pem', ({ config }) => config.tls.entries[0]?.certificates[0]?.key, '$/k.pem'],
  ['--ssl-certfile k.pem --ssl-keyfile x.pem', ({ config }) => config.tls.entries[0]?.certificates[0]?.key, '$/x.pem'],
  [
    '--ssl-certfile k.pem --ssl-cert-reqs 2 --ssl-ca-certs k.pem',
    ({ config }) => config.tls.entries[0]?.clients?.isRequired,
    true,
  ],
  [
    '--http h11 --ws wsproto --backlog 2048 --no-use-colors --reset-contextvars',
    bind,
    { kind: 'tcp', host: '127.0.0.1', port: 8000 },
  ],
]

function bind({ config }: Read): unknown {
  return config.bind[0]
}

for (const [words, of, expected] of VALUES)
  test(`uvicorn ${words}`, t => {
    const result = read(t, [...words.split(' '), 'shop:app'])
    assert.deepEqual(result.problems, [])
    const shown = JSON.parse(JSON.stringify(of(result) ?? null).replaceAll(result.root, '$'))
    assert.deepEqual(shown, expected)
  })

/** Words → what is told: a difference that somebody may notice. */
const TOLD: readonly (readonly [words: string, note: RegExp])[] = [
  ['--limit-max-requests 9', /^--limit-max-requests replaces the worker here/],
  ['--limit-concurrency 9', /^--limit-concurrency counts requests .* 503/],
  ['--no-date-header', /^--no-date-header does nothing: every response has a Date/],
  ['--ws none', /^--ws does nothing: a WebSocket goes to the application/],
  ['--uds a --host b', /^--host does nothing beside --uds/],
  ['--reload-dir src', /^--reload-dir does nothing without --reload/],
  ['--backlog 9', /^--backlog is not needed/],
  ['--env-file .env', /^--env-file has \$\{…\} in A/],
  ['--forwarded-allow-ips proxy', /^--forwarded-allow-ips has proxy, which is no address/],
  ['--ws-max-size 999999999', /^--ws-max-size is 67108864 here/],
]

for (const [words, note] of TOLD)
  test(`uvicorn ${words} is told`, t => {
    const { notes, problems } = read(t, [...words.split(' '), 'shop:app'])
    assert.deepEqual([problems, notes.filter(one => note.test(one)).length], [[], 1], notes.join('\n'))
  })

/** What stops the start unless it is lenient. */
for (const words of ['--ssl-version 3', '--http shop:Protocol', '--ws shop:Protocol', '--loop shop:make_loop'])
  test(`uvicorn ${words} stops the start, unless it is lenient`, t => {
    const flag = words.split(' ')[0]
    const { problems } = read(t, ['shop:app', ...words.split(' ')])
    assert.deepEqual(problems.length, 1)
    assert.match(problems[0]!, new RegExp(`^${flag} is not supported: it would .*--lenient`))
    const lenient = read(t, ['shop:app', '--lenient', ...words.split(' ')])
    assert.deepEqual(lenient.problems, [])
    assert.equal(lenient.notes.length, 1)
  })

test('the password of a key is in memory only', t => {
  const words = ['shop:app', '--ssl-certfile', 'k.pem', '--ssl-keyfile-password', 'hush-hush']
  const { config, notes, problems } = read(t, words)
  assert.deepEqual(problems, [])
  assert.equal(config.tls.entries[0]?.keyPassword?.reveal(), 'hush-hush')
  assert.match(notes.join(), /^--ssl-keyfile-password can be read by others/)
  const { args } = uvicorn.adapt(words, makeEnvironment('/'), null)
  assert.doesNotMatch(JSON.stringify([config, notes, [...args.values], args.adapted]), /hush/)
})

/** Ten typing mistakes, and what is said. */
const MISTAKES: readonly (readonly [words: string, problem: RegExp])[] = [
  ['shop:app --prot 80', /^--prot is unknown; did you mean --port\?$/],
  ['shop:app --worker 4', /^--worker is unknown; did you mean --workers\?$/],
  ['shop:app --port http', /^--port must be a whole number.*, not 'http'$/],
  ['shop:app --port 99999', /^--port must be a port from 0 to 65535, not 99999$/],
  ['shop:app --log-level INFO', /^--log-level must be one of critical, .*, not 'INFO'$/],
  ['shop:app --reload=true', /^--reload takes no value, not even 'true'$/],
  ['shop:app --host', /^--host needs a value$/],
  ['shop:app --root-path api', /^--root-path must begin with a slash, as in \/shop, not 'api'$/],
  ['shop:app extra', /^APP must be one word: 'extra' stands behind shop:app$/],
  ['--port 80', /^APP must name the application/],
  ['shop --factory', /^APP must name its factory with --factory/],
  ['shop:app --header Server', /^--header must be NAME:VALUE, not 'Server'$/],
  ['shop:app --env-file nowhere', /^--env-file must name a file that exists/],
  ['shop:app --reload --reload-dir nowhere', /^--reload-dir must name a directory that exists/],
  ['shop:app --ws-per-message-deflate maybe', /^--ws-per-message-deflate must be one of true, false/],
]

for (const [words, problem] of MISTAKES)
  test(`uvicorn ${words} is refused`, t => {
    const { problems } = read(t, words.split(' '))
    assert.equal(problems.length, 1, problems.join('\n'))
    assert.match(problems[0]!, problem)
  })

test('each option has a variable, and the command line wins', t => {
  const variables = {
    UVICORN_APP: 'shop:app',
    UVICORN_PORT: '9',
    UVICORN_ACCESS_LOG: 'no',
    UVICORN_FACTORY: '',
    UVICORN_HEADERS: 'a:b c:d',
    UVICORN_RELOAD: 'yes',
    UVICORN_RELOAD_DIRS: 'src:.',
  }
  const { config, app, problems, root } = read(t, ['--host', '0.0.0.0'], variables)
  assert.deepEqual(problems, [])
  assert.deepEqual(config.bind, [{ kind: 'tcp', host: '0.0.0.0', port: 9 }])
  assert.deepEqual([config.accessLog, config.isDevelopment], [null, true])
  assert.deepEqual(config.responseHeaders, ['a', 'b', 'c', 'd'])
  assert.deepEqual(app.watch, [`${root}/src`, root])
  assert.deepEqual(bind(read(t, ['--port', '7'], variables)), { kind: 'tcp', host: '127.0.0.1', port: 7 })
  assert.equal(variableOf(SETTINGS.find(({ flags }) => flags.includes('--reload-dir'))!), 'UVICORN_RELOAD_DIRS')
})

test('wrong and unknown variables', t => {
  assert.deepEqual(read(t, ['shop:app'], { UVICORN_RELOAD: 'maybe' }).problems, [
    "UVICORN_RELOAD must be one of true, false, yes, no, on, off, 1, 0, not 'maybe'",
  ])
  assert.deepEqual(read(t, ['shop:app'], { UVICORN_RELOAD_DIR: 'src' }).notes, [
    'UVICORN_RELOAD_DIR is no variable of uvicorn, and does nothing; did you mean UVICORN_RELOAD_DIRS?',
  ])
})

test('variables that uvicorn has from elsewhere, and one that it has not', t => {
  const variables = { WEB_CONCURRENCY: '5', FORWARDED_ALLOW_IPS: '10.1.1.1', PORT: '9999' }
  const { config, app } = read(t, ['shop:app'], variables)
  assert.deepEqual([app.workers, config.trustedProxies, config.bind[0]], [5, ['10.1.1.1'], bind(read(t, ['shop:app']))])
  // The environment wins over the file of --env-file.
  assert.equal(read(t, ['shop:app', '--env-file', '.env'], variables).app.workers, 5)
  assert.equal(read(t, ['shop:app', '--workers', '2'], variables).app.workers, 2)
})

test('a variable of ours wins over a default of uvicorn', t => {
  const { app, config } = read(t, ['shop:app'], { JUMAK_TIMEOUT: '20', JUMAK_BIND: ':81' })
  assert.deepEqual(
    [app.timeouts.request, bind({ config } as Read)],
    [20_000, { kind: 'tcp', host: '0.0.0.0', port: 81 }],
  )
})

test('help has every option, and version says whose it is', t => {
  const { answer } = read(t, ['--help'])
  for (const [flags] of PEER_OPTIONS) for (const flag of flags) assert.ok(answer?.includes(`  ${flag}`), flag)
  assert.match(read(t, ['--version']).answer!, /^jumak \S+ \(as uvicorn\)\n$/)
})
