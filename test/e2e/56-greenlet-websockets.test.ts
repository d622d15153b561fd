/** WebSockets that a library of a WSGI application speaks itself, each in a greenlet, and the clients' own sockets in workers of both kinds. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { localCertificate } from '../support/certificates.ts'
import { ensureEnvironment, testedPythons } from '../support/environments/environments.ts'
import { APPS } from '../support/paths.ts'
import { textOf, withClient } from '../support/raw-client.ts'
import { type Server, type ServerOptions, startServer, until } from '../support/server.ts'
import { HTTP, testOfHttp1 } from '../support/translator.ts'
import {
  answer,
  checkBothEndsWait,
  checkGoneIsNoticed,
  HANDSHAKE,
  open,
  tunnel,
  VERSION,
} from '../support/wsgi-sockets.ts'

const GREENLETS = ['-k', 'gevent', '-w', '1']
/** A worker gets the client's own socket. */
const PASSES = HTTP === '1' && process.env['TEST_TLS'] === undefined && isBuiltin('node:ffi')

async function start(args: string[], options: Partial<ServerOptions> = {}): Promise<Server> {
  const { python } = await ensureEnvironment({ python: options.python ?? 'newest', packages: 'gevent' })
  return startServer({ app: 'wsgi_sockets:app', directory: APPS, args, ...options, python })
}

