/** All problems at once, precedence, reload, and values from the surroundings. Single settings: `every-setting.test.ts`. Files: `config-file.test.ts`. */
import assert from 'node:assert/strict'
import { symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { type LoadResult, loadConfig, reloader } from './load.ts'
import { logicalWorkingDirectory } from './machine/directory.ts'
import type { Environment } from './machine/environment.ts'
import { parseArguments } from './sources/arguments.ts'
import { makeEnvironment, makeTree } from './testing/tree.ts'
import type { AppConfig, Config } from './types.ts'

function load(t: TestContext, words: readonly string[], environment = inShop(t)): LoadResult {
  return loadConfig(parseArguments(words), environment)
}

function config(t: TestContext, words: readonly string[], environment = inShop(t)): Config {
  const loaded = load(t, words, environment)
  assert.ok('config' in loaded, JSON.stringify(loaded))
  return loaded.config
}

function appOf(t: TestContext, words: readonly string[], environment = inShop(t)): AppConfig {
  return config(t, words, environment).apps[0]!
}

function messages(t: TestContext, words: readonly string[], environment = inShop(t)): string[] {
  const loaded = load(t, words, environment)
  assert.ok('diagnostics' in loaded, JSON.stringify(loaded))
  return loaded.diagnostics.map(one => one.message)
}

/** A directory with an application and a directory `site` with another. */
function inShop(t: TestContext, changes: Partial<Environment> = {}): Environment {
  return makeEnvironment(makeTree(t, { 'app.py': 'app = 1', 'site/wsgi.py': 'application = 1' }), changes)
}

test('all problems of all sources are reported at once, each once', t => {
  const environment = inShop(t, { variables: { JUMAK_TIMEOUT: 'soon', JUMAK_WORKRES: '3', JUMAK_NODE: '/node' } })
  writeFileSync(join(environment.cwd, 'jumak.toml'), 'threads = 0\nbindd = 1\nlog-level = 7\n')
  const words = ['--bind=:x', '--wrokers=3', '--static=/a', '--umask', '--chdir=nowhere']
  assert.deepEqual(messages(t, words, environment).sort(), [
    "--bind must have a port from 0 to 65535, not ':x'",
    "--chdir must name a directory that exists, not 'nowhere'",
    "--static must be URL=DIR, as in /static/=public, or off, not '/a'",
    '--umask needs a value: --umask MASK',
    "JUMAK_TIMEOUT must be seconds (30) or a number with a unit (500ms, 30s, 2m, 1h), not 'soon'",
    "jumak.toml:1:11: threads must be a whole number from 1 to 256, not '0'",
    'jumak.toml:2:1: there is no setting bindd; did you mean bind?',
    'jumak.toml:3:13: log-level must be text in quotes, not the number 7',
    'there is no flag --wrokers; did you mean --workers?',
    'there is no setting for the variable JUMAK_WORKRES; did you mean JUMAK_WORKERS?',
  ])
})

test('a diagnostic names its subject', t => {
  const loaded = load(t, ['--wrokers=3', '-w', '0', 'shop:'])
  assert.ok('diagnostics' in loaded)
  assert.deepEqual(loaded.diagnostics.map(one => one.subject).sort(), ['--workers', '--wrokers', 'APP'])
})

test('a directory without an application is a problem only if none was named', t => {
  const empty = makeEnvironment(makeTree(t))
  assert.match(messages(t, [], empty)[0]!, /^there is no application in /)
  assert.equal(appOf(t, ['shop'], empty).target.module, 'shop')
})

test('after a wrong directory or an unknown flag there is no message about the application', t => {
  const empty = makeEnvironment(makeTree(t))
  assert.equal(messages(t, ['--chdir', 'nowhere'], empty).length, 1)
  assert.equal(messages(t, ['--certificate', 'x.pem', 'shop:'], empty).length, 1)
})

test('both probes cannot have the same path', t => {
  assert.match(
    messages(t, ['--health-path=/up', '--ready-path=/up']).join(),
    /^--ready-path must differ from health-path/,
  )
})

test('the same address twice is an error; port 0 may be given twice', t => {
  assert.deepEqual(messages(t, ['-b', '8000', '-b', '127.0.0.1:8000']), [
    '--bind names 127.0.0.1:8000 twice: each address may be given once',
  ])
  const environment = inShop(t)
  const path = join(environment.cwd, 'a.sock')
  assert.deepEqual(messages(t, ['-b', 'unix:a.sock', '-b', `unix:${path}`], environment), [
    `--bind names unix:${path} twice: each address may be given once`,
  ])
  assert.equal(config(t, ['-b', '0', '-b', '0']).bind.length, 2)
})

test('an address that includes another is an error, in either order', t => {
  const told = (all: string, one: string) => [
    `--bind names ${one}, and ${all} includes it: each address may be given once`,
  ]
  assert.deepEqual(messages(t, ['-b', ':80', '-b', '80']), told('0.0.0.0:80', '127.0.0.1:80'))
  assert.deepEqual(messages(t, ['-b', '80', '-b', ':80']), told('0.0.0.0:80', '127.0.0.1:80'))
  assert.deepEqual(messages(t, ['-b', ':80', '-b', '[::]:80']), told('[::]:80', '0.0.0.0:80'))
  assert.deepEqual(messages(t, ['-b', '[::]:80', '-b', '[::1]:80']), told('[::]:80', '[::1]:80'))
  for (const words of ['[::1]:80 127.0.0.1:80', ':80 [::1]:80', ':80 81', '[::]:0 0'])
    assert.equal(
      config(
        t,
        words.split(' ').flatMap(one => ['-b', one]),
      ).bind.length,
      2,
      words,
    )
})

test('a link in the working directory’s name stays in the configuration', t => {
  const root = makeTree(t, { 'v1/app.py': 'app = 1' })
  symlinkSync('v1', join(root, 'current'))
  const environment = makeEnvironment(join(root, 'v1'), { pwd: join(root, 'current') })
  assert.equal(appOf(t, [], environment).directory, join(root, 'current'))
  assert.equal(appOf(t, ['app.py'], environment).target.file, join(root, 'current/app.py'))
})

test('from the surroundings: temporary directory, workers within the quota, connections within the open files', t => {
  const cwd = makeTree(t, {
    'app.py': 'app = 1',
    'proc/self/cgroup': '0::/\n',
    'cgroup/cpu.max': '300000 100000',
    'proc/self/limits': 'Max open files            1024                 2048                 files\n',
  })
  const loaded = config(t, [], makeEnvironment(cwd, { temporaryDirectory: '/var/tmp' }))
  assert.equal(loaded.temporaryDirectory, '/var/tmp')
  const [app] = loaded.apps
  assert.deepEqual([app!.workers, app!.workersReason], [3, 'auto: CPU quota of 3 cores'])
  // 3 links, twice, and 128 of the gateway's own.
  assert.equal(loaded.limits.connections, Math.floor((2048 - 128 - 6) * 0.75))
})

test('connections within the memory: half as many where an address speaks TLS', t => {
  const cwd = makeTree(t, { 'app.py': 'app = 1', 'proc/self/cgroup': '0::/\n', 'cgroup/memory.max': '67108864' })
  const environment = makeEnvironment(cwd)
  const connections = (...words: string[]) => config(t, words, environment).limits.connections
  assert.equal(connections(), 1024)
  const tls = ['--tls-cert', 'c', '--tls-key', 'k']
  assert.equal(connections(...tls), 512)
  assert.equal(connections(...tls, '-b', 'http://:80'), 1024)
})

test('a 20 MB upload fits, and only this machine is trusted as a proxy', t => {
  const { trustedProxies, apps } = config(t, [])
  assert.ok(apps[0]!.limits.body >= 20_000_000)
  assert.deepEqual(trustedProxies, ['127.0.0.0/8', '::1', 'unix'])
})

test('the configuration is frozen to its depths, and plain enough to be sent to another process', t => {
  const loaded = config(t, ['-b', ':1', '-b', 'unix:/x'])
  const check = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    assert.ok(Object.isFrozen(value))
    for (const inner of Object.values(value)) check(inner)
  }
  check(loaded)
  assert.deepEqual(JSON.parse(JSON.stringify(loaded)), loaded)
})

