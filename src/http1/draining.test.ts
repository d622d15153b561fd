/** What becomes of a connection when the gateway drains: one that runs something has time, an idle one has hardly any. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answer, connect, fakeTime, GET, HELLO, tick } from './testing/connect.ts'

/** Longer than an idle connection stays open, and shorter than any time-out of the tests. */
const SOON = 1200

test('draining: the running exchange is answered with Connection: close', () => {
  const { transport, exchanges, startDrain } = connect()
  transport.receive(GET)
  startDrain()
  answer(exchanges[0]!)
  assert.match(transport.text, /Connection: close/)
  assert.ok(transport.calls.includes('end'))
})

test('draining: an idle connection takes the request that was on its way', t => {
  const advance = fakeTime(t)
  const { transport, startDrain } = connect(answer)
  startDrain()
  advance(900)
  transport.receive(GET)
  assert.match(transport.text, /Connection: close\r\n\r\nhello/)
})

for (const [name, before] of [
  ['was never used', ''],
  ['was used', GET],
  ['was used, and has got an empty line since', `${GET}\r\n`],
] as const)
  test(`draining: an idle connection that ${name} gets a FIN, and is over although its client does not close`, t => {
    const advance = fakeTime(t)
    const { transport, connection, startDrain } = connect(answer)
    if (before !== '') transport.receive(before)
    startDrain()
    assert.deepEqual([transport.calls, connection.isOver], [[], false])
    advance(SOON)
    assert.deepEqual([transport.calls, connection.isOver], [['end'], true])
    // A request that crosses the FIN is read, so that no reset overtakes the FIN; nobody answers it.
    transport.receive(GET)
    assert.equal(transport.text, before === '' ? '' : HELLO)
    advance(2500)
    assert.deepEqual(transport.calls, ['end', 'destroy'])
  })

test('draining: a connection without any time-out gets its FIN as well', t => {
  const advance = fakeTime(t)
  const { transport, startDrain } = connect(answer, false, {}, { keepAlive: 0 })
  startDrain()
  advance(SOON)
  assert.deepEqual(transport.calls, ['end'])
})

test('draining: a head that has begun to arrive has the time of a head', t => {
  const advance = fakeTime(t)
  const { transport, connection, startDrain } = connect(answer, false, {}, { head: 5000 })
  transport.receive(GET.slice(0, 10))
  startDrain()
  advance(SOON)
  assert.deepEqual([transport.calls, connection.isOver, connection.isIdle], [[], false, false])
  transport.receive(GET.slice(10))
  assert.match(transport.text, /Connection: close\r\n\r\nhello/)
})

test('draining: a stream that began before ends its connection soon after its own end', async t => {
  const advance = fakeTime(t)
  const { transport, connection, exchanges, startDrain } = connect()
  transport.receive(GET)
  const { response } = exchanges[0]!
  response.start({ status: 200, reason: '', headers: ['Content-Type', 'text/event-stream'] })
  await tick()
  startDrain()
  advance(SOON)
  assert.deepEqual(transport.calls, [])
  response.end()
  advance(SOON)
  assert.deepEqual([transport.calls, connection.isOver], [['end'], true])
})

test('draining: a client that still takes its last response is not cut', t => {
  const advance = fakeTime(t)
  const { transport, connection, exchanges, startDrain } = connect()
  transport.reading = false
  transport.receive(GET)
  answer(exchanges[0]!)
  startDrain()
  advance(900)
  assert.deepEqual([transport.calls.includes('destroy'), connection.isOver], [false, false])
})
