import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { answer, connect, hello, pull, tick } from './testing/connect.ts'
import * as client from './testing/frames.ts'

/** Each look at the clock finds it so much later. */
function clock(t: TestContext, step: number): void {
  let now = 1000
  t.mock.method(performance, 'now', () => (now += step))
}

const MUCH = Buffer.concat(Array.from({ length: 1000 }, () => client.data(1, 'x')))

test('a connection whose frames take long rests until the next turn, and goes on then', async t => {
  clock(t, 3)
  const { client: sender, transport, exchanges } = connect(exchange => void pull(exchange))
  sender.send(client.post(1))
  assert.equal(transport.paused, false, 'little is not timed')
  sender.send(MUCH)
  assert.equal(transport.paused, true)
  await tick()
  assert.equal(transport.paused, false)
  sender.send(client.data(1, '', true))
  answer(exchanges[0]!)
  assert.ok((await sender.said()).includes(hello(1)[0]!))
})

test('small reads count together: a client may send them in records of TLS as small as it likes', t => {
  clock(t, 3)
  const { client: sender, transport } = connect(exchange => void pull(exchange))
  sender.send(client.post(1))
  const few = Buffer.concat(Array.from({ length: 50 }, () => client.data(1, 'x')))
  let reads = 0
  for (; !transport.paused && reads < 100; reads++) sender.send(few)
  assert.ok(reads < 20, `${reads} reads`)
})

test('one whose frames are read quickly does not rest', async t => {
  clock(t, 0.1)
  const { client: sender, transport } = connect(exchange => void pull(exchange))
  sender.send(client.post(1))
  for (let i = 0; i < 5; i++) sender.send(MUCH)
  assert.equal(transport.paused, false)
})

test('many reads of one turn together may take no longer', async t => {
  clock(t, 0.3)
  const { client: sender, transport } = connect(exchange => void pull(exchange))
  sender.send(client.post(1))
  let reads = 0
  for (; !transport.paused && reads < 100; reads++) sender.send(MUCH)
  assert.ok(reads > 1 && reads < 10, `${reads} reads`)
  await tick()
  sender.send(MUCH)
  assert.equal(transport.paused, false)
})

test('rest does not end while much waits for the client; and a connection that has ended does not rest', async t => {
  clock(t, 3)
  const { client: sender, transport } = connect(() => {}, { timeouts: { send: 600_000 } })
  await sender.said()
  transport.reading = false
  const asks = (from: number) =>
    Array.from({ length: 5000 }, (_, i) => client.headers(2 * (from + i) + 1, client.requestFields('OPTIONS', '*')))
  sender.send(...asks(0))
  assert.equal(transport.paused, true)
  await tick()
  for (let sent = 5000; !transport.paused && sent < 100_000; sent += 5000) {
    sender.send(...asks(sent))
    await tick()
  }
  assert.equal(transport.paused, true)
  sender.send(Buffer.concat([client.frame(0, 0, 0), Buffer.alloc(10_000)]))
  assert.equal(transport.paused, false, 'what follows a mistake is read and thrown away')
  await tick()
  assert.equal(transport.paused, false)
})