test('command line over environment over file over default, for each setting by itself', t => {
  const environment = inShop(t, { variables: { JUMAK_WORKERS: '3', JUMAK_THREADS: '3' } })
  writeFileSync(join(environment.cwd, 'jumak.toml'), 'workers = 2\nthreads = 2\ntimeout = 2\n')
  const loaded = config(t, ['-w', '4'], environment)
  const [app] = loaded.apps
  assert.deepEqual([app!.workers, app!.threads, app!.timeouts.request, loaded.timeouts.send], [4, 3, 2000, 60_000])
})

test('any subset of the sources: the strongest one that gives a value wins', t => {
  const environment = inShop(t)
  const source = fc.option(fc.integer({ min: 1, max: 256 }))
  const property = fc.property(source, source, source, (flag, variable, file) => {
    writeFileSync(join(environment.cwd, 'jumak.toml'), file === null ? '' : `threads = ${file}`)
    const variables = variable === null ? {} : { JUMAK_THREADS: String(variable) }
    const words = flag === null ? [] : [`--threads=${flag}`]
    assert.equal(appOf(t, words, { ...environment, variables }).threads, flag ?? variable ?? file ?? 1)
  })
  fc.assert(property, { numRuns: 50 })
})

test('a list comes as a whole from the strongest source; variables for the application are put together', t => {
  const environment = inShop(t)
  writeFileSync(join(environment.cwd, 'jumak.toml'), 'bind = [":1", ":2"]\nenv = { A = "file", B = "file" }\n')
  const loaded = config(t, ['-b', ':3', '-e', 'A=flag', '-eC=flag'], environment)
  assert.deepEqual(loaded.bind, [{ kind: 'tcp', host: '0.0.0.0', port: 3 }])
  assert.deepEqual(loaded.apps[0]!.variables, { A: 'flag', B: 'file', C: 'flag' })
  assert.deepEqual(messages(t, ['-eA=1', '-eA=2'], environment), ['--env gives A twice: each key may be given once'])
})

