/** WebSockets on real sockets: the `ws` client against the gateway's transport, HTTP/1.1 and engine (test/conformance/websocket-echo.ts). */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import { type EchoServer, startEchoServer } from '../../../test/conformance/websocket-echo.ts'
import { closeFrame, frame, TEXT } from '../../websocket/testing/client.ts'

async function server(t: TestContext): Promise<EchoServer> {
  const echo = await startEchoServer()
  t.after(() => echo.close())
  return echo
}

async function open(t: TestContext, { port }: EchoServer, options = {}): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/`, options)
  t.after(() => client.terminate())
  await once(client, 'open')
  return client
}

async function echoed(client: WebSocket, data: string | Buffer): Promise<Buffer> {
  client.send(data)
  const [message, isBinary] = (await once(client, 'message')) as [Buffer, boolean]
  assert.equal(isBinary, typeof data !== 'string')
  return message
}

for (const perMessageDeflate of [false, true]) {
  test(`messages of all sizes come back, ${perMessageDeflate ? 'compressed' : 'plain'}`, async t => {
    const client = await open(t, await server(t), { perMessageDeflate })
    assert.equal(client.extensions, perMessageDeflate ? 'permessage-deflate' : '')
    for (const text of ['', 'a', '주막 '.repeat(1000)]) assert.equal((await echoed(client, text)).toString(), text)
    for (const size of [0, 1, 126, 65_536, 16 * 1024 * 1024]) {
      const data = Buffer.alloc(size, 'jumak ')
      assert.ok((await echoed(client, data)).equals(data))
    }
    client.close(4321, 'done')
    const [code] = await once(client, 'close')
    assert.equal(code, 4321)
  })
}

test('above the limit of 16 MiB: 1009, and the client can read it', async t => {
  const client = await open(t, await server(t), { perMessageDeflate: false })
  client.send(Buffer.alloc(16 * 1024 * 1024 + 1))
  const [code, reason] = await once(client, 'close')
  assert.deepEqual([code, String(reason)], [1009, 'a message is larger than 16777216 bytes'])
})

test('a ping is answered', async t => {
  const client = await open(t, await server(t))
  client.ping('now')
  const [data] = await once(client, 'pong')
  assert.equal(String(data), 'now')
})

test('many messages at once, while the client reads nothing for a while: all of them, in order', async t => {
  const client = await open(t, await server(t), { perMessageDeflate: false })
  client.pause()
  const count = 2000
  const size = 20_000
  for (let i = 0; i < count; i++) {
    const data = Buffer.alloc(size)
    data.writeUInt32BE(i)
    client.send(data)
  }
  let next = 0
  const all = Promise.withResolvers<void>()
  client.on('message', (data: Buffer) => {
    assert.deepEqual([data.length, data.readUInt32BE(0)], [size, next++])
    if (next === count) all.resolve()
  })
  client.resume()
  await all.promise
})

test('request, frames and FIN in one packet are answered before the end', async t => {
  const { port } = await server(t)
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  const head =
    'GET / HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
  socket.end(Buffer.concat([Buffer.from(head), frame(TEXT, 'early'), closeFrame(1000)]))
  const answer = await allOf(socket)
  const frames = answer.subarray(answer.indexOf('\r\n\r\n') + 4)
  assert.deepEqual(frames, Buffer.from([0x81, 5, ...Buffer.from('early'), 0x88, 2, 0x03, 0xe8]))
})

async function allOf(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk as Buffer))
  await once(socket, 'close')
  return Buffer.concat(chunks)
}

test('a client that is reset leaves nothing behind', async t => {
  const echo = await server(t)
  const client = await open(t, echo)
  assert.equal(echo.connections.active, 1)
  ;(client as unknown as { _socket: Socket })._socket.resetAndDestroy()
  while (echo.connections.active > 0) await new Promise(setImmediate)
})

test('the end of a drain: every client is told 1001', async t => {
  const echo = await server(t)
  const clients = await Promise.all(Array.from({ length: 50 }, () => open(t, echo)))
  const codes = clients.map(client => once(client, 'close').then(([code]) => code as number))
  assert.equal(await echo.connections.drain(0), 50)
  assert.deepEqual(await Promise.all(codes), Array(50).fill(1001))
})
