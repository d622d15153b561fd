/**
 * Attacks over HTTP/2 on the real program: each ends with the right code, others are answered meanwhile, and nothing is left. Which frames
 * are a flood, and that honest clients are not cut, is in `src/http2/floods.test.ts`; bounds of memory and time in `src/http2/bounds.test.ts`.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ProgramStatus } from '../../../src/control/admin-messages.ts'
import { Gate } from '../../support/gate.ts'
import * as h2 from '../../support/http2-client.ts'
import { Code, Http2Client, Type } from '../../support/http2-client.ts'
import { APPS } from '../../support/paths.ts'
import { Project } from '../../support/project.ts'
import { getOnce } from '../../support/raw-client.ts'
import { runJumak } from '../../support/run.ts'
import { type Server, startServer, until } from '../../support/server.ts'

const idOf = (i: number) => 2 * i + 1
const times = (many: number, make: (i: number) => Buffer) =>
  Buffer.concat(Array.from({ length: many }, (_, i) => make(i)))

/** Others are answered, over both versions. */
async function probe({ programTarget: target }: Server, path = '/hello'): Promise<void> {
  assert.equal((await getOnce(target, path)).status, 200)
  const client = new Http2Client(target)
  assert.equal(await client.send(h2.get(1, path)).response(1), 200)
  client.close()
}

/** No connection of HTTP/2, and no stream, is left. */
async function checkNothingRuns(server: Server): Promise<void> {
  let said = ''
  await until(
    async () => {
      const socket = join(server.temporaryDirectory, 'admin.sock')
      said = (await runJumak(['status', '--json', '--admin-socket', socket], APPS)).stdout
      const { gateway, apps } = JSON.parse(said) as ProgramStatus
      const { http2Connections = 0, streams = 0, running, waiting } = gateway!.traffic!
      return http2Connections + streams + running + waiting === 0 && apps.length === 1
    },
    () => `something is left: ${said}`,
  )
}

/** Each is sent a thousand times and more, by a client that reads and by one that does not. Stream 1 is open, 3 has ended. */
const FLOODS: Readonly<Record<string, (i: number) => Buffer>> = {
  PING: () => h2.ping(),
  SETTINGS: () => h2.settings(),
  WINDOW_UPDATE: () => h2.windowUpdate(0, 1),
  RST_STREAM: () => h2.reset(3),
  PRIORITY: i => h2.frame(Type.PRIORITY, 0, idOf(i), Buffer.alloc(5)),
  PRIORITY_UPDATE: () => h2.frame(Type.PRIORITY_UPDATE, 0, 0, Buffer.concat([h2.uint32(1), Buffer.from('u=0')])),
  GOAWAY: () => h2.frame(Type.GOAWAY, 0, 0, Buffer.alloc(8)),
  'unknown frames': () => h2.frame(77, 0, 0),
  'empty DATA': () => h2.data(1, ''),
  padding: () => h2.frame(Type.DATA, h2.PADDED, 1, Buffer.from([9, ...Buffer.alloc(9)])),
  CONTINUATION: i => h2.frame(i === 0 ? Type.HEADERS : Type.CONTINUATION, 0, 5, h2.block([['a', 'b']])),
  'rapid resets': i => Buffer.concat([h2.get(idOf(i + 2), '/hello'), h2.reset(idOf(i + 2))]),
  'malformed requests': i => h2.get(idOf(i + 2), '/hello', ['connection', 'close']),
}

async function flood(server: Server, what: string, reads: boolean): Promise<void> {
  const client = new Http2Client(server.programTarget, { reads })
  client.send(h2.post(1, '/echo'), h2.get(3, '/hello'))
  if (reads) await client.response(3)
  for (let sent = 0; sent < 100 && !client.isEnded && client.goAway < 0; sent++)
    await client.sendAll(times(300, i => FLOODS[what]!(sent * 300 + i)))
  if (!reads) client.read()
  const code = await client.ended()
  // Who reads nothing and goes on sending finds the connection reset.
  if (reads || code !== -1) assert.equal(code, Code.ENHANCE_YOUR_CALM, what)
}

test('floods end their connection, and nobody else’s', async () => {
  const server = await startServer({ app: 'plain', directory: APPS })
  await probe(server)
  server.rememberFds()
  for (const what of Object.keys(FLOODS))
    await Promise.all([flood(server, what, true), flood(server, what, false), probe(server)])
  await checkNothingRuns(server)
  await server.stop()
})

