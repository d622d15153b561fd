/** Every setting's effect on the configuration, and all problems at once. */
import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parseArguments } from './arguments.ts'
import type { Environment } from './environment.ts'
import { type LoadResult, loadConfig } from './load.ts'
import { SETTINGS } from './settings/index.ts'
import { labelOf } from './settings/setting.ts'
import { makeEnvironment, makeTree } from './testing/tree.ts'
import type { Config } from './types.ts'

function load(t: TestContext, words: readonly string[], environment = inShop(t)): LoadResult {
  return loadConfig(parseArguments(words), environment)
}

function config(t: TestContext, words: readonly string[], environment = inShop(t)): Config {
  const loaded = load(t, words, environment)
  assert.ok('config' in loaded, JSON.stringify(loaded))
  return loaded.config
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

/** What each setting does; a setting without an entry fails the test after it. */
const EFFECTS: Readonly<Record<string, (t: TestContext) => void>> = {
  app: t => {
    assert.equal(config(t, []).app.display, 'app:app')
    assert.notEqual(config(t, []).app.found, '')
    assert.equal(config(t, ['.']).app.display, 'app:app')
    assert.equal(config(t, ['blog.wsgi']).app.module, 'blog.wsgi')
    assert.equal(config(t, ['blog.wsgi']).app.found, '')
  },
  chdir: t => {
    const environment = inShop(t)
    assert.equal(config(t, [], environment).directory, environment.cwd)
    const moved = config(t, ['--chdir', 'site'], environment)
    assert.equal(moved.directory, join(environment.cwd, 'site'))
    assert.equal(moved.app.display, 'wsgi:application')
    assert.equal(config(t, ['--chdir=site', 'wsgi.py'], environment).app.file, join(environment.cwd, 'site/wsgi.py'))
  },
  python: t => {
    assert.equal(config(t, []).python, null)
    assert.equal(config(t, ['--python', 'auto']).python, null)
    assert.equal(config(t, ['--python', './venv/bin/python']).python, './venv/bin/python')
  },
  preload: t => {
    assert.equal(config(t, []).preload, 'auto')
    for (const mode of ['on', 'off', 'auto']) assert.equal(config(t, ['--preload', mode]).preload, mode)
  },
  bind: t => {
    assert.deepEqual(config(t, []).bind, [{ kind: 'tcp', host: '127.0.0.1', port: 8000 }])
    const environment = inShop(t)
    assert.deepEqual(config(t, ['-b', ':80', '--bind=unix:a.sock'], environment).bind, [
      { kind: 'tcp', host: '0.0.0.0', port: 80 },
      { kind: 'unix', path: join(environment.cwd, 'a.sock') },
    ])
  },
  workers: t => {
    assert.deepEqual([config(t, []).workers, config(t, []).workersReason], [4, 'auto: 4 cores'])
    assert.deepEqual([config(t, ['-w', 'auto']).workers, config(t, ['-w1']).workers], [4, 1])
    assert.equal(config(t, ['--workers', '7']).workersReason, '')
  },
  threads: t => {
    assert.equal(config(t, []).threads, 1)
    assert.equal(config(t, ['--threads', '8']).threads, 8)
  },
  timeout: t => {
    assert.equal(config(t, []).timeouts.request, 30_000)
    assert.equal(config(t, ['--timeout', '2m']).timeouts.request, 120_000)
    assert.equal(config(t, ['--timeout', '0']).timeouts.request, 0)
  },
  'access-log': t => {
    assert.equal(config(t, []).accessLog, null)
    assert.equal(config(t, ['--access-log', 'off']).accessLog, null)
    assert.equal(config(t, ['--access-log', '-']).accessLog?.path, '-')
    assert.equal(config(t, ['--access-log', '/var/log/a.log']).accessLog?.path, '/var/log/a.log')
    const environment = inShop(t)
    assert.equal(config(t, ['--access-log=a.log'], environment).accessLog?.path, join(environment.cwd, 'a.log'))
  },
  'log-level': t => {
    assert.equal(config(t, []).logLevel, 'info')
    for (const level of ['debug', 'info', 'warn', 'error'])
      assert.equal(config(t, ['--log-level', level]).logLevel, level)
  },
}

for (const setting of SETTINGS)
  test(`${labelOf(setting)} has its effect and its default`, t => {
    const effect = EFFECTS[setting.name]
    assert.ok(effect, `no effect is tested for ${setting.name}`)
    effect(t)
  })

const WRONG: Readonly<Record<string, readonly [text: string, allowed: RegExp]>> = {
  app: ['shop:', /must have the name of a callable/],
  chdir: ['nowhere', /must name a directory that exists/],
  python: ['', /must name a Python interpreter or a virtual environment, or be auto/],
  preload: ['yes', /must be on, off or auto/],
  bind: ['localhost', /must be HOST:PORT, :PORT, PORT, \[IPv6\]:PORT or unix:PATH/],
  workers: ['0', /must be a whole number from 1 to 1024, or auto/],
  threads: ['many', /must be a whole number from 1 to 256/],
  timeout: ['soon', /must be seconds \(30\) or a number with a unit/],
  'access-log': ['', /must name a file, or be - \(standard output\) or off/],
  'log-level': ['loud', /must be debug, info, warn or error/],
}

const wrongWords = (name: string) => (name === 'app' ? WRONG['app']![0] : `--${name}=${WRONG[name]![0]}`)

for (const setting of SETTINGS)
  test(`a wrong ${labelOf(setting)} is told once, with its name, its value and what is allowed`, t => {
    const [text, allowed] = WRONG[setting.name]!
    const [message = '', ...more] = messages(t, [wrongWords(setting.name)])
    assert.deepEqual(more, [])
    assert.ok(message.startsWith(`${labelOf(setting)} must `), message)
    assert.ok(message.endsWith(`, not '${text}'`), message)
    assert.match(message, allowed)
  })

test('all problems are told at once, each once', t => {
  const words = [...SETTINGS.map(setting => wrongWords(setting.name)), '--bind=:x', '--wrokers=3', '--threads']
  const told = messages(t, words)
  assert.equal(told.length, SETTINGS.length + 3, told.join('\n'))
})

test('a diagnostic names what it is about', t => {
  const loaded = load(t, ['--wrokers=3', '-w', '0', 'shop:'])
  assert.ok('diagnostics' in loaded)
  assert.deepEqual(loaded.diagnostics.map(one => one.subject).sort(), ['--workers', '--wrokers', 'APP'])
})

test('a directory without an application is a problem only when none was named', t => {
  const empty = makeEnvironment(makeTree(t))
  assert.match(messages(t, [], empty)[0]!, /^there is no application to be found in /)
  assert.equal(config(t, ['shop'], empty).app.module, 'shop')
})

test('after a wrong directory or an unknown flag nothing is said about the application', t => {
  const empty = makeEnvironment(makeTree(t))
  assert.equal(messages(t, ['--chdir', 'nowhere'], empty).length, 1)
  assert.equal(messages(t, ['--certificate', 'x.pem', 'shop:'], empty).length, 1)
})

test('an address that is given twice is told; free ports may be asked for twice', t => {
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

test('a link in the working directory’s name stays in the configuration', t => {
  const root = makeTree(t, { 'v1/app.py': 'app = 1' })
  symlinkSync('v1', join(root, 'current'))
  const environment = makeEnvironment(join(root, 'v1'), { pwd: join(root, 'current') })
  assert.equal(config(t, [], environment).directory, join(root, 'current'))
  assert.equal(config(t, ['app.py'], environment).app.file, join(root, 'current/app.py'))
})

test('what the surroundings say: temporary directory, workers within the quota, connections within the open files', t => {
  const cwd = makeTree(t, {
    'app.py': 'app = 1',
    'proc/self/cgroup': '0::/\n',
    'cgroup/cpu.max': '300000 100000',
    'proc/self/limits': 'Max open files            1024                 2048                 files\n',
  })
  const loaded = config(t, [], makeEnvironment(cwd, { temporaryDirectory: '/var/tmp' }))
  assert.equal(loaded.temporaryDirectory, '/var/tmp')
  assert.deepEqual([loaded.workers, loaded.workersReason], [3, 'auto: CPU quota of 3 cores'])
  assert.equal(loaded.limits.connections, 1536)
})

test('a 20 MB upload fits, and only this machine is trusted as a proxy', t => {
  const { limits, trustedProxies } = config(t, [])
  assert.ok(limits.body >= 20_000_000)
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
