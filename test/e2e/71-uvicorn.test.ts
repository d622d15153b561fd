/** uvicorn's command lines, as its users have them. What each option becomes: `src/adapters/uvicorn/uvicorn.test.ts`. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureEnvironment, whyNoPython } from '../support/environments/environments.ts'
import { APPS } from '../support/paths.ts'
import { linkToProgram } from '../support/program-link.ts'
import { Project, temporaryDirectory } from '../support/project.ts'
import { RawClient } from '../support/raw-client.ts'
import { runJumak } from '../support/run.ts'
import { startServer } from '../support/server.ts'

const noPython = await whyNoPython()
const SITE = join(APPS, 'uvicorn_site')
const DJANGO = {
  'myproject/__init__.py': '',
  'myproject/settings.py': 'SECRET_KEY = "s"\nALLOWED_HOSTS = ["*"]\nROOT_URLCONF = "myproject.urls"\n',
  'myproject/urls.py':
    'from django.http import HttpResponse\nfrom django.urls import path\n' +
    'urlpatterns = [path("", lambda request: HttpResponse("<html>" + request.get_host()))]\n',
  'myproject/asgi.py':
    'import os\nfrom django.core.asgi import get_asgi_application\n' +
    'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myproject.settings")\napplication = get_asgi_application()\n',
}

test('a link named uvicorn serves a Django project, with the access log of uvicorn', { skip: noPython }, async t => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'example-django' })
  const server = await startServer({
    program: linkToProgram(t, 'uvicorn'),
    directory: new Project(t, DJANGO).directory,
    args: ['--port', '0', 'myproject.asgi:application'],
    isBound: true,
    env: { JUMAK_PYTHON: python },
  })
  const page = await fetch(`http://127.0.0.1:${server.port}/?a=1`)
  assert.deepEqual([page.status, page.headers.get('server')], [200, null])
  assert.match(await page.text(), /<html/)
  assert.equal(server.log.filter(line => /info +master +uvicorn's defaults hold/.test(line)).length, 1)
  assert.ok(
    server.log.some(line => /, workers? 1 × up to 65536 requests/.test(line)),
    server.log.join('\n'),
  )
  await server.stop()
  assert.match(server.stdout.join('\n'), /^INFO: {5}127\.0\.0\.1:\d+ - "GET \/\?a=1 HTTP\/1\.1" 200 OK$/m)
})

const LOG_CONFIG = JSON.stringify({
  version: 1,
  disable_existing_loggers: false,
  formatters: { there: { '()': 'uvicorn.logging.DefaultFormatter', fmt: 'CONFIGURED %(levelprefix)s %(message)s' } },
  handlers: { out: { class: 'logging.StreamHandler', formatter: 'there', stream: 'ext://sys.stderr' } },
  loggers: { uvicorn: { handlers: ['out'], level: 'INFO' }, shop: { handlers: ['out'], level: 'INFO' } },
})

test('a FastAPI factory with options of all kinds', { skip: noPython }, async t => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'asgi' })
  const directory = join(temporaryDirectory(t), 'site')
  cpSync(SITE, join(directory, 'src'), { recursive: true })
  writeFileSync(join(directory, 'log.json'), LOG_CONFIG)
  writeFileSync(join(directory, 'shop.env'), 'GREETING=hello\nFORWARDED_ALLOW_IPS=*\n')
  const server = await startServer({
    directory,
    args: ['uvicorn', 'shop:make', '--factory', '--app-dir', 'src', '--log-config=log.json', '--env-file', 'shop.env'],
    isBound: true,
    env: { JUMAK_PYTHON: python, UVICORN_PORT: '0', UVICORN_HEADERS: 'X-Shop:open', UVICORN_LIMIT_CONCURRENCY: '1' },
  })
  server.expectLog(/--log-config is for what the application logs/)
  server.expectLog(/UVICORN_LIMIT_CONCURRENCY counts requests that have no response yet/)
  server.expectLog(/FORWARDED_ALLOW_IPS \* believes everyone who can connect/)
  server.expectLog(/GET \/ was refused: Too many requests are waiting/)
  const url = `http://127.0.0.1:${server.port}`
  const home = await fetch(url, { headers: { 'X-Forwarded-For': '10.9.8.7', 'X-Forwarded-Proto': 'https' } })
  assert.deepEqual(await home.json(), { client: '10.9.8.7', scheme: 'https', greeting: 'hello' })
  assert.equal(home.headers.get('x-shop'), 'open')
  for (const said of ['imported by shop', 'started up', 'asked for home'])
    await server.waitForLog(new RegExp(`CONFIGURED INFO: {5}${said}`))

  // The application gets a request before its content, and reads that as it comes.
  const early = new RawClient(server.port).send(
    'PUT /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
  )
  assert.equal((await early.response()).body.toString(), '{"first":"abc"}')
  early.close()

  const gate = join(directory, 'open')
  const held = fetch(`${url}/hold?until=${encodeURIComponent(gate)}`)
  // Until it is in the application another one may be answered, and itself refused.
  await server.waitForLog(/asked to hold/)
  assert.equal((await fetch(url)).status, 503)
  writeFileSync(gate, '')
  assert.equal((await held).status, 200)

  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/echo`)
  await once(socket, 'open')
  socket.send('안녕')
  const [message] = await once(socket, 'message')
  assert.equal((message as MessageEvent).data, '안녕')
  socket.close()
  await once(socket, 'close')
  await server.stop()
})

for (const [words, code, stderr] of [
  [
    ['shop:app', '--prot', '80'],
    2,
    /^jumak: --prot is unknown; did you mean --port\?\njumak: try jumak uvicorn --help\n$/,
  ],
  [['--port', '0', 'nowhere:app'], 3, /there is no module nowhere/],
  [['--port', '0', 'shop:make', '--log-config', 'none.ini'], 3, /none\.ini \(--log-config\): FileNotFoundError/],
] as const)
  test(`uvicorn ${words.join(' ')} is exit code ${code}`, { skip: noPython }, async () => {
    const { python } = await ensureEnvironment({ python: 'newest', packages: 'asgi' })
    const ended = await runJumak(['uvicorn', ...words], SITE, { JUMAK_PYTHON: python })
    assert.equal(ended.code, code, ended.stderr)
    assert.match(ended.stderr, stderr)
  })

test('python -m uvicorn is uvicorn, with that Python', { skip: noPython }, async () => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'asgi' })
  const ended = await runJumak([python, '-m', 'uvicorn', 'shp:make', '--port', '0'], SITE)
  assert.equal(ended.code, 3, ended.stderr)
  assert.ok(ended.stderr.includes(`the packages of ${python}); did you mean shop?`), ended.stderr)
})

test('fastapi run finds the application, and its port is $PORT', { skip: noPython }, async t => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'asgi' })
  const server = await startServer({
    directory: new Project(t, {
      'app/main.py': 'from fastapi import FastAPI\nshop = FastAPI()\n@shop.get("/")\ndef home():\n    return 7\n',
    }).directory,
    args: ['fastapi', 'run', '--host=127.0.0.1'],
    isBound: true,
    env: { JUMAK_PYTHON: python, PORT: '0' },
  })
  assert.equal(await (await fetch(`http://127.0.0.1:${server.port}/`)).text(), '7')
  await server.stop()
})
