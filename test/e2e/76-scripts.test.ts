/** Requests that go on by FastCGI, SCGI and uwsgi: to php-fpm and uWSGI where they are installed, and to servers that misbehave. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ended, record, records } from '../../src/upstream/protocols/testing/records.ts'
import { Project } from '../support/project.ts'
import { type RawResponse, withClient } from '../support/raw-client.ts'
import { findUwsgi, phpFpm, startPhpFpm, startServer as startScriptServer } from '../support/scripts.ts'
import { type Server, startServer } from '../support/server.ts'
import { startSockets } from '../support/upstreams.ts'

function ask(server: Server, text: string): Promise<RawResponse> {
  return withClient(server.target, client => client.send(text).response('GET'))
}

function get(server: Server, path: string, ...headers: string[]): Promise<RawResponse> {
  return ask(server, `GET ${path} HTTP/1.1\r\nHost: shop.test\r\n${headers.map(line => `${line}\r\n`).join('')}\r\n`)
}

const INFO = `<?php
header('Content-Type: application/json');
if (isset($_GET['warn'])) error_log('careful');
if (isset($_GET['go'])) { header('Location: /elsewhere'); exit; }
$names = ['SCRIPT_NAME', 'SCRIPT_FILENAME', 'PATH_INFO', 'QUERY_STRING', 'REQUEST_METHOD', 'HTTP_HOST', 'HTTP_PROXY', 'HTTP_X_FORWARDED_FOR', 'HTTP_X_OWN', 'APP_ENV', 'SERVER_NAME', 'REQUEST_URI'];
$server = [];
foreach ($names as $name) if (isset($_SERVER[$name])) $server[$name] = $_SERVER[$name];
echo json_encode(['server' => $server, 'post' => $_POST, 'length' => strlen(file_get_contents('php://input'))]);
`

const fpm = phpFpm()

test('PHP by php-fpm', { skip: fpm === null ? 'php-fpm is not installed' : false }, async t => {
  const project = new Project(t, { 'public/index.php': INFO, 'public/a.txt': 'a file' })
  const socket = await startPhpFpm(t, fpm!, project.directory)
  project.save(
    'jumak.toml',
    `[[site]]
names = ["shop.test"]
root = "public"
index = "index.php"
locations = [
  { match = '~ \\.php(/|$)', fastcgi = "unix:${socket}", fastcgi-split-path-info = '^(.+\\.php)(/.*)$', try-files = ["$fastcgi_script_name", "=404"], fastcgi-params = { APP_ENV = "test", HTTP_X_OWN = "ours" } },
  { match = "^~ /kept/", rewrites = [{ from = "^/kept(/.*)", to = "$1", flag = "break" }], fastcgi = "pool" },
]
[[upstream]]
name = "pool"
servers = ["unix:${socket}"]
keepalive = 1
`,
  )
  const server = await startServer({ directory: project.directory })
  server.expectLog(/GET \/(?:index\.php)?\?warn: upstream fastcgi:.*: says: PHP message: careful/)
  const first = JSON.parse(
    (
      await get(server, '/index.php/x/y?q=1', 'Proxy: evil', 'X-Forwarded-For: 6.6.6.6', 'X-Own: theirs')
    ).body.toString(),
  ) as { readonly server: Record<string, string> }
  assert.deepEqual(first.server, {
    SCRIPT_NAME: '/index.php',
    SCRIPT_FILENAME: join(project.directory, 'public/index.php'),
    PATH_INFO: '/x/y',
    QUERY_STRING: 'q=1',
    REQUEST_METHOD: 'GET',
    HTTP_HOST: 'shop.test',
    HTTP_X_OWN: 'ours',
    APP_ENV: 'test',
    SERVER_NAME: 'shop.test',
    REQUEST_URI: '/index.php/x/y?q=1',
  })
  assert.equal((await get(server, '/?warn')).status, 200)
  assert.equal((await get(server, '/index.php?warn')).status, 200)
  const gone = await get(server, '/index.php?go')
  assert.deepEqual([gone.status, gone.header('location')], [302, '/elsewhere'])
  assert.equal((await get(server, '/missing.php')).status, 404)
  assert.equal((await get(server, '/a.txt/x.php')).status, 404)
  assert.equal((await get(server, '/a.txt')).body.toString(), 'a file')
  const posted = (path: string, content: string) =>
    ask(
      server,
      `POST ${path} HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/x-www-form-urlencoded\r\n${content}`,
    )
  const form = JSON.parse((await posted('/index.php', 'Content-Length: 3\r\n\r\na=b')).body.toString())
  assert.deepEqual([form.post, form.length], [{ a: 'b' }, 3])
  const large = 'x'.repeat(200_000)
  const chunked = await posted('/kept/index.php', `Transfer-Encoding: chunked\r\n\r\n30d40\r\n${large}\r\n0\r\n\r\n`)
  assert.equal(JSON.parse(chunked.body.toString()).length, 200_000)
  assert.equal((await get(server, '/kept/index.php')).status, 200)
  await server.stop()
})

const uwsgi = findUwsgi()

test('a WSGI application by uWSGI, with uwsgi and SCGI', {
  skip: uwsgi === null ? 'uWSGI is not installed' : false,
}, async t => {
  const project = new Project(t, {
    'app.py': `
def application(environ, start_response):
    body = environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0))
    start_response('207 Many', [('X-Path', environ['PATH_INFO']), ('X-Query', environ['QUERY_STRING']), ('X-Env', environ.get('APP_ENV', ''))])
    return [body or b'nothing']
`,
  })
  const sockets = { uwsgi: join(project.directory, 'u.sock'), scgi: join(project.directory, 's.sock') }
  const words = [
    '--wsgi-file',
    'app.py',
    '--socket',
    sockets.uwsgi,
    '--scgi-socket',
    sockets.scgi,
    '--chmod-socket=666',
    '--die-on-term',
    '--disable-logging',
  ]
  await startScriptServer(t, spawn(uwsgi!, words, { cwd: project.directory, stdio: 'ignore' }), sockets.uwsgi)
  project.save(
    'jumak.toml',
    `[[site]]
locations = [
  { match = "/u/", uwsgi = "unix:u.sock", uwsgi-params = { APP_ENV = "$host" } },
  { match = "/s/", scgi = "unix:s.sock", scgi-params = { APP_ENV = "scgi" } },
]
`,
  )
  const server = await startServer({ directory: project.directory })
  for (const [path, env] of [
    ['/u/a%20b', 'shop.test'],
    ['/s/a%20b', 'scgi'],
  ] as const) {
    const response = await get(server, `${path}?q=1`)
    assert.deepEqual(
      [response.status, response.header('x-path'), response.header('x-query'), response.header('x-env')],
      [207, path.replace('%20', ' '), 'q=1', env],
    )
    const chunked = `POST ${path} HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`
    assert.equal((await ask(server, chunked)).body.toString(), 'hello')
  }
  const large = `X-A: ${'a'.repeat(30_000)}`
  const tooLarge = await get(server, '/u/', large, large.replace('X-A', 'X-B'), large.replace('X-A', 'X-C'))
  assert.equal(tooLarge.status, 431)
  await server.stop()
})

test('servers of FastCGI that misbehave, local redirects, another server', async (t: TestContext) => {
  const back = await startSockets({
    local: socket => socket.end(Buffer.from(records('Location: /found?x=1\n\n') + ended(), 'latin1')),
    inside: socket => socket.end(Buffer.from(records('Location: /private/\n\n') + ended(), 'latin1')),
    found: socket => socket.end(Buffer.from(records('A: b\n\nfound it') + ended(), 'latin1')),
    none: socket => socket.end(Buffer.from(records('hello\n\n') + ended(), 'latin1')),
    cut: socket => socket.end(Buffer.from(record(6, 'Content-Length: 9\n\nhalf'), 'latin1')),
    busy: socket => socket.end(Buffer.from(ended(0, 2), 'latin1')),
    silent: () => {},
  })
  t.after(() => back.close())
  const project = new Project(t, {
    'jumak.toml': `[[upstream]]
name = "two"
servers = ["127.0.0.1:1", "127.0.0.1:${back.port}"]
[[site]]
fastcgi = "127.0.0.1:${back.port}"
locations = [
  { match = "/private/", internal = true, return = "200 secret" },
  { match = "/silent", fastcgi = "127.0.0.1:${back.port}", proxy-read-timeout = "100ms" },
  { match = "/two/", fastcgi = "two" },
]
`,
  })
  const server = await startServer({ directory: project.directory })
  server.expectLog(/\/none: upstream fastcgi:.*: A header line has no colon \(RFC9112§5\): "hello"/)
  server.expectLog(/\/cut: upstream fastcgi:.*: the response was cut: it closed in mid-response/)
  server.expectLog(/\/busy: upstream fastcgi:.*: is overloaded \(FCGI_OVERLOADED\)/)
  server.expectLog(/\/silent: upstream fastcgi:.*: gave no response in time/)
  server.expectLog(/127\.0\.0\.1:1: ECONNREFUSED; another server is asked/)
  const local = await get(server, '/local')
  assert.deepEqual([local.status, local.body.toString()], [200, 'found it'])
  assert.equal((await get(server, '/inside')).status, 404)
  assert.equal((await get(server, '/none')).status, 502)
  await assert.rejects(get(server, '/cut'))
  assert.equal((await get(server, '/busy')).status, 502)
  assert.equal((await get(server, '/silent')).status, 504)
  for (let i = 0; i < 2; i++) assert.equal((await get(server, '/two/found')).status, 200)
  await server.stop()
})
