/** Static files through the real program: as the user names them, and as a Django project's settings do. */
import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { run } from '../../scripts/lib/command.ts'
import { ensureEnvironment, testedPythons, whyNoPython } from '../support/environments/environments.ts'
import { APPS, EXAMPLES } from '../support/paths.ts'
import { Project, temporaryDirectory } from '../support/project.ts'
import { getOnce, RawClient, type RawResponse } from '../support/raw-client.ts'
import { type Server, startServer, TRACEBACK, until } from '../support/server.ts'

/** Only static files have an entity tag here: the application sends none. */
const isFile = (response: RawResponse) => /^"[0-9a-z]+-[0-9a-z]+(?:-\w+)?"$/.test(response.header('etag') ?? '')

test('--static: whole, parts, conditions, HEAD, compressed, and what is missing goes to the application', {
  skip: await whyNoPython(),
}, async t => {
  const directory = temporaryDirectory(t)
  const large = Buffer.from(Array.from({ length: 2_000_000 }, (_, i) => (i * 13 + (i >> 9)) & 255))
  const script = 'let inn = "열려 있다"\n'.repeat(50)
  mkdirSync(join(directory, 'js'))
  writeFileSync(join(directory, 'js/main.3f2a1b9c.js'), script)
  writeFileSync(join(directory, 'js/main.3f2a1b9c.js.gz'), gzipSync(script))
  writeFileSync(join(directory, 'large.bin'), large)
  writeFileSync(join(directory, '.env'), 'SECRET=1')
  symlinkSync('/etc/passwd', join(directory, 'passwd'))
  const server = await startServer({
    app: 'plain',
    directory: APPS,
    args: ['--static', `/files=${directory}`, '-w', '1'],
  })
  await server.waitForLog(new RegExp(`static\\s+/files/ from ${directory}$`))
  const client = new RawClient(server.port)
  await client.get('/hello').response()
  server.rememberFds()

  const path = '/files/js/main.3f2a1b9c.js'
  for (let i = 0; i < 3; i++) {
    const whole = await client.get(path).response()
    assert.equal(whole.status, 200)
    assert.equal(whole.body.toString(), script)
    assert.equal(whole.header('content-type'), 'text/javascript; charset=utf-8')
    assert.match(whole.header('cache-control')!, /immutable/)
    assert.equal(whole.header('vary'), 'Accept-Encoding')
    assert.ok(isFile(whole))
  }
  const coded = await client.get(path, 'Accept-Encoding: gzip, deflate').response()
  assert.deepEqual(coded.body, gzipSync(script))
  const cached = await client.get(path, 'Accept-Encoding: gzip', `If-None-Match: ${coded.header('etag')}`).response()
  assert.equal(cached.status, 304)
  const head = await client.send(`HEAD ${path} HTTP/1.1\r\nHost: t\r\n\r\n`).response('HEAD')
  assert.equal(head.header('content-length'), String(Buffer.byteLength(script)))

  assert.ok((await client.get('/files/large.bin').response()).body.equals(large))
  const part = await client.get('/files/large.bin', 'Range: bytes=1000000-1999998').response()
  assert.equal(part.status, 206)
  assert.ok(part.body.equals(large.subarray(1_000_000, 1_999_999)))
  const parts = await client.get('/files/large.bin', 'Range: bytes=0-9,-10').response()
  assert.match(parts.header('content-type')!, /^multipart\/byteranges; boundary=/)
  assert.ok(parts.body.includes(large.subarray(-10)))
  assert.equal((await client.get('/files/large.bin', 'Range: bytes=2000000-').response()).status, 416)

  for (const other of [
    '/files/missing.css',
    '/files/',
    '/files/js',
    '/files/.env',
    '/files/passwd',
    '/files/%2e%2e/x',
    '/files/js/../.env',
  ]) {
    const response = await client.get(other).response()
    assert.ok(!isFile(response) && !/SECRET|root:/.test(response.body.toString()), other)
    assert.equal(response.status, 404, other)
  }
  const posted = await client.send(`POST ${path} HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc`).response()
  const asked = { status: posted.status, body: posted.body.toString() }
  assert.deepEqual(asked, { status: 404, body: 'no such path: files' }, 'a POST is the application’s')
  client.close()
  await server.stop()
})

test('a client that stops reading, and one that goes, cost no descriptor', { skip: await whyNoPython() }, async t => {
  const directory = temporaryDirectory(t)
  const large = Buffer.alloc(12_000_000, 'x')
  writeFileSync(join(directory, 'large.bin'), large)
  const server = await startServer({ app: 'plain', directory: APPS, args: ['--static', `/files=${directory}`] })
  await getOnce(server.port, '/files/large.bin', 'Range: bytes=0-9')
  server.rememberFds()
  const slow = new RawClient(server.port)
  const gone = new RawClient(server.port)
  slow.get('/files/large.bin')
  gone.get('/files/large.bin')
  for (const client of [slow, gone]) {
    await client.head()
    client.socket.pause()
  }
  // Others are served meanwhile.
  assert.equal((await getOnce(server.port, '/files/large.bin', 'Range: bytes=0-9')).body.length, 10)
  gone.socket.destroy()
  slow.socket.resume()
  assert.equal((await slow.readExactly(large.length)).length, large.length)
  slow.close()
  await server.stop()
})

/** One file; its settings are a file beside it, so that a reload finds others. */
const APP = `
import json, os
from django.conf import settings
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'settings.json')) as file:
    settings.configure(SECRET_KEY='x', ALLOWED_HOSTS=['*'], ROOT_URLCONF=__name__, **json.load(file))
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path('', lambda request: HttpResponse('page'))]
application = get_wsgi_application()
`