for (const { version } of await testedPythons()) {
  test(`hundreds in one worker, on Python ${version}`, async t => {
    const server = await start([...GREENLETS, '--access-log', '-'], { python: version })
    await textOf(server.target, '/keys')
    server.rememberFds()

    await t.test('messages come back to each', async () => {
      const sockets = await Promise.all(Array.from({ length: 200 }, () => open(`${server.url}/echo`)))
      for (let round = 0; round < 2; round++) {
        const texts = sockets.map((_, i) => `${round} ${i}`)
        assert.deepEqual(await Promise.all(sockets.map((socket, i) => answer(socket, texts[i]!))), texts)
      }
      const long = 'x'.repeat(300_000)
      assert.equal(await answer(sockets[0]!, long), long)
      // Requests are served beside them.
      assert.equal(await textOf(server.target, '/keys'), '')
      for (const socket of sockets) socket.close(4002)
      await Promise.all(sockets.map(socket => once(socket, 'close')))
      await until(
        () => server.stdout.filter(line => /"GET \/echo [^"]*" (?:101|200) \d+ /.test(line)).length === 200,
        () => server.stdout.join('\n'),
      )
      assert.ok(server.stdout.some(line => /" (?:101|200) 3000\d\d /.test(line)))
    })

    await t.test('what is no 101 is an ordinary response, and errors are answered', async () => {
      const ask = (path: string) =>
        withClient(server.target, one => one.get(`/raw/${path}`, ...HANDSHAKE, VERSION).response())
      const refused = await ask('refuse')
      assert.deepEqual([refused.status, refused.body.toString()], [403, 'soup'])
      const teapot = await ask('refuse-open')
      assert.deepEqual([teapot.status, teapot.body.toString()], [418, 'tea tea tea '])
      server.expectLog(/\/raw\/nonsense failed in worker 1: its application wrote no status line/)
      server.expectLog(/\/raw\/wrong-accept failed .* Sec-WebSocket-Accept is not/)
      server.expectLog(/\/raw\/half-a-head failed .* no whole head/)
      for (const path of ['nonsense', 'wrong-accept', 'half-a-head']) assert.equal((await ask(path)).status, 502)
      server.expectLog(/\/raw\/raise-before failed in worker 1: ValueError: before the 101/)
      assert.equal((await ask('raise-before')).status, 500)
      if (HTTP === '1') assert.match((await ask('ordinary')).body.toString(), /^<socket of a WebSocket, not used yet>$/)
    })

    await t.test('the application ends it; both ends are held back; the client goes', async () => {
      for (const path of ['raise-after', 'stop-iteration', 'answer-too']) {
        const client = await tunnel(server, path)
        assert.equal((await client.readToEnd()).toString(), 'last')
        client.close()
      }
      await server.waitForLog(/ValueError: after the 101/)
      await checkBothEndsWait(server, 64)
      await checkGoneIsNoticed(server)
    })
    await server.stop()
  })
}

test('in greenlets over TLS; a worker that dies closes the connections; a reload and a stop end them in order', async () => {
  const server = await start([...GREENLETS, '--graceful-timeout', '2'], { tls: localCertificate() })
  const socket = await open(`${server.url}/echo`)
  for (const text of ['soup', 'x'.repeat(300_000)]) assert.equal(await answer(socket, text), text)
  socket.terminate()
  server.expectLog(/worker 1 .*was killed by SIGKILL/)
  const dying = await tunnel(server, 'pid')
  process.kill(Number(await dying.readUntil('\n')), 'SIGKILL')
  await dying.readToEnd()
  dying.close()
  await server.waitForLog(/killed by SIGKILL/)
  const old = await tunnel(server, 'pid')
  await old.readUntil('\n')
  server.signal('SIGHUP')
  await server.waitForLog(/generation 2 serves/)
  old.send('still here')
  assert.equal(await old.readUntil('still here'), 'still here')
  const fresh = await tunnel(server, 'pid')
  await fresh.readUntil('\n')
  await old.readToEnd()
  old.close()
  await server.waitForLog(/raw ended: pid/)
  server.expectLog(/1 request was cut at the end of the graceful timeout/)
  const from = server.log.length
  const stopping = server.stop()
  await fresh.readToEnd()
  fresh.close()
  await server.waitForLog(/raw ended: pid/, from)
  await stopping
})

for (const [what, kind] of [
  ['threads', ['--threads', '2']],
  ['greenlets', ['-k', 'gevent']],
] as const)
  test(`with ${what} the worker has the client's own socket; a client that reads nothing, and a gateway that dies, end it`, async () => {
    const server = await start(['-w', '1', '--send-timeout', '1', '--access-log', '-', ...kind])
    // In HTTP/2 the translator between client and program reads on.
    if (HTTP === '1') {
      const flooded = await tunnel(server, 'flood')
      flooded.socket.removeAllListeners('data').pause()
      await until(
        () => server.stdout.some(line => /"GET \/raw\/flood [^"]*" 101 \d{5,} /.test(line)),
        () => server.stdout.join('\n'),
      )
      flooded.close()
    }
    const client = await tunnel(server, 'peer')
    const peer = await client.readUntil('\n')
    if (PASSES) assert.equal(peer, `127.0.0.1 ${client.socket.localPort}\n`)
    client.send('soup')
    assert.equal(await client.readUntil('soup'), 'soup')
    server.expectLog(/the gateway .*was killed by SIGKILL/)
    process.kill(server.gateway().pid, 'SIGKILL')
    await client.readToEnd()
    client.close()
    await server.waitForLog(/raw ended: peer/)
    assert.equal(await textOf(server.target, '/keys'), '')
    await server.stop()
  })

testOfHttp1('Flask-SocketIO in greenlets', async () => {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'gevent' })
  const env = { ASYNC_MODE: 'gevent' }
  const server = await startServer({ app: 'flask_socketio_app:app', directory: APPS, python, args: GREENLETS, env })
  for (const transport of ['websocket', 'polling+websocket']) {
    const script = [join(APPS, 'socketio_clients.py'), server.url, transport, '5', '5']
    const { stdout } = await promisify(execFile)(python, script)
    const answers = JSON.parse(stdout) as [string, string, number][][]
    assert.equal(answers.length, 5)
    for (const one of answers) {
      const words = one.map(([word]) => word)
      assert.deepEqual(
        words,
        words.map((_, i) => `word ${i}`),
      )
      assert.equal(new Set(one.map(([, session]) => session)).size, 1)
    }
  }
  await server.stop()
})