test('--no-reload wins over a file, and so does --static off over its mounts', t => {
  const environment = inShop(t)
  writeFileSync(join(environment.cwd, 'jumak.toml'), 'reload = true\nstatic = { "/s/" = "site" }\n')
  assert.deepEqual(appOf(t, ['--no-reload', '--static', 'off'], environment).watch, [])
  assert.deepEqual(appOf(t, ['--static=off'], environment).staticMounts, [])
  assert.equal(appOf(t, [], environment).staticMounts.length, 1)
})

test('PORT and WEB_CONCURRENCY count if the setting is not given, and are checked', t => {
  const platform = inShop(t, { variables: { PORT: '5000', WEB_CONCURRENCY: '3' } })
  const loaded = config(t, [], platform)
  assert.deepEqual(loaded.bind, [{ kind: 'tcp', host: '0.0.0.0', port: 5000 }])
  const [app] = loaded.apps
  assert.deepEqual([app!.workers, app!.asgiWorkers, app!.workersReason], [3, null, ''])
  assert.deepEqual(config(t, ['-b', ':80', '-w', '1'], platform).bind, [{ kind: 'tcp', host: '0.0.0.0', port: 80 }])
  writeFileSync(join(platform.cwd, 'jumak.toml'), 'workers = 2\nbind = 81\n')
  assert.deepEqual([appOf(t, [], platform).workers, config(t, [], platform).bind.length], [2, 1])
  const wrong = inShop(t, { variables: { PORT: 'http', WEB_CONCURRENCY: 'many' } })
  assert.deepEqual(messages(t, [], wrong).sort(), [
    "PORT must be HOST:PORT, :PORT, PORT, [IPv6]:PORT, unix:PATH or fd://N, not 'http'",
    "WEB_CONCURRENCY must be a whole number from 1 to 1024, or auto, not 'many'",
  ])
})

test('an empty variable does not count, and the variables of Kubernetes for a service named jumak are no settings', t => {
  const variables = {
    JUMAK_WORKERS: '',
    JUMAK_TYPO: '',
    JUMAK_SERVICE_HOST: '10.0.0.1',
    JUMAK_PORT: 'tcp://10.0.0.1:80',
    JUMAK_PORT_80_TCP_ADDR: '10.0.0.1',
    JUMAK_SHOP_SERVICE_PORT_HTTP: '80',
  }
  assert.equal(appOf(t, [], inShop(t, { variables })).workers, 4)
})