class DjangoProject extends Project {
  constructor(t: TestContext) {
    super(t, { 'app.py': APP })
  }

  release(name: string): string {
    this.save(`${name}/a.css`, name)
    return this.path(name)
  }

  configure(settings: Readonly<Record<string, string>>): void {
    this.save('settings.json', JSON.stringify(settings))
  }
}

async function body(server: Server, path: string): Promise<string> {
  const response = await getOnce(server.port, path)
  return response.status === 200 ? response.body.toString() : String(response.status)
}

const [python] = await testedPythons()

for (const preload of ['on', 'off']) {
  test(`STATIC_ROOT is found, with --preload ${preload}; a reload and a new gateway keep to it`, {
    skip: await whyNoPython(),
  }, async t => {
    const environment = await ensureEnvironment({ python: python!.version, packages: 'example-django' })
    const project = new DjangoProject(t)
    const first = project.release('first')
    const second = project.release('second')
    project.configure({ STATIC_URL: '/static/', STATIC_ROOT: first })
    const server = await startServer({
      app: 'app',
      directory: project.directory,
      python: environment.python,
      args: ['--preload', preload],
    })
    await server.waitForLog(new RegExp(`static\\s+/static/ from ${first} \\(STATIC_ROOT\\)$`))
    assert.equal(await body(server, '/static/a.css'), 'first')
    assert.equal(await body(server, '/static/b.css'), '404')
    assert.equal(await body(server, '/'), 'page')

    project.configure({ STATIC_URL: 'assets/', STATIC_ROOT: second })
    server.signal('SIGHUP')
    await server.waitForLog(/generation 2 serves/)
    // The message to the gateway and the line of the log go different ways.
    await until(
      async () => (await body(server, '/static/a.css')) === '404',
      () => 'the files of the first release are still served',
    )
    assert.equal(await body(server, '/assets/a.css'), 'second')

    server.expectLog(/the gateway was killed/)
    const { pid } = server.gateway()
    process.kill(pid, 'SIGKILL')
    await until(
      () => server.processes().some(one => /gateway\/main/.test(one.command) && one.pid !== pid),
      () => 'no new gateway',
    )
    assert.equal(await body(server, '/assets/a.css'), 'second')
    await server.stop()
  })
}

test('a reload that fails leaves the files as they were', { skip: await whyNoPython() }, async t => {
  const environment = await ensureEnvironment({ python: python!.version, packages: 'example-django' })
  const project = new DjangoProject(t)
  const first = project.release('first')
  project.configure({ STATIC_URL: '/static/', STATIC_ROOT: first })
  const server = await startServer({ app: 'app', directory: project.directory, python: environment.python })
  server.expectLog(
    /error master +app could not be imported: JSONDecodeError: Expecting property name/,
    TRACEBACK,
    /error master +json\.decoder\.JSONDecodeError: Expecting property name/,
    /error master +generation 2 is given up, generation 1 serves on$/,
  )
  project.save('settings.json', '{')
  server.signal('SIGHUP')
  await server.waitForLog(/is given up/)
  assert.equal(await body(server, '/static/a.css'), 'first')
  await server.stop()
})

test('what the user names wins over STATIC_ROOT, and off is off', { skip: await whyNoPython() }, async t => {
  const environment = await ensureEnvironment({ python: python!.version, packages: 'example-django' })
  const project = new DjangoProject(t)
  const [found, own] = [project.release('found'), project.release('own')]
  project.configure({ STATIC_URL: '/static/', STATIC_ROOT: found })
  const common = { app: 'app', directory: project.directory, python: environment.python }
  const named = await startServer({ ...common, args: ['--static', `/static/=${own}`] })
  assert.equal(await body(named, '/static/a.css'), 'own')
  assert.ok(!named.log.some(line => line.includes('STATIC_ROOT')))
  await named.stop()
  const off = await startServer({ ...common, args: ['--static', 'off'] })
  assert.equal(await body(off, '/static/a.css'), '404')
  assert.ok(!off.log.some(line => line.includes('STATIC_ROOT')))
  await off.stop()
})

for (const { version } of await testedPythons()) {
  test(`the example’s admin on Python ${version}: its styles come from STATIC_ROOT`, {
    skip: await whyNoPython(),
  }, async t => {
    const environment = await ensureEnvironment({ python: version, packages: 'example-django' })
    const directory = join(EXAMPLES, 'django-shop')
    const data = temporaryDirectory(t)
    const prepared = await run(environment.python, ['manage.py', 'prepare'], {
      cwd: directory,
      env: { SHOP_DATA: data },
    })
    assert.equal(prepared.code, 0, prepared.output)
    const server = await startServer({ directory, python: environment.python, env: { SHOP_DATA: data } })
    await server.waitForLog(/static\s+\/static\/ from \S+staticfiles \(STATIC_ROOT\)$/)
    const login = await getOnce(server.port, '/admin/login/', 'Host: localhost')
    const styles = [...login.body.toString().matchAll(/href="(\/static\/[^"]+\.css)"/g)].map(match => match[1]!)
    assert.ok(styles.length > 0)
    for (const style of styles) {
      const response = await getOnce(server.port, style, 'Host: localhost', 'Accept-Encoding: gzip')
      assert.equal(response.status, 200)
      assert.ok(isFile(response), style)
      assert.match(response.header('cache-control')!, /immutable/)
      assert.match(response.header('content-type')!, /^text\/css/)
    }
    await server.stop()
  })
}
