/** `fastapi run` and `fastapi dev`: which application is meant, options, defaults, mistakes. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { loadConfig } from '../../config/load.ts'
import { makeEnvironment, makeTree } from '../../config/testing/tree.ts'
import { fastapi } from './fastapi.ts'

const APP = 'app = FastAPI()\n'
const DEFAULT = { 'main.py': APP }

function read(
  t: TestContext,
  words: string,
  files: Readonly<Record<string, string>> = DEFAULT,
  variables: Readonly<Record<string, string>> = {},
) {
  const root = makeTree(t, files)
  const environment = makeEnvironment(root, { variables })
  const { args, answer } = fastapi.adapt(
    words.split(' ').filter(word => word !== ''),
    environment,
    null,
  )
  const loaded = loadConfig(args, environment)
  const problems = 'diagnostics' in loaded ? loaded.diagnostics.map(({ message }) => message) : []
  const config = 'config' in loaded ? loaded.config : null
  const app = config?.apps[0] ?? null
  const target =
    app === null ? null : [app.target.module, app.target.file?.slice(root.length), app.target.attributes[0]]
  return { config, app, target, problems, answer, notes: args.adapted?.notes ?? [] }
}

/** Files and words → module, file and name of the application. */
const APPLICATIONS: readonly (readonly [string, Readonly<Record<string, string>>, readonly unknown[]])[] = [
  ['run', DEFAULT, [null, '/main.py', 'app']],
  ['dev', { 'api.py': 'api = FastAPI()\n', 'other.py': APP }, [null, '/api.py', 'api']],
  ['run', { 'app.py': 'x = 1\nshop: FastAPI = fastapi.FastAPI(title="x")\n' }, [null, '/app.py', 'shop']],
  ['run', { 'app/main.py': APP, 'app/__init__.py': '' }, ['app.main', '/app/main.py', 'app']],
  ['run', { 'app/main.py': APP }, [null, '/app/main.py', 'app']],
  ['run shop', { 'shop/__init__.py': APP }, ['shop', '/shop/__init__.py', 'app']],
  [
    'run src/shop/web.py --app web',
    { 'src/shop/web.py': APP, 'src/shop/__init__.py': '' },
    [null, '/src/shop/web.py', 'web'],
  ],
  ['run -e shop.web:app', DEFAULT, ['shop.web', undefined, 'app']],
  ['run', { ...DEFAULT, 'pyproject.toml': '[tool.fastapi]\nentrypoint = "shop:api"\n' }, ['shop', undefined, 'api']],
  [
    'run main.py',
    { ...DEFAULT, 'pyproject.toml': '[tool.fastapi]\nentrypoint = "shop:api"\n' },
    [null, '/main.py', 'app'],
  ],
]

for (const [words, files, expected] of APPLICATIONS)
  test(`fastapi ${words} with ${Object.keys(files).join(', ')}`, t => {
    const { target, problems } = read(t, words, files)
    assert.deepEqual(problems, [])
    assert.deepEqual(target, expected)
  })

test('run is for everybody, dev for this machine with reload', t => {
  const run = read(t, 'run')
  assert.deepEqual(run.config?.bind, [{ kind: 'tcp', host: '0.0.0.0', port: 8000 }])
  assert.deepEqual([run.config?.isDevelopment, run.app?.workers, run.app?.timeouts.request], [false, 1, 0])
  const dev = read(t, 'dev')
  assert.deepEqual(dev.config?.bind, [{ kind: 'tcp', host: '127.0.0.1', port: 8000 }])
  assert.deepEqual([dev.config?.isDevelopment, dev.app?.variables], [true, { FASTAPI_ENV: 'development' }])
  assert.equal(read(t, 'dev --no-reload').config?.isDevelopment, false)
})

test('options are those of uvicorn', t => {
  const { config, app } = read(
    t,
    'run --port 80 --host ::1 --workers 3 --root-path /api --forwarded-allow-ips * main.py --reload-dir .',
  )
  assert.deepEqual(config?.bind, [{ kind: 'tcp', host: '::1', port: 80 }])
  assert.deepEqual([app?.workers, app?.rootPath, config?.trustedProxies.at(-1)], [3, '/api', 'unix'])
  assert.deepEqual(read(t, 'run --no-proxy-headers').config?.trustedProxies, [])
})

test('$PORT is the port, and the command line wins', t => {
  const port = (words: string) => JSON.stringify(read(t, words, DEFAULT, { PORT: '77' }).config?.bind)
  assert.match(port('run'), /"port":77/)
  assert.match(port('run --port 78'), /"port":78/)
})

const MISTAKES: readonly (readonly [string, RegExp])[] = [
  ['run nowhere.py', /^PATH must name a file that exists, not 'nowhere.py'$/],
  ['run . --app x', /^PATH must name a file, or a package with an __init__.py, not '\.'$/],
  ['run main.py other', /^PATH must be one word: 'other' stands behind main.py$/],
  ['run main.py -e a:b', /^--entrypoint must stand alone/],
  ['run -e main', /^--entrypoint must be MODULE:NAME, as in shop.main:app, not 'main'$/],
  ['run --prot 80', /^--prot is unknown; did you mean --port\?$/],
  ['dev --workers 2', /^--workers is unknown/],
  ['deploy', /^fastapi deploy is nothing that Jumak does/],
]

for (const [words, problem] of MISTAKES)
  test(`fastapi ${words} is refused`, t => {
    const { problems } = read(t, words)
    assert.equal(problems.length, 1, problems.join('\n'))
    assert.match(problems[0]!, problem)
  })

test('without any file it says what it looked for', t => {
  assert.match(
    read(t, 'run', {}).problems.join(),
    /^PATH must name a file: there is none of main.py, app.py, api.py, app\/main.py/,
  )
})

test('questions are answered', t => {
  assert.match(read(t, '').answer!, /^Usage: jumak fastapi run\|dev/)
  assert.match(read(t, 'run --help').answer!, /--entrypoint ENTRYPOINT/)
  assert.match(read(t, '--version').answer!, /^jumak \S+ \(as fastapi\)\n$/)
})
