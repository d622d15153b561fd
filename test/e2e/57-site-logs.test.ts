/** What a location adds to responses; and logs of sites: several, with conditions, to files, standard output and syslog, over USR1 and HUP, and with a full disk. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { test } from 'node:test'
import { APPS } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { getOnce, RawClient } from '../support/raw-client.ts'
import { startServer, until } from '../support/server.ts'

const toml = (port: number, more = '') => `
access-log = "-"
access-log-format = "access %(U)s %(s)s"

[[app]]
name = "main"
app = "plain"
workers = 1
chdir = "${APPS}"

[[map]]
name = "$isApi"
from = "$uri"
values = { default = "", "~^/api/" = "1" }

[[log]]
name = "all"
file = "all.log"
format = '$request_method $uri $status $worker'

[[log]]
name = "twin"
file = "all.log"
format = 'twin $uri'
if = "$isApi"

[[log]]
name = "some"
file = "some.log"
format = '$uri $status'
sample = 3
always-status = 404

[[log]]
name = "full"
file = "/dev/full"
format = 'json'

[[log]]
name = "far"
syslog = "udp://127.0.0.1:${port}"
format = '$uri $status'

[[log]]
name = "out"
file = "-"
format = 'out $uri'

[[site]]
app = "main"
logs = ["all", "twin", "some", "full", "far"]
locations = [
  { match = "/both/", return = "200 ok", logs = ["access", "all"] },
  { match = "/quiet/", return = "200 ok", logs = "off" },
  { match = "/out/", return = "200 ok", logs = "out" },
  { match = "/api/", return = "200 ok" },
  { match = "/headers", app = "main", headers = "secure", cors = "https://app.test", cookie-flags = "* secure", logs = "off" },
  ${more}
]
`

test('each request has its lines in the logs of its location, and in no other', async t => {
  const received: string[] = []
  const socket = createSocket('udp4', message => received.push(message.toString('latin1')))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.after(() => socket.close())
  const { port } = socket.address()
  const project = new Project(t, { 'jumak.toml': toml(port) })
  const server = await startServer({ directory: project.directory })
  server.mayLog(/log full: .*ENOSPC/)
  server.mayLog(/log full: \d+ lines dropped/)
  const get = (path: string) => getOnce(server.port, path)
  const lines = (file: string) =>
    (existsSync(project.path(file)) ? readFileSync(project.path(file), 'utf8') : '').split('\n').slice(0, -1)
  const has = async (file: string, expected: readonly string[]) => {
    await until(
      () => lines(file).length >= expected.length,
      () => `${file}: ${lines(file).join('\n')}`,
    )
    assert.deepEqual(lines(file), expected, file)
  }

  for (const path of ['/hello', '/both/', '/quiet/', '/out/', '/api/a', '/api/b', '/api/c', '/missing']) await get(path)
  const all = ['GET /hello 200 1', 'GET /both/ 200 -', 'GET /api/a 200 -', 'twin /api/a', 'GET /api/b 200 -']
  await has('all.log', [...all, 'twin /api/b', 'GET /api/c 200 -', 'twin /api/c', 'GET /missing 404 1'])
  await has('some.log', ['/api/b 200', '/missing 404'])
  await until(
    () => received.length === 5 && server.stdout.length >= 2,
    () => [...received, ...server.stdout].join('\n'),
  )
  assert.match(received[0]!, /^<14>far\.access: \[\d+\] \/hello 200\0$/)
  assert.deepEqual(server.stdout, ['access /both/ 200', 'out /out/'])

  const client = new RawClient(server.port)
  client.send(
    'OPTIONS /headers HTTP/1.1\r\nHost: t\r\nOrigin: https://app.test\r\nAccess-Control-Request-Method: PUT\r\n\r\n',
  )
  const preflight = await client.response()
  assert.deepEqual([preflight.status, preflight.header('access-control-allow-origin')], [204, 'https://app.test'])
  const answer = await client.get('/headers', 'Origin: https://app.test').response()
  assert.equal(answer.header('access-control-allow-origin'), 'https://app.test')
  assert.equal(answer.header('x-content-type-options'), 'nosniff')
  const cookies = answer.headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value)
  assert.ok(cookies.length > 0 && cookies.every(one => /; secure/i.test(one)), cookies.join('\n'))
  client.close()

  renameSync(project.path('all.log'), project.path('all.log.1'))
  server.signal('SIGUSR1')
  await server.waitForLog(/logs are opened anew/)
  await until(
    () => existsSync(project.path('all.log')),
    () => 'the file is made again',
  )
  await get('/api/d')
  await has('all.log', ['GET /api/d 200 -', 'twin /api/d'])

  project.save(
    'jumak.toml',
    `${toml(port, '{ match = "/new/", return = "200 ok", logs = "new" }')}[[log]]\nname = "new"\nfile = "no/new.log"\n`,
  )
  server.mayLog(/cannot write the log new |nothing changes, because the settings are wrong/)
  let from = server.log.length
  server.signal('SIGHUP')
  await server.waitForLog(/cannot write the log new .*no\/new\.log/, from)
  project.save('jumak.toml', readFileSync(project.path('jumak.toml'), 'utf8').replace('no/new.log', 'new.log'))
  from = server.log.length
  server.signal('SIGHUP')
  await server.waitForLog(/ ready$| serv(?:es|ing)/, from)
  await get('/new/')
  await until(
    () => lines('new.log').length === 1,
    () => 'the new log has a line',
  )
  assert.match(
    lines('new.log')[0]!,
    /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:[\d:]{8} \+0000\] "GET \/new\/ HTTP\/1\.1" 200 2 "-" "-"$/,
  )
  await server.stop()
})

const UNANSWERED = `
[[log]]
name = "all"
file = "all.log"
format = '$uri $status'

[[limit]]
name = "slow"
rate = "1/m"

[[site]]
logs = ["all"]
locations = [
  { match = "= /closed", return = 444 },
  { match = "= /waits", return = "200 ok" },
  { match = "= /late.txt", root = ".", limits = ["slow burst=5"] },
]
`

test('who gets no answer has a line, too: closed by the configuration, or gone before its turn', async t => {
  const project = new Project(t, { 'jumak.toml': UNANSWERED, 'late.txt': 'late' })
  const server = await startServer({ directory: project.directory })
  const lines = () => (existsSync(project.path('all.log')) ? readFileSync(project.path('all.log'), 'utf8') : '')
  assert.equal((await new RawClient(server.target).get('/closed').readToEnd()).length, 0)
  assert.equal((await getOnce(server.target, '/late.txt')).status, 200)
  const client = new RawClient(server.target).get('/late.txt')
  // The gateway has it when it has answered one that came later.
  await getOnce(server.target, '/waits')
  // A FIN alone is no end: such a client may still read.
  client.socket.resetAndDestroy()
  const expected = '/closed 444\n/late.txt 200\n/waits 200\n/late.txt 499\n'
  await until(() => lines() === expected, lines)
  await server.stop()
})
