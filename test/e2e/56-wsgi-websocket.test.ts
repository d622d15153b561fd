/** WebSockets that a library of a WSGI application speaks itself, on a socket from its environ: through all processes. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { WebSocket } from 'ws'
import { localCertificate } from '../support/certificates.ts'
import { ensureEnvironment } from '../support/environments/environments.ts'
import { Gate } from '../support/gate.ts'
import { APPS } from '../support/paths.ts'
import { RawClient, textOf, withClient } from '../support/raw-client.ts'
import { type Server, type ServerOptions, startServer, until } from '../support/server.ts'
import { HTTP, Translator, testOfHttp1 } from '../support/translator.ts'
import {
  answer,
  checkBothEndsWait,
  checkGoneIsNoticed,
  HANDSHAKE,
  open,
  shake,
  tunnel,
  VERSION,
} from '../support/wsgi-sockets.ts'

async function start(args: string[], options: Partial<ServerOptions> = {}): Promise<Server> {
  const { python } = await ensureEnvironment({ python: options.python ?? 'newest', packages: 'socketio' })
  return startServer({ app: 'wsgi_sockets:app', directory: APPS, args, ...options, python })
}

/** With a code that the application hears. flask-sock answers it on a thread of its own, and its view may have ended the socket before. */
async function leave(server: Server, socket: WebSocket): Promise<void> {
  const from = server.log.length
  socket.close(4002)
  await once(socket, 'close')
  await server.waitForLog(/left with 4002/, from)
}

test('flask-sock, and sockets by hand', async t => {
  const server = await start(['-w', '1', '--threads', '4', '--access-log', '-'])
  const socketUrl = server.url.replace('http', 'ws')
  // With the first WebSocket the worker begins to watch for ends.
  await leave(server, await open(`${socketUrl}/echo`))
  await server.rememberSettledFds()

  await t.test('messages come back, and the log has one line when it has ended', async () => {
    const socket = await open(`${socketUrl}/echo`)
    for (const text of ['soup 🍲', 'x'.repeat(300_000)]) assert.equal(await answer(socket, text), text)
    await leave(server, socket)
    await until(
      () => server.stdout.some(line => /"GET \/echo [^"]*" (?:101|200) 3000\d\d /.test(line)),
      () => server.stdout.join('\n'),
    )
  })

  await t.test('the application ends it', async () => {
    const socket = new WebSocket(`${socketUrl}/farewell`, { rejectUnauthorized: false })
    const [code, reason] = await once(socket, 'close')
    assert.deepEqual([code, String(reason)], [4003, 'enough'])
  })

  await t.test('no other request has a socket', async () => {
    assert.equal(await textOf(server.target, '/keys'), '')
    if (HTTP === '2') return
    assert.equal(await textOf(server.target, '/keys', 'Upgrade: websocket', VERSION), '')
    const posted = await withClient(server.target, client =>
      client
        .send(`POST /keys HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n${[...HANDSHAKE, VERSION].join('\r\n')}\r\n\r\n`)
        .response(),
    )
    assert.equal(posted.body.toString(), '')
  })

  if (HTTP === '1')
    await t.test('a handshake that is wrong is refused before the application hears of it', async () => {
      const old = await withClient(server.target, client =>
        client.get('/raw/echo', ...HANDSHAKE, 'Sec-WebSocket-Version: 12').response(),
      )
      assert.deepEqual([old.status, old.header('sec-websocket-version')], [426, '13'])
      const keyless = ['Upgrade: websocket', 'Connection: upgrade', 'Sec-WebSocket-Key: short', VERSION]
      const bad = await withClient(server.target, client => client.get('/raw/echo', ...keyless).response())
      assert.equal(bad.status, 400)
    })

  if (HTTP === '1')
    await t.test('the head is ours, bytes right behind the handshake are the first ones', async () => {
      const client = new RawClient(server.target)
      client.send(`GET /raw/echo HTTP/1.1\r\nHost: t\r\n${[...HANDSHAKE, VERSION].join('\r\n')}\r\n\r\nfirst`)
      const { status, headers } = await client.head()
      assert.equal(status, 101)
      assert.deepEqual(Object.fromEntries(headers), {
        upgrade: 'websocket',
        connection: 'Upgrade',
        'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
        'x-room': 'hearth',
      })
      assert.equal(await client.readUntil('first'), 'first')
      client.send('second')
      assert.equal(await client.readUntil('second'), 'second')
      client.socket.end()
      assert.equal((await client.readToEnd()).toString(), '')
    })

  await t.test('what is no 101 is an ordinary response', async () => {
    const ask = (path: string) =>
      withClient(server.target, client => client.get(`/raw/${path}`, ...HANDSHAKE, VERSION).response())
    const refused = await ask('refuse')
    assert.deepEqual([refused.status, refused.body.toString()], [403, 'soup'])
    assert.equal(refused.header('x-why'), 'mood')
    if (HTTP === '1') assert.equal(refused.header('connection'), 'close')
    const teapot = await ask('refuse-open')
    assert.deepEqual([teapot.status, teapot.body.toString()], [418, 'tea tea tea '])
    server.expectLog(/\/raw\/nonsense failed in worker 1: its application wrote no status line/)
    server.expectLog(/\/raw\/wrong-accept failed .* Sec-WebSocket-Accept is not/)
    server.expectLog(/\/raw\/half-a-head failed .* no whole head/)
    for (const path of ['nonsense', 'wrong-accept', 'half-a-head']) assert.equal((await ask(path)).status, 502)
    server.expectLog(/\/raw\/raise-before failed in worker 1: ValueError: before the 101/)
    assert.equal((await ask('raise-before')).status, 500)
    const ordinary = await ask('ordinary')
    // Over HTTP/2 a 2xx would open the WebSocket.
    if (HTTP === '2') assert.equal(ordinary.status, 501)
    else assert.equal(ordinary.body.toString(), '<socket of a WebSocket, not used yet>')
  })

  await t.test('what the application raises or returns later reaches the log at most', async t => {
    const gate = new Gate(t)
    for (const path of ['raise-after', 'stop-iteration', 'answer-too', `close?gate=${gate.file}`]) {
      const client = await tunnel(server, path)
      assert.equal((await client.readToEnd()).toString(), 'last')
      client.close()
    }
    gate.open()
    await server.waitForLog(/close returned/)
    await server.waitForLog(/ValueError: after the 101/)
    assert.ok(!server.log.some(line => line.includes('StopIteration')))
  })

  await t.test('both ends are held back, and everything comes', async () => {
    await checkBothEndsWait(server, 256)
  })

  await t.test('the application notices that its client has gone', async () => {
    await checkGoneIsNoticed(server)
  })
  await server.stop()
})

