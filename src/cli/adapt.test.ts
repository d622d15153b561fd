/** What `jumak adapt` prints means the same as the command line that it was made from. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are for other programs.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { formatBind } from '../config/kinds/bind.ts'
import { loadConfig } from '../config/load.ts'
import type { Environment } from '../config/machine/environment.ts'
import { type Arguments, parseArguments } from '../config/sources/arguments.ts'
import { makeEnvironment, makeTree } from '../config/testing/tree.ts'
import type { Config } from '../config/types.ts'
import { adaptWords } from './adapt.ts'
import { ADAPTERS } from './adapted.ts'
import type { ProgramName } from './programs.ts'

const FILES = {
  'shop.py': 'app = application = 1',
  'config/wsgi.py': 'application = 1',
  'log.ini': '',
  'main.py': 'app = FastAPI()',
}

function inShop(
  t: TestContext,
  variables: Environment['variables'] = {},
  files: Readonly<Record<string, string>> = {},
): Environment {
  return makeEnvironment(makeTree(t, { ...FILES, ...files }), { variables })
}

async function adapt(
  words: readonly string[],
  environment: Environment,
): Promise<{ text: string; notes: readonly string[] }> {
  const adaptation = await adaptWords(words, environment)
  assert.ok('text' in adaptation, JSON.stringify(adaptation))
  return adaptation
}

async function problems(words: readonly string[], environment: Environment): Promise<readonly string[]> {
  const adaptation = await adaptWords(words, environment)
  assert.ok('problems' in adaptation, JSON.stringify(adaptation))
  return adaptation.problems
}

/**
 * Without what no `jumak.toml` can have: gunicorn's hooks and its own names of settings, and the name of the admin socket, which is made of the path
 * of the file.
 */
function comparable(args: Arguments, environment: Environment): Omit<Config, 'adminSocket'> {
  const loaded = loadConfig(args, environment)
  assert.ok('config' in loaded, JSON.stringify(loaded))
  const { adminSocket: _, ...config } = loaded.config
  return { ...config, apps: config.apps.map(app => ({ ...app, configuration: null })) }
}

/** As jumak reads it in the same place. */
function ofText(text: string, environment: Environment): Omit<Config, 'adminSocket'> {
  writeFileSync(join(environment.cwd, 'jumak.toml'), text)
  return comparable(parseArguments([]), environment)
}

/** A command line, and variables of the environment. */
const LINES: readonly (readonly [line: string, variables?: Environment['variables']])[] = [
  ['gunicorn shop'],
  ['gunicorn config.wsgi --workers 3 --bind unix:run/shop.sock --umask 007 --timeout 120'],
  ['gunicorn -w 4 -b :8000 -b [::1]:81 --threads 8 --preload shop:app --access-logfile - --error-logfile -'],
  ['gunicorn -k gevent --worker-connections 50 --max-requests 100 --max-requests-jitter 10 shop'],
  ['gunicorn -k uvicorn.workers.UvicornWorker -w 2 -b 0.0.0.0 --forwarded-allow-ips=* shop:app'],
  ['gunicorn --chdir config --log-level debug --pythonpath .. --env A=1 --env B=x=y wsgi'],
  ['gunicorn --access-logfile a.log --access-logformat %(h)s"%(r)s" --capture-output --reload shop'],
  ['gunicorn --limit-request-line 0 --backlog 64 --keep-alive 75 --no-control-socket shop'],
  ['gunicorn shop', { PORT: '5000', WEB_CONCURRENCY: '3', GUNICORN_CMD_ARGS: '--threads 2', SCRIPT_NAME: '/shop' }],
  ['gunicorn shop -w 2', { JUMAK_TIMEOUT: '7', JUMAK_STATIC: '/s=config', FORWARDED_ALLOW_IPS: '10.0.0.1' }],
  ['uvicorn shop:app'],
  ['uvicorn shop:app --host 0.0.0.0 --port 80 --workers 2 --proxy-headers --forwarded-allow-ips=*', { PORT: '9' }],
  ['uvicorn shop:app --reload --reload-dir config --log-level warning --no-access-log'],
  [
    'uvicorn shop:app --app-dir config --lifespan off --root-path /api --limit-concurrency 9 --header X-A:b --ws-max-size 9',
  ],
  ['uvicorn shop:create_app --factory --uds a.sock --interface wsgi --log-config log.ini', { UVICORN_WORKERS: '3' }],
  ['uvicorn shop:app --timeout-keep-alive 75 --limit-max-requests 5 --no-server-header', { WEB_CONCURRENCY: '2' }],
  ['fastapi run main.py --port 81 --workers 2'],
  ['fastapi dev main.py', { PORT: '82' }],
]

