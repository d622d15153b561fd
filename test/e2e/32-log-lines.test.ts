/** Which lines a request leaves in the program's log: one each while developing, else only when something is wrong. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ensureEnvironment, whyNoPython } from '../support/environments/environments.ts'
import { Project } from '../support/project.ts'
import { getOnce } from '../support/raw-client.ts'
import { type Server, startServer, until } from '../support/server.ts'
import { Terminal } from '../support/terminal.ts'

const skip = await whyNoPython()

const WSGI = `
import sys, time
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/raise":
        raise ValueError("bad luck")
    if path == "/says":
        print("the database is away", file=sys.stderr)
    status = {"/silent": "500 Oops", "/says": "503 Later", "/here": "200 OK"}.get(path, "404 Not Found")
    start_response(status, [("Content-Type", "text/plain")])
    return [b"x"]
`

const FASTAPI = `
from fastapi import FastAPI, Response
app = FastAPI()

@app.get("/silent")
def silent():
    return Response(status_code=500)

@app.get("/says")
def says():
    print("the database is away")
    return Response(status_code=503)

@app.get("/raise")
def fails():
    raise ValueError("bad luck")
`

function project(t: TestContext, code: string): string {
  return new Project(t, { 'app.py': code, 'public/a.css': 'a {}' }).directory
}

const linesAbout = (server: Server, path: string) =>
  server.log.filter(line => new RegExp(`(?:GET|HEAD) ${path}\\b`).test(line)).map(line => line.slice(24))

test('a line for each request while developing: method, path, status, time', { skip }, async t => {
  const directory = project(t, WSGI)
  const args = ['--reload', '--static', `/static=${join(directory, 'public')}`]
  const server = await startServer({ app: 'app.py', directory, args })
  server.expectLog(/GET \/raise failed in worker/)
  for (const path of ['/here?a=1', '/gone', '/silent', '/raise', '/static/a.css']) await getOnce(server.port, path)
  await server.waitForLog(/GET \/static\/a\.css 200 \d+ ms$/)
  await server.stop()
  const of = (path: string) => linesAbout(server, path).filter(line => / ms$/.test(line))
  assert.match(of('/here')[0]!, /^info {2}gateway {3}\[\S+\] GET \/here\?a=1 200 \d+ ms$/)
  assert.match(of('/gone')[0]!, /GET \/gone 404 \d+ ms$/)
  assert.match(of('/silent')[0]!, /GET \/silent 500 \d+ ms$/)
  assert.match(of('/raise')[0]!, /GET \/raise 500 \d+ ms$/)
  for (const path of ['/here', '/gone', '/silent', '/raise']) assert.equal(of(path).length, 1)
  assert.ok(!server.log.some(line => line.includes('said nothing about it')), 'one line is enough')
})

test('an access log in the terminal says it, and it is not said twice; in JSON it has fields', { skip }, async t => {
  const directory = project(t, WSGI)
  const doubled = await startServer({ app: 'app.py', directory, args: ['--reload', '--access-log', '-'] })
  await getOnce(doubled.port, '/here')
  await doubled.stop()
  assert.deepEqual(linesAbout(doubled, '/here'), [])
  const json = await startServer({
    app: 'app.py',
    directory,
    args: ['--reload', '--log-format', 'json', '--access-log', join(directory, 'access.log')],
    waitReady: false,
  })
  await json.waitForLog(/"message":"ready"/)
  await getOnce(json.port, '/here')
  const line = await json.waitForLog(/"target":"\/here"/)
  const { source, level, method, status, seconds, request } = JSON.parse(line) as Record<string, unknown>
  assert.deepEqual([source, level, method, status, typeof seconds], ['gateway', 'info', 'GET', 200, 'number'])
  assert.match(String(request), /^[0-9a-z]{8}-/)
  await json.stop()
})

test('on a terminal it has colours, and none with NO_COLOR', {
  skip: skip || process.platform !== 'linux',
}, async t => {
  for (const [NO_COLOR, expected] of [
    ['', 'GET /gone \x1b[33m404\x1b[39m '],
    ['1', 'GET /gone 404 '],
  ] as const) {
    const terminal = new Terminal(t, project(t, WSGI), ['--reload', 'app.py'], { NO_COLOR })
    await terminal.waitFor('ready')
    await getOnce(terminal.port, '/gone')
    await terminal.waitFor(expected)
    await terminal.leave()
  }
})

for (const [name, packages, code] of [
  ['WSGI', 'flask', WSGI],
  ['FastAPI', 'asgi', FASTAPI],
] as const) {
  test(`${name}: a 5xx about which nobody said anything leaves one line, at most one a second`, { skip }, async t => {
    const { python } = await ensureEnvironment({ python: 'newest', packages })
    const server = await startServer({ app: 'app.py', directory: project(t, code), args: ['-w', '1'], python })
    if (name === 'WSGI') server.expectLog(/GET \/raise failed in worker/)
    await getOnce(server.port, '/says')
    await getOnce(server.port, '/raise')
    for (let i = 0; i < 3; i++) await getOnce(server.port, '/silent')
    const words = 'application error in GET /silent.*: it answered 500 after \\d+ ms and said nothing about it'
    await server.waitForLog(new RegExp(`error worker 1 +\\[\\S+\\] ${words}$`))
    // The next line, which the next second allows, counts the others.
    const more = new RegExp(`${words}; and \\d+ others? before it$`)
    await until(
      async () => {
        assert.equal((await getOnce(server.port, '/silent')).status, 500)
        return server.log.some(line => more.test(line))
      },
      () => server.log.join('\n'),
    )
    await server.waitForLog(/error worker 1 +\[\S+\] ValueError: bad luck$/)
    await server.stop()
    assert.ok(!server.log.some(line => /\/(?:says|raise).*said nothing/.test(line)), server.log.join('\n'))
    assert.ok(server.log.some(line => /info {2}worker 1 +\[\S+\] the database is away$/.test(line)))
    assert.ok(!server.log.some(line => /info .*(?:Traceback|ValueError)/.test(line)), 'all of a traceback is an error')
  })
}