test('WebSockets may hold all threads: the log says so once, and other requests wait', async () => {
  const server = await start(['-w', '1', '--threads', '2', '--gateway-threads', '2'])
  server.expectLog(/WebSockets hold all 2 threads of the application: other requests wait until one ends/)
  for (let round = 0; round < 2; round++) {
    const sockets = await Promise.all([0, 1].map(() => open(`${server.url}/echo`)))
    const waiting = textOf(server.target, '/keys')
    for (const socket of sockets) assert.equal(await answer(socket, 'still here'), 'still here')
    sockets[0]!.close()
    assert.equal(await waiting, '')
    sockets[1]!.close()
    await once(sockets[1]!, 'close')
  }
  await server.stop()
  assert.equal(server.log.filter(line => line.includes('WebSockets hold')).length, 1)
})

test('over TLS, and over HTTP/2, where the handshake is another one; a worker that dies closes the connections', async () => {
  const server = await start(['-w', '1', '--threads', '2'], { tls: localCertificate(), python: 'oldest' })
  const client = await tunnel(server, 'echo')
  client.send('soup')
  assert.equal(await client.readUntil('soup'), 'soup')
  client.close()
  const translator = await Translator.listen()
  const target = server.programTarget as { readonly tls: { ca: string; servername: string } }
  translator.lead(server.programPort, target.tls)
  const socket = await open(`http://127.0.0.1:${translator.port}/echo`)
  for (const text of ['soup', 'x'.repeat(300_000)]) assert.equal(await answer(socket, text), text)
  await leave(server, socket)
  const other = new RawClient(translator.port)
  assert.equal((await shake(other, 'refuse')).status, 403)
  other.close()
  translator.close()
  server.expectLog(/worker 1 .*was killed by SIGKILL/)
  const last = await tunnel(server, 'pid')
  process.kill(Number(await last.readUntil('\n')), 'SIGKILL')
  await last.readToEnd()
  last.close()
  await server.waitForLog(/killed by SIGKILL/)
  assert.equal(await textOf(server.target, '/keys'), '')
  await server.stop()
})

test('a reload leaves a WebSocket alone until the end of its time; a stop too', async () => {
  const server = await start(['-w', '1', '--threads', '2', '--graceful-timeout', '2'])
  const old = await tunnel(server, 'pid')
  const oldPid = await old.readUntil('\n')
  server.signal('SIGHUP')
  await server.waitForLog(/generation 2 serves/)
  const fresh = await tunnel(server, 'pid')
  assert.notEqual(await fresh.readUntil('\n'), oldPid)
  old.send('still here')
  assert.equal(await old.readUntil('still here'), 'still here')
  // Its application reads the end, and its worker leaves in order.
  await old.readToEnd()
  old.close()
  await server.waitForLog(/raw ended: pid/)
  server.expectLog(/1 request was cut at the end of the graceful timeout/)
  const from = server.log.length
  const stopping = server.stop()
  fresh.send('still here')
  assert.equal(await fresh.readUntil('still here'), 'still here')
  await fresh.readToEnd()
  fresh.close()
  await server.waitForLog(/raw ended: pid/, from)
  await stopping
})

testOfHttp1('Flask-SocketIO with threads and websocket transport', async () => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'socketio' })
  const args = ['-w', '1', '--threads', '8']
  const server = await startServer({ app: 'flask_socketio_app:app', directory: APPS, python, args })
  for (const transport of ['websocket', 'polling+websocket']) {
    const script = [join(APPS, 'socketio_clients.py'), server.url, transport, '3', '5']
    const { stdout } = await promisify(execFile)(python, script)
    const answers = JSON.parse(stdout) as [string, string, number][][]
    for (const one of answers) {
      assert.deepEqual(
        one.map(([word]) => word),
        Array.from({ length: 5 }, (_, i) => `word ${i}`),
      )
      assert.equal(new Set(one.map(([, session]) => session)).size, 1)
    }
    assert.equal(answers.length, 3)
  }
  await server.stop()
})