/** A request whose block goes on with `fields`, in frames as large as they may be. */
function bigHead(stream: number, fields: Buffer): Buffer {
  const block = Buffer.concat([h2.block(h2.requestFields('/hello')), fields])
  const frames = Math.ceil(block.length / 16_384)
  return times(frames, i =>
    h2.frame(
      i === 0 ? Type.HEADERS : Type.CONTINUATION,
      (i === 0 ? h2.END_STREAM : 0) | (i === frames - 1 ? h2.END_HEADERS : 0),
      stream,
      block.subarray(i * 16_384, (i + 1) * 16_384),
    ),
  )
}

test('a hundred thousand fields in a head, named by a byte each or written out, are read by nobody', async () => {
  const server = await startServer({ app: 'plain', directory: APPS })
  await probe(server)
  server.rememberFds()
  const client = new Http2Client(server.programTarget)
  // accept-encoding of the static table
  for (let i = 0; i < 20; i++) client.send(bigHead(idOf(i), Buffer.alloc(100_000, 0x90)))
  await probe(server)
  for (let i = 0; i < 20; i++) assert.equal(await client.response(idOf(i)), 431)
  client.send(h2.get(101, '/hello'))
  assert.equal(await client.response(101), 200)
  client.send(
    bigHead(
      103,
      times(100_000, () => h2.block([['a', '']])),
    ),
  )
  assert.equal(await client.ended(), Code.ENHANCE_YOUR_CALM)
  await checkNothingRuns(server)
  await server.stop()
})

const PROVOKED: Readonly<Record<string, (stream: number) => Buffer>> = {
  'the client': stream => h2.reset(stream),
  'a window that overflows': stream => h2.windowUpdate(stream, 0x7fff_ffff),
  'a window that grows by nothing': stream => h2.windowUpdate(stream, 0),
  'DATA behind the end': stream => h2.data(stream, 'x'),
  'HEADERS behind the end': stream => h2.get(stream, '/'),
  'a dependency on itself': stream =>
    h2.frame(Type.PRIORITY, 0, stream, Buffer.concat([h2.uint32(stream), Buffer.of(1)])),
}

test('requests that are reset in masses, by the client or by us, do not reach the application', async t => {
  const server = await startServer({ app: 'plain', directory: APPS, args: ['-w', '1'] })
  await probe(server)
  server.rememberFds()
  const gate = new Gate(t)
  const holder = new Http2Client(server.programTarget).send(h2.get(1, gate.target))
  await server.waitForLog(/holding/)
  for (const make of Object.values(PROVOKED)) {
    const client = new Http2Client(server.programTarget)
    const sent = client.sendAll(times(2000, i => Buffer.concat([h2.get(idOf(i), gate.target), make(idOf(i))])))
    assert.equal(await client.ended(), Code.ENHANCE_YOUR_CALM)
    await sent
  }
  gate.open()
  assert.equal(await holder.response(1), 200)
  holder.close()
  await probe(server)
  await checkNothingRuns(server)
  assert.equal(server.log.filter(line => line.includes('holding')).length, 1)
  await server.stop()
})

test('slow, stalled and silent clients hold up nobody', async () => {
  const server = await startServer({ app: 'plain', directory: APPS })
  await probe(server)
  server.rememberFds()
  const silent = [
    // A preface, a frame and a header block that do not end.
    h2.PREFACE.subarray(0, 20),
    Buffer.concat([h2.PREFACE, h2.settings(), h2.get(1, '/hello').subarray(0, 20)]),
    Buffer.concat([h2.PREFACE, h2.settings(), h2.frame(Type.HEADERS, 0, 1, h2.block([['a', 'b']]))]),
  ].map(bytes => {
    const client = new Http2Client(server.programTarget, { isBegun: true })
    client.send(bytes)
    return client
  })
  const unfed = new Http2Client(server.programTarget).send(times(100, i => h2.post(idOf(i), '/echo')))
  const shut = new Http2Client(server.programTarget, { window: 0 })
  shut.send(times(20, i => h2.get(idOf(i), '/bytes/300000')))
  await shut.until(() => shut.of(Type.HEADERS).length === 20)
  for (let i = 0; i < 20; i++) shut.send(h2.windowSetting(0x7fff_ffff), h2.windowSetting(0))
  assert.ok(await shut.pinged())
  await probe(server)
  // On the same connection too: its other streams go on, byte by byte if the client wants it so.
  shut.send(h2.get(101, '/hello'), h2.windowUpdate(101, 1))
  await shut.until(() => shut.receivedOn(101) === 1)
  shut.send(times(12, () => h2.windowUpdate(101, 1)))
  assert.equal(await shut.response(101), 200)
  assert.equal(shut.receivedOn(101), 13)
  // The windows of the others open at last.
  shut.send(h2.windowSetting(1_000_000), h2.windowUpdate(0, 100_000_000))
  for (let i = 0; i < 20; i++) assert.equal(await shut.response(idOf(i)), 200)
  assert.equal(shut.receivedOn(1), 300_000)
  for (const client of [...silent, unfed, shut]) client.close()
  await checkNothingRuns(server)
  await server.stop()
})

