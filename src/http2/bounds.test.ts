import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryBudget } from '../base/memory-budget.ts'
import { fakeTime } from '../http1/testing/connect.ts'
import { FrameType } from './frames.ts'
import { answer, connect, hello, PLAIN, pull, tick } from './testing/connect.ts'
import * as client from './testing/frames.ts'

const idOf = (i: number) => 2 * i + 1
const noEnd = (frame: Buffer) => {
  const cut = Buffer.from(frame)
  cut[4]! &= ~4
  return cut
}

// -- time

test('trailers that came in two reads leave the other streams alone', async t => {
  const pass = fakeTime(t)
  const { client: sender, exchanges } = connect(exchange => void pull(exchange))
  sender.send(client.post(1), client.get(3))
  const trailers = client.headers(1, [['a', 'b']], { pieces: 2 })
  sender.send(trailers.subarray(0, -9))
  sender.send(trailers.subarray(-9))
  pass(900)
  sender.send(client.ping())
  pass(900)
  for (const exchange of exchanges) answer(exchange)
  assert.deepEqual((await sender.said()).slice(-4), [...hello(1), ...hello(3)])
})

test('a head that does not come in time ends the connection, though other streams end meanwhile', async t => {
  const pass = fakeTime(t)
  const { client: sender, exchanges } = connect()
  sender.send(client.get(1), client.get(3), noEnd(client.get(5)))
  pass(700)
  answer(exchanges[0]!)
  answer(exchanges[1]!)
  sender.send(client.frame(FrameType.CONTINUATION, 0, 5, client.block([['a', 'b']])))
  pass(700)
  assert.match((await sender.said()).at(-1)!, /^GOAWAY 3 PROTOCOL_ERROR The request did not come in time/)
})

test('pings do not keep a connection whose window stays shut', async t => {
  const pass = fakeTime(t)
  const { client: sender, transport, exchanges } = connect()
  sender.send(client.get(1), client.windowUpdate(1, 1_000_000))
  exchanges[0]!.response.start(PLAIN)
  exchanges[0]!.response.write(Buffer.alloc(100_000))
  assert.equal((await sender.frames()).filter(({ type }) => type === FrameType.DATA).length, 5)
  for (let i = 0; i < 10; i++) {
    pass(200)
    sender.send(client.ping())
    await tick()
  }
  assert.ok(transport.closed)
})

test('a client that opens now the window of the stream and now that of the connection, and takes nothing, is cut', async t => {
  const pass = fakeTime(t)
  const { client: sender, transport, exchanges } = connect(() => {}, { limits: { sendRate: 240 } })
  sender.send(client.get(1))
  exchanges[0]!.response.start(PLAIN)
  exchanges[0]!.response.write(Buffer.alloc(100_000))
  await sender.frames()
  // Both windows are shut. From now on one of them at a time is open.
  sender.send(client.windowUpdate(1, 1000))
  for (let i = 0; i < 20; i++) {
    await tick()
    pass(650)
    sender.send(client.settings([client.Setting.INITIAL_WINDOW_SIZE, i % 2 === 0 ? 60_000 : 65_535]))
  }
  const said = await sender.said()
  assert.ok(transport.closed || said.includes('RST_STREAM 1 CANCEL'))
})

test('a connection whose window is shut, with nothing to send, is not cut', async t => {
  const pass = fakeTime(t)
  const { client: sender, transport, exchanges } = connect(() => {}, { limits: { sendRate: 240 } })
  sender.send(client.get(1), client.get(3), client.windowUpdate(1, 1_000_000))
  exchanges[0]!.response.start(PLAIN)
  exchanges[0]!.response.write(Buffer.alloc(100_000))
  await sender.frames()
  sender.send(client.reset(1))
  pass(3000)
  assert.ok(!transport.closed)
})

// -- memory

test('a client that reads nothing is not read when much waits for it', async () => {
  const { client: sender, transport, memory } = connect(() => {}, { timeouts: { send: 600_000 } })
  await sender.said()
  transport.reading = false
  const asks = (from: number, many: number) =>
    Array.from({ length: many }, (_, i) => client.headers(idOf(from + i), client.requestFields('OPTIONS', '*')))
  let sent = 0
  while (!transport.paused && sent < 100_000) {
    sender.send(...asks(sent, 5000))
    sent += 5000
    await tick()
  }
  assert.ok(sent < 100_000)
  assert.ok(memory.used > 100_000 && memory.used < 2_000_000, `${memory.used} bytes`)
  transport.drain()
  assert.equal((await sender.frames()).filter(({ type }) => type === FrameType.HEADERS).length, sent)
  assert.deepEqual([transport.paused, memory.used], [false, 0])
})

test('responses of one turn wait in their streams when much is written already', () => {
  const content = Buffer.alloc(16_000)
  const { client: sender, memory, exchanges } = connect(({ response }) => response.respond(PLAIN, content))
  sender.send(client.settings([client.Setting.INITIAL_WINDOW_SIZE, 1_000_000]), client.windowUpdate(0, 1_000_000_000))
  sender.send(...Array.from({ length: 1000 }, (_, i) => client.get(idOf(i))))
  assert.ok(exchanges.length < 200, `${exchanges.length} of 1000 were answered`)
  assert.ok(memory.used < 100 * 17_000)
})

test('what has come of a frame or of a header block is in the memory budget', async () => {
  const memory = new MemoryBudget()
  const half = connect(() => {}, { memory, http2: { frameSize: 100_000 } })
  half.client.send(client.data(0, '').subarray(0, 0), client.frame(99, 0, 0))
  half.client.send(client.frame(FrameType.HEADERS, 4, 1, Buffer.alloc(90_000)).subarray(0, 100))
  assert.equal(memory.used, 90_000)
  half.transport.leave()
  await tick()
  assert.equal(memory.used, 0)

  const { client: sender } = connect(() => {}, { memory })
  const block = client.block([...client.requestFields('GET', '/'), ['a', 'b'.repeat(40_000)]])
  sender.send(client.frame(FrameType.HEADERS, 1, 1, block.subarray(0, 16_384)))
  sender.send(client.frame(FrameType.CONTINUATION, 0, 1, block.subarray(16_384, 32_768)))
  assert.equal(memory.used, 32_768)
  sender.send(client.frame(FrameType.CONTINUATION, 4, 1, block.subarray(32_768)))
  assert.ok(memory.used >= 40_000 && memory.used < 41_000, `${memory.used}: the head, while its stream lives`)
  sender.send(client.reset(1))
  assert.equal(memory.used, 0)
})

test('content of single bytes that nobody takes costs about its size', async t => {
  const { client: sender, exchanges } = connect()
  sender.send(client.post(1))
  const from = t.mock.method(Buffer, 'from')
  const before = from.mock.callCount()
  // Each in a read of its own.
  const one = client.data(1, 'x')
  for (let i = 0; i < 2000; i++) sender.send(one)
  // `receive` of the transport makes one too, and this is counted with it.
  assert.ok(from.mock.callCount() - before < 3 * 2000)
  const taken = pull(exchanges[0]!)
  assert.equal(taken.join('').length, 2000)
  assert.ok(taken.length < 20, `${taken.length} pieces`)
})
