/** `--print-config`, `--check` and the JSON Schema. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { checkFiles } from './check.ts'
import { type Loaded, loadConfig } from './load.ts'
import type { Environment } from './machine/environment.ts'
import { printConfig, summarize } from './print.ts'
import { jsonSchema } from './schema.ts'
import { SETTINGS } from './settings/index.ts'
import { isFrom } from './settings/setting.ts'
import { SITE_DEFAULTS } from './settings/site-defaults.ts'
import { parseArguments } from './sources/arguments.ts'
import { makeEnvironment, makeTree } from './testing/tree.ts'

function load(words: readonly string[], environment: Environment): Loaded {
  const loaded = loadConfig(parseArguments(words), environment)
  assert.ok('config' in loaded, JSON.stringify(loaded))
  return loaded
}

function inShop(t: TestContext, files: Readonly<Record<string, string>> = {}): Environment {
  return makeEnvironment(makeTree(t, { 'app.py': 'app = 1', 'site/x.txt': '', ...files }))
}

test('every setting is printed once, with its value and where it came from', t => {
  const environment = { ...inShop(t, { 'jumak.toml': 'threads = 2\n' }), variables: { JUMAK_TIMEOUT: '5' } }
  const text = printConfig(load(['-w', '3', '-b:1,:2', '--preload=off'], environment), environment)
  for (const { name } of SETTINGS.filter(one => one.name !== 'env'))
    assert.equal(text.match(new RegExp(`^(# )?${name}( =|:)`, 'gm'))?.length, 1, name)
  const line = (name: string) => new RegExp(`^(?:# )?${name}[ :].*$`, 'm').exec(text)![0].replace(/ +/g, ' ')
  assert.equal(line('workers'), 'workers = 3 # --workers')
  assert.equal(line('threads'), 'threads = 2 # jumak.toml:1')
  assert.equal(line('timeout'), 'timeout = 5 # JUMAK_TIMEOUT')
  assert.equal(line('bind'), 'bind = [":1", ":2"] # --bind')
  assert.equal(line('app'), '# app = "." # default, found, became app:app')
  assert.equal(line('max-age'), '# max-age = 0 # default, no limit')
})

test('the value of auto is printed', t => {
  const environment = inShop(t)
  const text = printConfig(load([], environment), environment)
  assert.match(text, /^# workers = "auto" +# default, 1 for ASGI, became 4 \(4 cores\)$/m)
  assert.match(text, /^# gateway-threads = "auto" +# default, became 1 \(4 cores\)$/m)
  assert.match(text, /^# limit-connections = "auto" +# default, became 4096$/m)
  assert.match(text, /^# limit-connections-per-address = "auto" +# default, became 2048$/m)
})

test('the output, read as a jumak.toml, gives the same settings', t => {
  const environment = inShop(t)
  const words = [
    '--chdir=site',
    'wsgi:app',
    '-w2',
    '-b:1',
    '-bunix:a b"c.sock',
    '-eA=x"y\\z',
    '-eB=',
    '--static=/s=site',
    '--umask=027',
    '--reload',
    '--preload=on',
    '--max-memory=300M',
    '--max-requests=5',
    '--max-requests-jitter=2',
    '--unix-mode=600',
    '--access-log=a.log',
    '--access-log-format=%(h)s "%(r)s"',
    '--access-log-slow=0.5',
    '--trusted-proxies=10.0.0.0/8',
    '--request-buffering=off',
    '--python=./p',
    '--temp-dir=site',
    '--admin-socket=a.sock',
    '--env-file=site/x.txt',
    '--root-path=/x',
    '--timeout=2m',
  ]
  const first = load(words, environment)
  const elsewhere = makeTree(t, { 'jumak.toml': printConfig(first, environment) })
  const second = load([], makeEnvironment(elsewhere))
  assert.deepEqual(second.config, first.config)
})

test('a variable that looks like a secret is printed without its value', t => {
  const environment = inShop(t)
  const words = ['-eSECRET_KEY=hush', '-eDB=postgres://u:hush@h/db', '-eapi_token=hush', '-eDEBUG=1']
  const text = printConfig(load(words, environment), environment)
  assert.ok(!text.includes('hush'), text)
  assert.match(text, /^# env\.SECRET_KEY = "\*\*\*" +# --env, hidden$/m)
  assert.match(text, /^env\.DEBUG = "1"/m)
})

test('--check finds files that a start would not find, with the place of the setting', t => {
  const environment = inShop(t, { 'jumak.toml': 'pid-file = "no/j.pid"\n', file: '' })
  const words = ['--access-log=no/a.log', '--log-file=site', '-b', 'unix:no/a.sock', '--python=./no/python']
  const told = checkFiles(load(words, environment).settings, environment).map(one => one.message)
  assert.deepEqual(told, [
    "--access-log must name a file in a directory that exists, not 'no/a.log'",
    "--log-file must name a file, not 'site'",
    "jumak.toml:1:12: pid-file must name a file in a directory that exists, not 'no/j.pid'",
    "--bind must have a directory that this user may write to, not 'unix:no/a.sock'",
    "--python must name a Python interpreter or a virtual environment that exists, not './no/python'",
  ])
  mkdirSync(join(environment.cwd, 'no'))
  writeFileSync(join(environment.cwd, 'no/python'), '')
  const right = load(
    words.filter(word => !word.startsWith('--log-file')),
    environment,
  )
  assert.deepEqual(checkFiles(right.settings, environment), [])
  assert.match(
    summarize(right.config, right.config.apps[0]!, null),
    /^the settings are right: app:app on unix:.*a\.sock, 4 workers × 1 thread, or 1 if it is ASGI$/,
  )
})

test('--check counts in the singular too', t => {
  const environment = inShop(t)
  const { config } = load(['--workers=1', '--threads=2'], environment)
  assert.match(summarize(config, config.apps[0]!, null), / 1 worker × 2 threads$/)
})

test('--check reads the files of variables', t => {
  const environment = inShop(t, { '.env': 'A=1\nB\n', 'more.env': 'A=1\n' })
  const { settings } = load(['--env-file=.env', '--env-file=more.env'], environment)
  assert.deepEqual(
    checkFiles(settings, environment).map(one => one.message.replace(environment.cwd, '')),
    ["--env-file names /.env, and in its line 2 there is no '=' after 'B'"],
  )
})

test('--check: a Python is a file, or a name on PATH', t => {
  const environment = { ...inShop(t, { 'bin/python9': '' }), variables: {} }
  const told = (name: string, PATH: string) =>
    checkFiles(load([`--python=${name}`], environment).settings, { ...environment, variables: { PATH } }).length
  const bin = join(environment.cwd, 'bin')
  assert.deepEqual([told('python9', `/nowhere:${bin}`), told('python9', '/nowhere'), told('python8', bin)], [0, 1, 1])
  assert.equal(told('site', ''), 0, 'a directory: perhaps a virtual environment')
})

test('--check: a log may go to a device or a standard stream', t => {
  const environment = inShop(t)
  for (const path of ['/dev/null', '/dev/stdout', '/proc/self/fd/2', '-']) {
    const words = [`--access-log=${path}`, `--log-file=${path}`]
    assert.deepEqual(checkFiles(load(words, environment).settings, environment), [], path)
  }
})

test('--check reports missing files together with wrong values, each once', t => {
  const environment = inShop(t)
  const loaded = loadConfig(parseArguments(['--pid-file=no/j.pid', '-b', 'x', '--temp-dir=no']), environment)
  assert.ok('diagnostics' in loaded)
  const told = [...loaded.diagnostics, ...checkFiles(loaded.settings, environment)].map(one => one.message)
  assert.deepEqual(told, [
    "--bind must be HOST:PORT, :PORT, PORT, [IPv6]:PORT, unix:PATH or fd://N, not 'x'",
    "--temp-dir must name a directory that this user may write to, not 'no'",
    "--pid-file must name a file in a directory that exists, not 'no/j.pid'",
  ])
})

test('the schema has every setting of a file, with its real default', () => {
  const schema = jsonSchema()
  const properties = schema['properties'] as Record<string, Record<string, unknown>>
  assert.deepEqual(Object.keys(properties), [
    ...SETTINGS.filter(one => isFrom(one, 'file')).map(one => one.name),
    'include',
    'site',
    'map',
    'geo',
    'split',
    'limit',
    'log',
    'upstream',
    ...SITE_DEFAULTS.map(one => one.name),
  ])
  assert.equal(schema['additionalProperties'], false)
  for (const setting of SETTINGS.filter(one => isFrom(one, 'file'))) {
    const property = properties[setting.name]!
    assert.ok(String(property['description']).startsWith(setting.doc))
    assert.equal('default' in property, setting.default !== null)
  }
  assert.deepEqual(properties['workers']!['default'], 'auto')
  assert.deepEqual(properties['threads']!['default'], 1)
  assert.deepEqual(properties['reload']!['default'], false)
  assert.deepEqual(properties['bind']!['default'], ['127.0.0.1:8000'])
})