/** A WebSocket at `/much` is sent 4 MB. */
const ASGI = `
async def application(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        for _ in range(256 if scope["path"] == "/much" else 0):
            await send({"type": "websocket.send", "bytes": b"x" * 16384})
        while (await receive())["type"] != "websocket.disconnect":
            pass
    elif scope["type"] == "http":
        print("called", scope["path"], flush=True)
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"hello"})
`

function asgi(t: TestContext): string {
  return new Project(t, { 'app.py': ASGI }).directory
}

test('WebSockets: frames before the answer, a hundred that are not read, protocols that nobody knows', async t => {
  const server = await startServer({ app: 'app:application', directory: asgi(t), args: ['-w', '1'] })
  await probe(server)
  server.rememberFds()
  const client = new Http2Client(server.programTarget)
  client.send(
    h2.webSocket(1, '/'),
    h2.data(1, 'early'),
    h2.webSocket(3, '/secret', 'connect-udp'),
    h2.webSocket(5, '/', 'WEBSOCKET'),
  )
  assert.deepEqual([await client.response(1), await client.response(3), await client.response(5)], [0, 501, 501])
  assert.equal(client.resetOf(1), Code.PROTOCOL_ERROR)
  client.send(times(1000, i => Buffer.concat([h2.webSocket(idOf(i + 3), '/'), h2.data(idOf(i + 3), 'early')])))
  assert.equal(await client.ended(), Code.ENHANCE_YOUR_CALM)

  const unread = new Http2Client(server.programTarget, { window: 0 }).send(
    times(100, i => h2.webSocket(idOf(i), '/much')),
  )
  await unread.until(() => unread.of(Type.HEADERS).length === 100)
  await probe(server)
  // One of them is read, to its end; the others stay as they are.
  unread.send(h2.windowUpdate(0, 100_000_000), h2.windowUpdate(1, 100_000_000))
  await unread.until(() => unread.receivedOn(1) > 256 * 16_384)
  assert.equal(unread.receivedOn(3), 0)
  unread.close()
  await checkNothingRuns(server)
  assert.ok(!server.log.some(line => line.includes('secret')))
  await server.stop()
})

/** The head of a request with 60 KB, in four frames. Its content does not come, so no worker has it. */
function longHead(stream: number): Buffer {
  const fields = [...h2.requestFields('/echo', 'POST'), ['content-length', '5'], ['x', 'y'.repeat(60_000)]] as const
  const bytes = h2.block(fields)
  return times(4, i =>
    h2.frame(
      i === 0 ? Type.HEADERS : Type.CONTINUATION,
      i === 3 ? h2.END_HEADERS : 0,
      stream,
      bytes.subarray(i * 16_000, (i + 1) * 16_000),
    ),
  )
}

test('clients that fill the memory of the gateway are cut, and nobody else', async () => {
  const args = ['--limit-memory', '16M', '--limit-requests-per-address', '5000']
  const server = await startServer({ app: 'plain', directory: APPS, args })
  server.expectLog(/a connection was cut/)
  await probe(server)
  server.rememberFds()
  const greedy = Array.from({ length: 8 }, () => new Http2Client(server.programTarget))
  await Promise.all(greedy.map(client => client.sendAll(times(50, i => longHead(idOf(i))))))
  await server.waitForLog(/a connection was cut/)
  await probe(server)
  for (const client of greedy) client.close()
  await checkNothingRuns(server)
  await server.stop()
})