for (const [line, variables] of LINES)
  test(`the output for '${line}'${variables ? ` with ${Object.keys(variables)}` : ''} is the same configuration`, async t => {
    const environment = inShop(t, variables)
    const [program, ...words] = line.split(' ')
    const { args } = ADAPTERS[program as ProgramName].adapt(words, environment, null)
    const { text } = await adapt(line.split(' '), environment)
    assert.deepEqual(ofText(text, environment), comparable(args, environment), text)
  })

test('only what is given and what differs is printed, with its place', async t => {
  const { text } = await adapt(['gunicorn', '-w', '4', '-b:8000', '-t30', 'shop'], inShop(t, { WEB_CONCURRENCY: '9' }))
  assert.deepEqual(
    text.split('\n').map(line => line.replace(/ +# /, ' # ')),
    [
      '# The settings of a command line of gunicorn, made by jumak adapt.',
      'app = "shop" # APP',
      'bind = ":8000" # -b',
      'workers = 4 # -w',
      'timeout = 30 # -t',
      '',
      '# Defaults of gunicorn, where those of Jumak are others.',
      'trusted-proxies = ["127.0.0.1", "::1", "unix"] # gunicorn',
      'forwarded-headers = ["x-forwarded-proto", "x-forwarded-ssl", "x-forwarded-protocol"] # gunicorn',
      'keep-alive = "2s" # gunicorn',
      '',
    ],
  )
})

test('what the environment gives stays there', async t => {
  const { text } = await adapt(['gunicorn', 'shop'], inShop(t, { PORT: '5000', JUMAK_TIMEOUT: '5' }))
  assert.match(text, /^# From the environment.*\n# bind = "0\.0\.0\.0:5000" +# PORT\n# timeout = 5 +# JUMAK_TIMEOUT$/m)
})

test('assignments in front of the command become lines: they go with it', async t => {
  const environment = inShop(t)
  const { text, notes } = await adapt(
    ['env', 'PORT=5000', 'A=1', 'API_TOKEN=hush', 'gunicorn', '-eA=2', 'shop'],
    environment,
  )
  const { apps, bind } = ofText(text, environment)
  assert.equal(bind.map(formatBind).join(), '0.0.0.0:5000')
  assert.deepEqual(apps[0]!.variables, { A: '2', PORT: '5000' })
  assert.doesNotMatch(text + notes.join(), /hush/)
  assert.ok(notes.some(note => note.startsWith('env.API_TOKEN looks like a secret')))
})

test('variables of a file of PasteDeploy go along, and secrets of them are hidden', async t => {
  const environment = inShop(t)
  writeFileSync(join(environment.cwd, 'live.ini'), '[app:main]\n')
  const words = ['gunicorn', '--paste', 'live.ini', '--paste-global', 'stage=a&b', '--paste-global', 'token=hush']
  const { text, notes } = await adapt(words, environment)
  assert.match(text, /^app = ".*\/live\.ini\?stage=a%26b&token=\*\*\*"/m)
  assert.doesNotMatch(text + notes.join(), /hush/)
  assert.ok(
    notes.some(note => note.startsWith('token of app looks like a secret')),
    notes.join('\n'),
  )
})

test('what is not supported is told, and the rest is printed', async t => {
  const { text, notes } = await adapt(['gunicorn', '--spew', '--worker-tmp-dir', '/dev/shm', '-w2', 'shop'], inShop(t))
  assert.match(text, /^workers = 2/m)
  assert.match(notes[0]!, /^--worker-tmp-dir is not needed/)
  assert.match(notes[1]!, /^--spew is not supported: it would .*worker$/)
})

test('a class of loggers is told: a file has no classes', async t => {
  const { notes } = await adapt(
    ['gunicorn', '--logger-class', 'quiet.Quiet', '--access-logfile', 'a.log', 'shop'],
    inShop(t),
  )
  assert.match(notes[0]!, /^gunicorn: logger_class: no jumak\.toml has classes, so no access log is written/)
})

test('what would not start here is told, and the file is printed', async t => {
  const { text, notes } = await adapt(['gunicorn', '--chdir', '/no/such', 'shop'], inShop(t))
  assert.match(text, /^chdir = "\/no\/such"/m)
  assert.match(notes.join('\n'), /^on this machine it would not start: --chdir must name a directory that exists/m)
})

test('a command in a container: its paths stay those of the container', async t => {
  const dockerfile =
    'FROM python\nENV WORKERS=3 HOME=/app\nWORKDIR /app\nCOPY . .\nCMD gunicorn -w $WORKERS --chdir config --pid run/a.pid -b unix:/app/a.sock --log-file /apple.log wsgi\n'
  const environment = inShop(t, {}, { 'deploy/Dockerfile': dockerfile, 'deploy/config/wsgi.py': 'application = 1' })
  const { text, notes } = await adapt(['deploy/Dockerfile'], environment)
  const values = Object.fromEntries(
    text
      .split('\n')
      .flatMap(line =>
        [...line.matchAll(/^([\w-]+) = (.*?) +# Dockerfile:5: /g)].map(([, key, value]) => [key, JSON.parse(value!)]),
      ),
  )
  assert.deepEqual(values, {
    app: 'wsgi',
    chdir: '/app/config',
    bind: 'unix:/app/a.sock',
    workers: 3,
    'log-file': '/apple.log',
    'pid-file': '/app/config/run/a.pid',
  })
  assert.ok(notes.includes('these variables stay in Dockerfile: WORKERS, HOME'), notes.join('\n'))
  assert.doesNotMatch(text, new RegExp(environment.cwd))
})

test('a unit of systemd: its directory, its account, and the Python of its program', async t => {
  const unit = (cwd: string) =>
    `[Service]\nUser=me\nEnvironment=PORT=81\nWorkingDirectory=${cwd}\nExecStart=${cwd}/venv/bin/gunicorn -b unix:a.sock shop:app\n`
  const environment = inShop(t)
  writeFileSync(join(environment.cwd, 'shop.service'), unit(environment.cwd))
  const elsewhere = { ...environment, cwd: '/' }
  const { text } = await adapt([join(environment.cwd, 'shop.service')], elsewhere)
  const config = ofText(text, environment)
  const [app] = config.apps
  assert.deepEqual([app!.directory, app!.python, app!.identity], [environment.cwd, join(environment.cwd, 'venv'), null])
  assert.match(text, /^user = "me" +# shop\.service:5$/m)
})

test('a Procfile: variables, and what has no value', async t => {
  const environment = inShop(t, {}, { Procfile: 'web: gunicorn -b :$PORT -w ${WORKERS:-2} shop\n' })
  assert.match(
    (await problems(['Procfile'], environment))[0]!,
    /^Procfile:1: \$PORT has no value here: give it one, as in PORT=8000/,
  )
  const { text, notes } = await adapt(['Procfile'], { ...environment, variables: { PORT: '5000' } })
  assert.match(text, /^bind = ":5000" +# Procfile:1: -b$/m)
  assert.match(notes.join('\n'), /^\$PORT became its value here; .*jumak reads PORT by itself\n\$WORKERS is not set/)
})

test('a compose file: the service that is named', async t => {
  const compose = 'services:\n  a:\n    command: gunicorn shop\n  b:\n    command: uvicorn shop:app --port ${P}\n'
  const environment = inShop(t, {}, { 'compose.yaml': compose, '.env': 'P=85\n' })
  const { text } = await adapt(['--service', 'b', 'compose.yaml'], environment)
  assert.match(text, /^bind = "127\.0\.0\.1:85" +# compose\.yaml:5: --port$/m)
  assert.deepEqual((await adapt(['compose.yaml', '--service=b'], environment)).text, text)
})

test('mistakes are told, and what is not understood', async t => {
  const environment = inShop(t, {}, { Procfile: 'web: daphne shop:app\n' })
  assert.deepEqual(await problems(['gunicorn', '--wrokers=3'], environment), [
    '--wrokers is unknown; did you mean --workers?',
    'APP must name the application, as in jumak gunicorn shop.wsgi; jumak alone finds it',
  ])
  assert.deepEqual(await problems(['Procfile'], environment), [
    'Procfile:1: starts daphne, and only the command lines of gunicorn, uvicorn, fastapi are understood',
  ])
  assert.match(
    (await problems(['shop.conf'], environment)).join('\n'),
    /^the command starts shop\.conf, .*\njumak adapt takes a command line of/,
  )
  assert.match((await problems(['no/Dockerfile'], environment))[0]!, /^no\/Dockerfile cannot be read/)
  assert.match(
    (await problems(['Procfile', 'shop'], environment))[0]!,
    /^the word 'shop' behind Procfile is not understood/,
  )
})
