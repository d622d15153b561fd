/** Which application is served when little or nothing is named, by which Python, and what the program says of a wrong name. With real frameworks. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { ensureEnvironment, whyNoPython } from '../support/environments/environments.ts'
import { APPS } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { textOf } from '../support/raw-client.ts'
import { runJumak } from '../support/run.ts'
import { startServer } from '../support/server.ts'

const skip = await whyNoPython()
const run = promisify(execFile)

const CALLABLE = `def NAME(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [two]
`
const named = (name: string) => CALLABLE.replace('NAME', name)
const FLASK = `from flask import Flask
def create_app(config=None):
    app = Flask(__name__)
    app.get("/")(lambda: "two")
    return app
`
const ASGI = `from .answer import two
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": two})
`

interface Start {
  readonly files: Readonly<Record<string, string>>
  readonly app?: string
  /** Below the project. */
  readonly from?: string
  readonly python?: string
  /** In the log. */
  readonly says?: RegExp
}

async function serves(t: TestContext, { files, app, from = '.', python, says }: Start): Promise<void> {
  const project = new Project(t, files)
  const directory = project.path(from)
  const server = await startServer({
    directory,
    args: ['-w', '1', '--lifespan', 'off'],
    ...(app === undefined ? {} : { app }),
    ...(python === undefined ? {} : { python }),
  })
  assert.equal(await textOf(server.port, '/'), 'two')
  if (says !== undefined)
    assert.ok(
      server.log.some(line => says.test(line)),
      server.log.join('\n'),
    )
  await server.stop()
}

const ANSWER = { 'answer.py': 'two = b"two"\n' }
const inFolder = (folder: string, files: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]))
const PACKAGE = { ...ANSWER, '__init__.py': '', 'main.py': `from .answer import two\n${named('application')}` }

test('a file of a package, named by its path from outside and from inside', async t => {
  const files = inFolder('shop', PACKAGE)
  await serves(t, { files, app: 'shop/main.py' })
  await serves(t, { files, app: 'main.py', from: 'shop' })
  await serves(t, { files, from: 'shop', says: /found main\.py with 'application', serving shop\.main:application/ })
})

test('app/main.py, ASGI, and a package in src', async t => {
  const files = inFolder('app', { ...ANSWER, 'main.py': ASGI })
  await serves(t, { files, says: /found app\/main\.py with 'app', serving app\.main:app/ })
  const source = inFolder('src/inn', { ...ANSWER, '__init__.py': '', 'wsgi.py': PACKAGE['main.py'] })
  await serves(t, { files: source, says: /found src\/inn\/wsgi\.py/ })
  await serves(t, { files: source, app: 'inn.wsgi' })
})

test('a folder by its name', async t => {
  const files = inFolder('site', { 'app.py': `two = b"two"\n${named('app')}` })
  await serves(t, { files, app: 'site/', says: /found app\.py with 'app', serving app:app/ })
  await serves(t, { files, app: '.', from: 'site' })
})

test('a package of Flask with create_app', { skip }, async t => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'flask' })
  const files = { 'flaskr/__init__.py': FLASK }
  await serves(t, { files, python, says: /found flaskr\/__init__\.py with the factory 'create_app'/ })
  await serves(t, { files, python, app: 'flaskr' })
})

test('a Django project with Channels is served as ASGI, which is said, and by WSGI where that is named', {
  skip,
}, async t => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'asgi' })
  const settings = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inn.settings")\n'
  const wsgi = `import os\n${settings}from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n`
  const project = new Project(t, { 'manage.py': `import os\n${settings}` })
  cpSync(join(APPS, 'django_inn'), project.directory, { recursive: true })
  project.save('inn/wsgi.py', wsgi)
  const asgi = await startServer({ directory: project.directory, python, args: ['-w', '1'] })
  const line = await asgi.waitForLog(/found manage\.py/)
  assert.match(line, /with Channels, serving inn\.asgi \(ASGI_APPLICATION\); for WSGI name it: jumak inn\.wsgi$/)
  await asgi.waitForLog(/ASGI +Django/)
  await asgi.stop()
  const other = await startServer({ directory: project.directory, python, args: ['-w', '1'], app: 'inn.wsgi' })
  await other.waitForLog(/WSGI +Django/)
  await other.stop()
})

test('the virtual environment of a directory above', { skip }, async t => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'flask' })
  const project = new Project(t, { 'services/shop/app.py': `import sys\ntwo = sys.prefix.encode()\n${named('app')}` })
  await run(python, ['-m', 'venv', '--without-pip', project.path('.venv')])
  const directory = project.path('services/shop')
  const server = await startServer({ directory, args: ['-w', '1'], env: { VIRTUAL_ENV: '', CONDA_PREFIX: '' } })
  assert.equal(await textOf(server.port, '/'), project.path('.venv'))
  await server.waitForLog(/Python 3\S+ \(\.venv in .*\)/)
  await server.stop()
})

async function refused(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  words: string[],
): Promise<[number, string]> {
  const project = new Project(t, files)
  mkdirSync(project.path('x'), { recursive: true })
  const env = { DJANGO_SETTINGS_MODULE: '' }
  const { code, stderr } = await runJumak(['-b', '127.0.0.1:0', ...words], project.directory, env)
  return [code, stderr]
}

test('nothing to serve: every place that was looked at', async t => {
  const [code, said] = await refused(t, { 'tool/__init__.py': '', 'main.py': 'print(1)\n', 'src/x.txt': '' }, [])
  assert.equal(code, 2)
  for (const place of ['manage.py', 'wsgi.py', 'asgi.py', 'app.py', 'server.py', 'api.py', 'src', 'packages tool'])
    assert.ok(said.includes(place), `${place}: ${said}`)
  assert.match(said, /found main\.py, but neither application nor app nor create_app is defined in it/)
})

test('a factory without parentheses, a module that needs its package, settings that are not there', async t => {
  const [first, factory] = await refused(t, { 'shop.py': 'def create_app(): pass\n' }, ['shop:create_app'])
  assert.equal(first, 3)
  assert.match(factory, /shop:create_app is a factory, which makes the application: jumak 'shop:create_app\(\)'/)
  const [code, relative] = await refused(t, inFolder('shop', PACKAGE), ['--chdir', 'shop', 'main:application'])
  assert.equal(code, 3)
  assert.match(relative, /name it as a module of its package: jumak --chdir \S+ shop\.main:application/)
  const wsgi = 'import importlib, os\nimportlib.import_module(os.environ["DJANGO_SETTINGS_MODULE"])\n'
  const [last, settings] = await refused(t, { 'w.py': wsgi }, ['-e', 'DJANGO_SETTINGS_MODULE=m.nowhere', 'w'])
  assert.equal(last, 3)
  assert.match(settings, /DJANGO_SETTINGS_MODULE is m\.nowhere, and there is no module m \(.*\); it is set by --env/)
})