test('only root changes the user; its own is no change', t => {
  assert.deepEqual(messages(t, ['--user', 'www-data', '--group', 'staff']), [
    '--user may be given only when root starts the program, and user 1000 did',
    '--group may be given only when root starts the program, and user 1000 did',
  ])
  assert.equal(config(t, ['--user', 'me']).gatewayIdentity, null)
  const root = inShop(t, { uid: 0, gid: 0 })
  assert.deepEqual(config(t, ['-u', '4711', '-g', '50'], root).gatewayIdentity, { uid: 4711, gid: 50, userName: '' })
  assert.match(
    messages(t, ['-u', '4711'], root)[0]!,
    /--user must name a user that this machine knows .*, or come with --group/,
  )
})

test('the gateway is the flat user, or one of its own', t => {
  const root = inShop(t, { uid: 0, gid: 0 })
  const [www, staff] = [
    { uid: 33, gid: 33, userName: 'www-data' },
    { uid: 33, gid: 50, userName: 'www-data' },
  ]
  const users = (...words: string[]) => {
    const { gatewayIdentity, apps } = config(t, words, root)
    return [gatewayIdentity, apps[0]!.identity]
  }
  assert.deepEqual(users('-u', 'www-data', '-g', 'staff'), [staff, staff])
  assert.deepEqual(users('-u', 'www-data', '-g', 'staff', '--gateway-user', 'www-data'), [www, staff])
  assert.deepEqual(users('-u', 'www-data', '--gateway-user', 'none'), [null, www])
  assert.deepEqual(users('--gateway-user', 'www-data'), [www, null])
  // A number without an entry has the flat group.
  const number = { uid: 4711, gid: 33, userName: '' }
  assert.deepEqual(users('-u', 'www-data', '--gateway-user', '4711'), [number, www])
  assert.match(
    messages(t, ['--gateway-user', '4711'], root)[0]!,
    /^--gateway-user must name a user .*, or come with --group/,
  )
  assert.deepEqual(messages(t, ['--gateway-user', 'www-data']), [
    '--gateway-user may be given only when root starts the program, and user 1000 did',
  ])
  writeFileSync(join(root.cwd, 'jumak.toml'), 'workers = 1\ngateway-user = "nobody-there"\n')
  assert.match(messages(t, [], root)[0]!, /^jumak\.toml:2:16: gateway-user must name a user that this machine knows/)
})

test('no message has the value of a variable for the application', t => {
  assert.deepEqual(messages(t, ['-e', 'MY KEY=hush']), [
    "--env must have a name of letters, digits and underscores before the equals sign, not 'MY KEY=…'",
  ])
})

test('contradictions are errors', t => {
  assert.deepEqual(messages(t, ['--static=off', '--static=/a=site']), [
    '--static must be off, or name directories, not both',
  ])
  assert.deepEqual(messages(t, ['--static=/a=site', '--static=/a/=site']), [
    '--static gives /a/ twice: each URL may be given once',
  ])
  assert.equal(messages(t, ['--static=/a=nowhere']).length, 1)
  assert.deepEqual(messages(t, ['--timeout-for=/a=5', '--timeout-for=/a/=6']), [
    '--timeout-for gives /a/ twice: each path may be given once',
  ])
})

