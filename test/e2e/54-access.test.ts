/** Who is let in to a site: what is not compared with nginx (`52-sites-like-nginx.test.ts`), and what an attacker tries. */
import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { APPS } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { type RawResponse, withClient } from '../support/raw-client.ts'
import { runJumak } from '../support/run.ts'
import { type Server, startServer } from '../support/server.ts'

const APP = '[[app]]\nname = "main"\napp = "access_app:application"\nworkers = 1\n'
const SITE = `
[[site]]
app = "main"
auth-users = "users"
locations = [
  { match = "/staff/", auth-basic = "Staff" },
  { match = "/asks/", auth-request = "/auth/", auth-request-set = { user = "$upstream_http_x_user" }, add-headers-always = { X-Seen-User = "$user" } },
  { match = "= /auth/", internal = true },
  { match = "/doors/", auth-request = "/door/" },
  { match = "= /door/", internal = true, return = 401, error-page = ["401 =200 /read/door"] },
  { match = "/kept/", auth-request = "/auth/kept" },
  { match = "= /auth/kept", internal = true, intercept-errors = true, error-page = ["403 503 =200 /read/door"] },
  { match = "/office/", access = ["allow 203.0.113.0/24", "deny all"] },
  { match = "/read/", limit-except = "GET" },
]
`
const USERS = 'ann:{PLAIN}sesame\njürg:{PLAIN}grüezi\n'
const basic = (text: string) => `Authorization: Basic ${Buffer.from(text).toString('base64')}`

function made(t: TestContext, users = USERS): Project {
  const project = new Project(t, { 'jumak.toml': APP + SITE })
  project.save('users', users, 0o600)
  copyFileSync(join(APPS, 'access_app.py'), project.path('access_app.py'))
  return project
}

async function start(t: TestContext, ...args: string[]): Promise<{ server: Server; project: Project }> {
  const project = made(t)
  return { server: await startServer({ directory: project.directory, args }), project }
}

function ask(server: Server, request: string, headers: readonly string[] = [], body = ''): Promise<RawResponse> {
  const [method = 'GET', target = '/'] = request.split(' ')
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const lines = [`${method} ${target} HTTP/1.1`, 'Host: shop.test', ...headers, ...length, '', body]
  return withClient(server.target, client => client.send(lines.join('\r\n')).response(method))
}

test('a password opens a location, its user is REMOTE_USER, and a changed file counts from HUP on', async t => {
  const { server, project } = await start(t)
  const body = async (...headers: string[]) => {
    const { status, body: text } = await ask(server, 'GET /staff/x', headers)
    return `${status} ${status === 200 ? text.toString('latin1') : ''}`.trim()
  }
  const asked = await ask(server, 'GET /staff/x')
  assert.deepEqual([asked.status, asked.header('www-authenticate')], [401, 'Basic realm="Staff"'])
  assert.equal(await body(basic('ann:sesame')), '200 GET /staff/x ann 0')
  assert.equal(await body(basic('jürg:grüezi')), `200 GET /staff/x ${Buffer.from('jürg').toString('latin1')} 0`)
  assert.equal(await body(basic('ann:Sesame')), '401')
  assert.equal(await body(basic('eve:sesame')), '401')
  assert.equal(await body(basic('ann:sesame'), basic('eve:x')), '401')
  assert.equal(await body('Remote-User: root', 'REMOTE_USER: root', basic('ann:sesame')), '200 GET /staff/x ann 0')
  assert.equal((await ask(server, 'GET /', ['Remote-User: root'])).body.toString(), 'GET / nobody 0')
  project.save('users', 'ann:{PLAIN}changed\n', 0o600)
  const from = server.log.length
  server.signal('SIGHUP')
  await server.waitForLog(/ ready$| serv(?:es|ing)/, from)
  assert.equal(await body(basic('ann:sesame')), '401')
  assert.equal(await body(basic('ann:changed')), '200 GET /staff/x ann 0')
  await server.stop()
})

