/** What becomes of a connection when the gateway drains: GOAWAY twice, and no stream is lost between the two (RFC9113§6.8). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeTime } from '../http1/testing/connect.ts'
import { answer, connect, hello, PLAIN, pull } from './testing/connect.ts'
import { BEGIN, data, get, ping, post, trailers, windowUpdate } from './testing/frames.ts'

const FIRST = ['GOAWAY 2147483647 NO_ERROR', 'PING draining']
const ANSWER = ping('draining', true)
/** Longer than an idle connection stays open, and shorter than any time-out of the tests. */
const SOON = 1200

test('an idle connection: the first GOAWAY at once, the last one when its ping is answered, then the end', async () => {
  const { client, transport, connection, startDrain } = connect(answer)
  client.send(get(1))
  await client.said()
  startDrain()
  assert.deepEqual([await client.said(), transport.calls, connection.isOver], [FIRST, [], false])
  client.send(ping('another!', true))
  assert.deepEqual(await client.said(), [])
  client.send(ANSWER)
  assert.deepEqual(await client.said(), ['GOAWAY 1 NO_ERROR'])
  assert.deepEqual([transport.calls, connection.isOver], [['end'], true])
})

test('an idle connection whose client answers no ping ends soon', async t => {
  const advance = fakeTime(t)
  const { client, transport, startDrain } = connect(answer, { timeouts: { keepAlive: 0 } })
  client.send(get(1))
  await client.said()
  startDrain()
  assert.deepEqual(await client.said(), FIRST)
  advance(900)
  assert.deepEqual(transport.calls, [])
  advance(SOON - 900)
  assert.match((await client.said())[0]!, /^GOAWAY 1 NO_ERROR/)
  assert.deepEqual(transport.calls, ['end'])
  advance(2500)
  assert.deepEqual(transport.calls, ['end', 'destroy'])
})

test('a stream that was on its way is answered, and the last GOAWAY names it', async () => {
  const { client, transport, exchanges, startDrain } = connect()
  client.send(get(1))
  startDrain()
  await client.said()
  client.send(get(3), ANSWER)
  assert.deepEqual(await client.said(), ['GOAWAY 3 NO_ERROR'])
  for (const exchange of exchanges) answer(exchange)
  assert.deepEqual((await client.said()).slice(0, 4), [...hello(1), ...hello(3)])
  assert.deepEqual(transport.calls, ['end'])
})

test('behind the last GOAWAY nothing is served, and nothing of it is a mistake; what runs goes on', async () => {
  const { client, transport, exchanges, refused, startDrain } = connect()
  client.send(post(1))
  const got = pull(exchanges[0]!)
  startDrain()
  client.send(ANSWER)
  await client.said()
  client.send(post(3), data(3, 'abc'), windowUpdate(3, 1), trailers(3, [['a', 'b']]))
  client.send(post(5), data(5, 'x'), data(3, 'late', true), get(7))
  client.send(data(1, 'abc', true))
  assert.deepEqual([got, exchanges.length, refused], [['abc', 'end'], 1, []])
  answer(exchanges[0]!)
  assert.deepEqual((await client.said()).slice(0, 2), hello(1))
  assert.deepEqual(transport.calls, ['end'])
})

test('a client without an answer to the ping: streams that run when the time is over go on', async t => {
  const advance = fakeTime(t)
  const { client, transport, exchanges, startDrain } = connect()
  client.send(get(1))
  const { response } = exchanges[0]!
  response.start(PLAIN)
  startDrain()
  advance(SOON)
  await client.said()
  client.send(get(3))
  response.write(Buffer.from('abc'))
  assert.deepEqual(await client.said(), ['DATA 1 abc'])
  advance(10_000)
  assert.deepEqual([transport.calls, exchanges.length], [[], 1])
  response.end()
  assert.equal((await client.said())[0], 'DATA 1 end')
  assert.deepEqual(transport.calls, ['end'])
})

for (const isDraining of [true, false])
  test(`a connection ${isDraining ? 'that opens while the gateway drains' : 'without a request so far'} is told behind its first request: its client may wait for SETTINGS`, async () => {
    const { client, transport, exchanges, startDrain } = connect(answer, { isDraining, begins: false })
    startDrain()
    client.send(BEGIN)
    assert.deepEqual(await client.said(), [])
    client.send(ping('pingping'), get(1))
    assert.deepEqual(await client.said(), ['PING pingping ack', ...FIRST, ...hello(1)])
    client.send(get(3), ANSWER)
    assert.deepEqual(await client.said(), [...hello(3), 'GOAWAY 3 NO_ERROR'])
    assert.deepEqual([transport.calls, exchanges.length], [['end'], 2])
  })

for (const isDraining of [true, false])
  test(`a connection ${isDraining ? 'that opens while the gateway drains' : 'of before'}, on which not even the preface has come, ends soon, and without a mistake`, async t => {
    const advance = fakeTime(t)
    const { client, transport, refused, startDrain } = connect(answer, { isDraining, begins: false })
    startDrain()
    assert.deepEqual(await client.said(), [])
    advance(900)
    assert.deepEqual(transport.calls, [])
    advance(SOON - 900)
    assert.deepEqual([await client.said(), refused], [['GOAWAY 0 NO_ERROR'], []])
    assert.deepEqual(transport.calls, ['end'])
  })

test('a client that still takes its last response is not cut', async t => {
  const advance = fakeTime(t)
  const { client, transport, connection, exchanges, startDrain } = connect()
  client.send(get(1))
  await client.said()
  transport.reading = false
  answer(exchanges[0]!)
  startDrain()
  client.send(ANSWER)
  await client.said()
  advance(900)
  assert.deepEqual([transport.calls.includes('destroy'), connection.isOver], [false, false])
  transport.pendingBytes = 0
  assert.ok(connection.isOver)
})
