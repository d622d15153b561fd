/**
 * A stop is quick where nothing runs, and loses nobody: idle connections, streams, heads that have begun to arrive, clients that
 * have just connected. The graceful timeout is an hour, so whatever ends, ends by itself.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { whyNoPython } from '../support/environments/environments.ts'
import { Gate } from '../support/gate.ts'
import { Hammer } from '../support/hammer.ts'
import { APPS } from '../support/paths.ts'
import { Project } from '../support/project.ts'
import { RawClient } from '../support/raw-client.ts'
import { startServer, until } from '../support/server.ts'
import { HTTP, testOfHttp1 } from '../support/translator.ts'

const ASGI = `
import asyncio
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("the lifespan ends", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    kind = b"text/event-stream" if scope["path"] == "/events" else b"text/plain"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": b"data: 1\\n\\n", "more_body": kind != b"text/plain"})
    while kind != b"text/plain":
        await asyncio.sleep(0.05)
        await send({"type": "http.response.body", "body": b"data: 2\\n\\n", "more_body": True})
`

const WSGI = `
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
`

const NEVER = ['--graceful-timeout', '1h']
const STOPS = 6

test('idle connections do not hold up a stop: a FIN after a moment, then lifespan.shutdown, and the end', {
  skip: await whyNoPython(),
}, async t => {
  const project = new Project(t, { 'app.py': ASGI })
  const server = await startServer({ app: 'app:app', directory: project.directory, args: ['-w', '1', ...NEVER] })
  const [used, unused, late] = [server.port, server.port, server.port].map(port => new RawClient(port))
  assert.equal((await used!.get('/').response()).status, 200)
  assert.equal((await late!.get('/').response()).status, 200)
  server.signal('SIGTERM')
  await server.waitForLog(/stopping gracefully/)
  // A request that was on its way when the connection was idle is answered, and is the last one. The log is a moment early.
  // By HTTP/2 the client is told to go away, and sends no more.
  if (HTTP === '1')
    await until(
      async () => {
        const response = await late!.get('/').response()
        assert.equal(response.status, 200)
        return response.header('connection') === 'close'
      },
      () => 'the connection does not end',
    )
  // None of them closes: the program ends all the same.
  for (const client of [used!, unused!, late!]) {
    assert.equal((await client.readToEnd()).length, 0)
    assert.equal(client.reset, false)
  }
  await server.ended(0)
  assert.ok(server.log.some(line => line.includes('the lifespan ends')))
  for (const client of [used!, unused!, late!]) client.close()
})

test('streams end with a stop, and so do their connections: events, and WebSockets with 1001', {
  skip: await whyNoPython(),
}, async t => {
  const project = new Project(t, { 'app.py': ASGI })
  const server = await startServer({ app: 'app:app', directory: project.directory, args: ['-w', '1', ...NEVER] })
  const events = new RawClient(server.port).get('/events')
  await events.readUntil('data: 2')
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`)
  await once(socket, 'open')
  server.signal('SIGTERM')
  const [[code]] = await Promise.all([once(socket, 'close'), events.readToEnd()])
  assert.equal(code, 1001)
  assert.equal(events.reset, false)
  await server.ended(0)
  events.close()
})

test('who waits when the last worker dies in a stop is answered at once', { skip: await whyNoPython() }, async t => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1', '--retry', 'off', ...NEVER] })
  const gate = new Gate(t)
  const busy = new RawClient(server.port).get(gate.target)
  await server.waitForLog(/holding/)
  const waiting = new RawClient(server.port).get('/hello')
  // Who connects after the stop has begun may be refused.
  await once(waiting.socket, 'connect')
  const [worker] = server.workers()
  server.signal('SIGTERM')
  await server.waitForLog(/stopping gracefully/)
  server.expectLog(/on worker 1 when its link broke/, /GET \/hello was refused: The server is stopping/)
  server.mayLog(/worker 1 .*was killed by SIGKILL/)
  process.kill(worker!.pid, 'SIGKILL')
  assert.equal((await waiting.response()).status, 503)
  assert.equal((await busy.response()).status, 502)
  await server.ended(0)
})

testOfHttp1('a head that has begun to arrive is a request that runs', { skip: await whyNoPython() }, async t => {
  const project = new Project(t, { 'app.py': WSGI })
  const server = await startServer({ app: 'app', directory: project.directory, args: ['-w', '1', ...NEVER] })
  const partial = new RawClient(server.port).send('GET / HTTP/1.1\r\nHo')
  const idle = new RawClient(server.port)
  // When the gateway has answered this client, it has read the first bytes of the other.
  assert.equal((await idle.get('/').response()).status, 200)
  server.signal('SIGTERM')
  await idle.readToEnd()
  const response = await partial.send('st: test\r\n\r\n').response()
  assert.deepEqual([response.status, response.header('connection')], [200, 'close'])
  await partial.readToEnd()
  await server.ended(0)
  for (const client of [idle, partial]) client.close()
})

// With HTTP/2 the translator accepts whom the program would refuse.
for (const kind of HTTP === '1' ? (['TCP', 'Unix'] as const) : [])
  test(`${STOPS} stops under clients that hammer a ${kind} socket reset nobody`, {
    skip: await whyNoPython(),
  }, async t => {
    const project = new Project(t, { 'app.py': WSGI })
    const path = join(project.directory, 'socket')
    const lost: (readonly string[])[] = []
    for (let stop = 0; stop < STOPS; stop++) {
      const bind = kind === 'TCP' ? '127.0.0.1:0' : `unix:${path}`
      const args = ['-w', '1', '-b', bind, ...NEVER]
      const server = await startServer({ app: 'app', directory: project.directory, args })
      const hammer = new Hammer(kind === 'TCP' ? server.port : path)
      await until(
        () => hammer.answered > 100,
        () => server.log.join('\n'),
      )
      server.signal('SIGTERM')
      lost.push((await hammer.over()).lost)
      await server.ended(0)
    }
    assert.deepEqual(lost.flat(), [])
  })