test('no spelling of a path, no method and no field gets past a location', async t => {
  const { server } = await start(t, '--trusted-proxies', 'none')
  const spellings = [
    ...['/staff/x', '/%73taff/x', '/%53taff/x', '/STAFF/x', '//staff/x', '/staff//x', '/./staff/x', '/a/../staff/x'],
    ...['/a/%2e%2e/staff/x', '/staff%2fx', '/staff%2Fx', '/a%2f..%2fstaff/x', '/staff/./x', '/staff/x/..', '/staff/.'],
    ...['/staff;/x', '/staff/;x', '/staff/%00', '/staff/x?a', '/staff/%20', 'http://shop.test/staff/x', '/\\staff/x'],
    ...['/staff/%c0%af', '/%252e/staff/x', '/staff/..%2fstaff/x', '/staff', '/staff%20/x', '/staff/x%3f'],
  ]
  for (const target of spellings)
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'PROPFIND']) {
      const { status, body } = await ask(server, `${method} ${target}`)
      // Whoever is answered by the application was at another path, to the application too.
      if (status === 200 && method !== 'HEAD') assert.doesNotMatch(body.toString(), / \/staff\//, `${method} ${target}`)
      else assert.ok([200, 301, 400, 401].includes(status), `${method} ${target}: ${status}`)
    }
  for (const method of ['POST', 'PUT', 'DELETE', 'get', 'X'])
    assert.equal((await ask(server, `${method} /read/x`)).status, 403, method)
  assert.equal((await ask(server, 'GET /read/x')).status, 200)
  const upgrade = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAA']
  assert.equal((await ask(server, 'GET /staff/x', upgrade)).status, 401)
  assert.equal((await ask(server, 'GET /asks/x', upgrade)).status, 401)
  for (const name of ['X-Forwarded-For', 'X-Real-IP', 'Forwarded', 'CF-Connecting-IP'])
    assert.equal((await ask(server, 'GET /office/', [`${name}: 203.0.113.7`, `${name}: for=203.0.113.7`])).status, 403)
  await server.stop()
})

test('auth-request asks by GET without content, and nothing of a client changes its meaning', async t => {
  const { server } = await start(t)
  const refused = await ask(
    server,
    'POST /asks/%78?q=1',
    [
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Range: bytes=0-1',
      'X-Original-URI: /open',
      'X-Original-Method: GET',
    ],
    'content',
  )
  assert.equal(refused.status, 401)
  assert.equal(refused.header('www-authenticate'), `Test seen="('GET', 'POST', '/asks/%78?q=1', 0) []"`)
  assert.equal(refused.header('x-seen-user'), undefined)
  const { status, body, header } = await ask(server, 'POST /asks/%78?q=1', ['Cookie: ok=1'], 'content')
  assert.deepEqual([status, body.toString(), header('x-seen-user')], [200, 'POST /asks/x nobody 7', 'ann'])
  assert.equal((await ask(server, 'GET /asks/x', ['X-Want: 403 Forbidden'])).status, 403)
  server.expectLog(/GET \/asks\/x for shop\.test: auth-request \/auth\/ was answered with 302/)
  const unasked = await ask(server, 'GET /asks/x', ['X-Want: 302 Found'])
  // What is asked is not the client's affair.
  assert.deepEqual([unasked.status, /auth/.test(unasked.body.toString())], [500, false])
  // A page of an error that says 200 is for people: it lets nobody in.
  assert.equal((await ask(server, 'GET /doors/x')).status, 401)
  assert.equal((await ask(server, 'GET /kept/x', ['X-Want: 403 Forbidden'])).status, 403)
  server.expectLog(/GET \/kept\/x for shop\.test: auth-request \/auth\/kept was answered with 503/)
  assert.equal((await ask(server, 'GET /kept/x', ['X-Want: 503 Busy'])).status, 500)
  // It is internal.
  assert.equal((await ask(server, 'GET /auth/', ['Cookie: ok=1'])).status, 404)
  await server.stop()
})

test('an address is what a trusted proxy says', async t => {
  const { server } = await start(t, '--trusted-proxies', '127.0.0.1')
  const status = async (...headers: string[]) => (await ask(server, 'GET /office/', headers)).status
  const inside = 'X-Forwarded-For: 203.0.113.7'
  assert.equal(await status(inside), 200)
  assert.equal(await status(`${inside}, 198.51.100.1`), 403)
  assert.equal(await status('X-Forwarded-For: ::ffff:203.0.113.7'), 200)
  assert.equal(await status('X-Real-IP: 203.0.113.7'), 403)
  await server.stop()
})

test('--check says what is wrong with a file of passwords', async t => {
  const project = made(t, 'ann:rqXexS6ZhobKA\nbob:{PLAIN}x\ncid\n')
  const { code, stderr } = await runJumak(['--check'], project.directory)
  assert.notEqual(code, 0)
  assert.match(stderr, /users:1:1: ann has a hash of DES crypt/)
  assert.match(stderr, /users:3:1: this must be a line as in name:hash/)
})