/** Words → the warning; null: none. */
const COMBINATIONS: readonly (readonly [words: string, warning: RegExp | null, changes?: Partial<Environment>])[] = [
  ['', null],
  ['--max-requests-jitter=5', /^--max-requests-jitter does nothing without max-requests$/],
  ['--max-requests-jitter=5 --max-requests=10', null],
  ['--unix-mode=600', /^--unix-mode does nothing without a Unix socket/],
  ['--unix-mode=600 -b unix:a', null],
  ['--access-log-format=json', /^--access-log-format does nothing while access-log is off$/],
  ['--access-log-slow=1', /^--access-log-slow does nothing/],
  ['--access-log-min-status=500', /^--access-log-min-status does nothing/],
  ['--access-log=- --access-log-slow=1', null],
  ['--reload-dir=site', /^--reload-dir does nothing without --reload$/],
  ['--reload-dir=site --reload --workers=3', null],
  ['--trusted-proxies=*', /^--trusted-proxies \* believes everyone who can connect/],
  ['--forwarded-headers=none', null],
  [
    '--trusted-proxies=none --forwarded-headers=Forwarded',
    /^--forwarded-headers does nothing while trusted-proxies is none$/,
  ],
  ['--queue-timeout=2m', /^--queue-timeout is longer than graceful-timeout/],
  ['--graceful-timeout=5', null],
  ['--ws-ping-timeout=5', null],
  ['--ws-ping-timeout=5 --ws-ping-interval=0', /^--ws-ping-timeout does nothing without ws-ping-interval$/],
  ['--group=0', /^--group alone leaves the application running as root: name a user with --user$/, { uid: 0, gid: 0 }],
  ['--preload=on', null],
  ['--preload=on', /^--preload on is not safe on macOS/, { platform: 'darwin' }],
  ['--limit-connections=9999', /^--limit-connections is more than the limit on open files allows/],
  ['--umask=777', /^--umask takes permissions from the owner/],
  ['--gateway-threads=3', null],
  ['--gateway-threads=1 --reload', null],
  ['--gateway-threads=3 --reload', /^--gateway-threads does nothing with --reload: there the gateway has one thread$/],
  ['-b :80', /^PORT is 5000 and not used: 0\.0\.0\.0:80 was given$/, { variables: { PORT: '5000' } }],
  ['-b :5000', null, { variables: { PORT: '5000' } }],
]

for (const [words, warning, changes] of COMBINATIONS)
  test(`${words || 'no setting'}${changes ? ' there' : ''}: ${warning === null ? 'no warning' : 'a warning'}`, t => {
    const loaded = load(t, words.split(' ').filter(Boolean), inShop(t, changes))
    assert.ok('config' in loaded, JSON.stringify(loaded))
    if (warning === null) assert.deepEqual(loaded.warnings, [])
    else {
      assert.equal(loaded.warnings.length, 1, loaded.warnings.join('\n'))
      assert.match(loaded.warnings[0]!, warning)
    }
  })

test('Forwarded and X-Forwarded-… exclude each other: a proxy passes on the kind that it does not set', t => {
  for (const words of [
    ['--forwarded-headers=Forwarded,X-Forwarded-For'],
    ['--forwarded-headers', 'x-forwarded-host', '--forwarded-headers', 'FORWARDED'],
  ]) {
    const loaded = load(t, words, inShop(t))
    assert.ok('diagnostics' in loaded)
    assert.equal(loaded.diagnostics.length, 1)
    assert.match(
      loaded.diagnostics[0]!.message,
      /^--forwarded-headers must be either Forwarded alone or X-Forwarded-… without it \(.*\), not 'Forwarded'$/i,
    )
  }
})

/** Typing mistakes of users, and the messages. */
const MISSPELT: readonly (readonly [what: string, words: readonly string[], told: RegExp])[] = [
  ['flag', ['--wokers', '4'], /^there is no flag --wokers; did you mean --workers\?$/],
  ['level', ['--log-level', 'warning'], /^--log-level must be .* or error \(did you mean warn\?\), not 'warning'$/],
  ['key', ['-c', 'key.toml'], /^key\.toml:2:1: there is no setting log_level; did you mean log-level\?$/],
  ['value', ['--log-level', 'wran'], /^--log-level must be debug, info, warn or error, not 'wran'$/],
  [
    'variable',
    ['-c', 'right.toml'],
    /^there is no setting for the variable JUMAK_TIME_OUT; did you mean JUMAK_TIMEOUT\?$/,
  ],
  ['section', ['-c', 'section.toml'], /^section\.toml:1:2: there is no table \[enviroment\]; did you mean \[env\]\?$/],
  [
    'unit',
    ['--timeout', '30sec'],
    /^--timeout must be seconds \(30\) or a number with a unit \(500ms, 30s, 2m, 1h\), not '30sec'$/,
  ],
  ['app', ['ap.py'], /^APP must name a file that exists \(looked in .*\), not 'ap\.py'$/],
  ['python', ['--pyhton', 'python3'], /^there is no flag --pyhton; did you mean --python\?$/],
  [
    'bind',
    ['-b', 'localhost;8000'],
    /^--bind must have a host name or an IP address before the port, not 'localhost;8000'$/,
  ],
  [
    'static',
    ['--static', 'static=site'],
    /^--static must have a path that begins with a slash before the equals sign, not/,
  ],
  [
    'quotes',
    ['-c', 'quotes.toml'],
    /^quotes\.toml:1:12: this is not TOML: there is more on the line than a value; text needs quotes: timeout = "2m"$/,
  ],
]

