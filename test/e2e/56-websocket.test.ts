/** WebSockets through all processes: echo, subprotocols, close codes, a crowd, and what becomes of them when something ends. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { ensureEnvironment } from '../support/environments/environments.ts'
import { APPS } from '../support/paths.ts'
import { getOnce, textOf } from '../support/raw-client.ts'
import { type Server, startServer, until } from '../support/server.ts'
import { testOfHttp1 } from '../support/translator.ts'

async function start(...args: string[]): Promise<Server> {
  const { python } = await ensureEnvironment({ python: 'newest', packages: 'asgi' })
  return startServer({ app: 'fastapi_app:app', directory: APPS, python, args })
}

async function open(server: Server, path: string, protocols: string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, protocols)
  await once(socket, 'open')
  return socket
}

async function message(socket: WebSocket): Promise<string | Buffer> {
  const [data, isBinary] = await once(socket, 'message')
  return isBinary ? data : data.toString()
}

async function closed(socket: WebSocket): Promise<[number, string]> {
  const [code, reason] = await once(socket, 'close')
  return [code, reason.toString()]
}

async function pid({ port }: Server): Promise<number> {
  return JSON.parse(await textOf(port, '/json')).pid
}

test('messages, close codes both ways, a subprotocol, a denial', async t => {
  const server = await start()

  await t.test('text and bytes come back, a long message in one piece', async () => {
    const socket = await open(server, '/echo')
    for (const data of ['soup 🍲', '', 'x'.repeat(1_000_000)]) {
      socket.send(data)
      assert.equal(await message(socket), data)
    }
    socket.send(Buffer.from([0, 255]))
    assert.deepEqual(await message(socket), Buffer.from([0, 255]))
    const end = closed(socket)
    socket.close(4002, 'full')
    assert.equal((await end)[0], 4002)
    await server.waitForLog(/left with 4002 full/)
  })

  await t.test('the application chooses subprotocol, headers and close code', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/choose`, ['v1', 'v2'])
    const [[response], end] = await Promise.all([once(socket, 'upgrade'), closed(socket)])
    assert.equal(response.headers['x-room'], 'hearth')
    assert.equal(socket.protocol, 'v2')
    assert.deepEqual(end, [4001, 'enough'])
  })

  await t.test('a close before accept is a 403', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/deny`)
    const [, response] = await once(socket, 'unexpected-response')
    assert.equal(response.statusCode, 403)
    socket.on('error', () => {})
    socket.terminate()
  })

  await server.stop()
})

testOfHttp1('a handshake that is wrong is refused before the application hears of it (RFC6455§4.2.2)', async () => {
  const server = await start()
  const upgrade = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
  const old = await getOnce(server.port, '/echo', ...upgrade, 'Sec-WebSocket-Version: 8')
  assert.equal(old.status, 426)
  assert.equal(old.header('sec-websocket-version'), '13')
  const keyless = await getOnce(server.port, '/echo', ...upgrade.slice(0, 2), 'Sec-WebSocket-Version: 13')
  assert.equal(keyless.status, 400)
  await server.stop()
})

test('two thousand sockets hear a broadcast', async () => {
  const server = await start('-w', '1')
  const sockets: WebSocket[] = []
  for (let i = 0; i < 20; i++)
    sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => open(server, '/broadcast')))))
  const heard = sockets.map(socket => message(socket))
  sockets[0]!.send('soup is ready')
  assert.equal((await Promise.all(heard)).filter(text => text === 'soup is ready').length, 2000)
  const ends = sockets.map(closed)
  const stopping = server.stop()
  assert.ok((await Promise.all(ends)).every(([code]) => code === 1001))
  await stopping
})

test('a worker that dies closes its sockets with 1011', async () => {
  const server = await start('-w', '1')
  server.expectLog(/worker 1 .*exited with code 9/, /was on worker 1/)
  const socket = await open(server, '/echo')
  const end = closed(socket)
  await fetch(`${server.url}/die`, { method: 'POST' })
  assert.equal((await end)[0], 1011)
  await server.waitForLog(/exited with code 9/)
  await server.stop()
})

test('a reload leaves sockets alone for a while, then closes them with 1012; new ones meet the new generation', async () => {
  const server = await start('-w', '1', '--graceful-timeout', '4')
  const old = await open(server, '/echo')
  const end = closed(old)
  const worker = await pid(server)
  server.signal('SIGHUP')
  await server.waitForLog(/generation 2 serves/)
  await until(
    async () => (await pid(server)) !== worker,
    () => 'the old generation answers',
  )
  old.send('still here')
  assert.equal(await message(old), 'still here')
  const fresh = await open(server, '/echo')
  fresh.send('hello')
  assert.equal(await message(fresh), 'hello')
  assert.equal((await end)[0], 1012)
  fresh.send('again')
  assert.equal(await message(fresh), 'again')
  const last = closed(fresh)
  const stopping = server.stop()
  assert.equal((await last)[0], 1001)
  await stopping
})