for (const [what, words, told] of MISSPELT)
  test(`a misspelt ${what} is reported once, with what was meant`, t => {
    const environment = inShop(t, what === 'variable' ? { variables: { JUMAK_TIME_OUT: '3' } } : {})
    for (const [name, text] of Object.entries({
      'key.toml': 'workers = 2\nlog_level = "info"\n',
      'right.toml': '',
      'section.toml': '[enviroment]\nDEBUG = "1"\n',
      'quotes.toml': 'timeout = 2m\n',
    }))
      writeFileSync(join(environment.cwd, name), text)
    const [message = '', ...more] = messages(t, words, environment)
    assert.deepEqual(more, [])
    assert.match(message, told)
  })

test('after a link in the working directory is switched, the file and the paths of the new release count', t => {
  const root = makeTree(t, {
    'v1/app.py': 'app = 1',
    'v1/jumak.toml': 'threads = 1\nenv-file = ".env"\n',
    'v1/.env': '',
    'v2/app.py': 'app = 1',
    'v2/jumak.toml': 'threads = 2\nenv-file = ".env"\n',
    'v2/.env': '',
  })
  symlinkSync('v1', join(root, 'current'))
  const start = makeEnvironment(join(root, 'v1'), { pwd: join(root, 'current') })
  const environment = { ...start, logical: logicalWorkingDirectory(start) }
  const args = parseArguments([])
  const loaded = loadConfig(args, environment)
  assert.ok('config' in loaded, JSON.stringify(loaded))
  assert.deepEqual(loaded.config.apps[0]!.envFiles, [join(root, 'current/.env')])
  unlinkSync(join(root, 'current'))
  symlinkSync('v2', join(root, 'current'))
  const read = reloader(() => args, environment, loaded)()
  assert.ok('config' in read, JSON.stringify(read))
  assert.deepEqual([read.config.apps[0]!.threads, read.config.apps[0]!.directory], [2, join(root, 'current')])
})

test('a reload: settings change, those that need a restart stay and are named, and a mistake changes nothing', t => {
  const environment = inShop(t)
  const file = join(environment.cwd, 'jumak.toml')
  const args = parseArguments(['--threads', '2'])
  writeFileSync(file, 'workers = 2\nbind = 81\nthreads = 3\nenv = { A = "1" }\n')
  const loaded = loadConfig(args, environment)
  assert.ok('config' in loaded)
  const reload = reloader(() => args, environment, loaded)

  const same = reload()
  assert.ok('config' in same)
  assert.deepEqual([same.changed, same.config], [[], loaded.config])

  writeFileSync(file, 'workers = 0\n')
  const wrong = reload()
  assert.ok('problems' in wrong)
  assert.match(wrong.problems[0]!, /^jumak\.toml:1:11: workers must/)

  writeFileSync(file, 'workers = 5\nthreads = 4\nenv = { A = "2" }\ntimeout = 1\n')
  const changed = reload()
  assert.ok('config' in changed)
  assert.deepEqual(
    changed.changed.map(({ name, change }) => `${name} ${change}`),
    ['bind restart'],
  )
  assert.deepEqual(changed.apps, {
    added: [],
    removed: [],
    changed: [
      {
        app: 'default',
        settings: [
          { name: 'env', change: 'reload' },
          { name: 'workers', change: 'live' },
          { name: 'timeout', change: 'restart' },
        ],
      },
    ],
  })
  const { config: now } = changed
  const [app] = now.apps
  assert.deepEqual([app!.workers, app!.threads, app!.variables], [5, 2, { A: '2' }])
  assert.deepEqual([now.bind, app!.timeouts], [loaded.config.bind, loaded.config.apps[0]!.timeouts])

  // What waits for a restart is named again; the rest is no change any more.
  const again = reload()
  assert.ok('config' in again)
  assert.deepEqual(again.changed, [{ name: 'bind', change: 'restart' }])
  assert.deepEqual(again.apps.changed, [{ app: 'default', settings: [{ name: 'timeout', change: 'restart' }] }])
})
