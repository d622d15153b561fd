import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { testConfig } from '../config/testing/config.ts'
import { MemoryTransport } from '../http/testing/memory-transport.ts'
import { answer, connect, fakeTime, GET } from '../http1/testing/connect.ts'
import { createPaces, Pace } from './pace.ts'

/** A time-out of one second for everything; 100 bytes a second. */
const { timeouts: TIMEOUTS } = testConfig({ timeouts: { head: 1000, body: 1000, keepAlive: 1000, send: 1000 } })
/** A time-out, a tick and a step of the clock: longer than the time-out. */
const GRACE = 1100

function makePace(t: TestContext, rate = 100) {
  const advance = fakeTime(t)
  const transport = new MemoryTransport()
  transport.handler = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} }
  const overdue: boolean[] = []
  const paces = createPaces(TIMEOUTS, { bodyRate: rate, sendRate: rate })
  const pace = new Pace(transport, paces, isTooSlow => overdue.push(isTooSlow))
  /** Content, a piece each 50 ms. */
  const come = (pieces: number, bytes: number) => {
    for (let i = 0; i < pieces; i++) {
      advance(50)
      pace.contentCame(bytes)
    }
  }
  return { pace, transport, overdue, advance, come }
}

test('content that is never silent, but too slow, is overdue after one time-out', t => {
  const { pace, overdue, come } = makePace(t)
  pace.awaitContent()
  come(18, 1)
  assert.deepEqual(overdue, [], 'not before')
  come(4, 1)
  assert.deepEqual(overdue, [true])
})

test('content that comes fast enough may take for ever; also in lumps', t => {
  const { pace, overdue, come } = makePace(t)
  pace.awaitContent()
  come(100, 6)
  for (let i = 0; i < 5; i++) {
    come(1, 200)
    come(19, 0)
  }
  assert.deepEqual(overdue, [])
})

test('fast content is no credit for slow content after it', t => {
  const { pace, overdue, come } = makePace(t)
  pace.awaitContent()
  come(10, 1_000_000)
  come(40, 1)
  assert.equal(overdue[0], true)
})

test('time in which nobody wants the content does not count', t => {
  const { pace, overdue, advance, come } = makePace(t)
  pace.awaitContent()
  for (let i = 0; i < 40; i++) {
    come(1, 6)
    pace.pauseContent()
    advance(250)
    pace.awaitContent()
  }
  pace.pauseContent()
  advance(5 * GRACE)
  pace.awaitContent()
  assert.deepEqual(overdue, [])
})

test('content that comes too slowly is overdue also if it is waited for in pieces', t => {
  const { pace, overdue, advance, come } = makePace(t)
  pace.awaitContent()
  for (let i = 0; i < 40; i++) {
    come(2, 1)
    pace.pauseContent()
    if (i % 2 === 0) advance(50)
    pace.awaitContent()
  }
  assert.equal(overdue[0], true)
})

test('a client that pauses whenever it would be judged is judged when it goes on; not if that has ended meanwhile', async t => {
  const { pace, transport, advance } = makePace(t)
  transport.reading = false
  transport.write(Buffer.alloc(100_000))
  const wait = () => {
    for (let i = 0; i < 4; i++) {
      pace.awaitTaking()
      advance(600)
      pace.allTaken()
      advance(600)
    }
  }
  wait()
  pace.awaitTaking()
  pace.stop()
  await Promise.resolve()
  assert.deepEqual(transport.calls, [])
  wait()
  pace.awaitTaking()
  await Promise.resolve()
  assert.deepEqual(transport.calls, ['destroy'])
})

test('a rate of 0: only silence is overdue', t => {
  const { pace, overdue, advance, come } = makePace(t, 0)
  pace.awaitContent()
  come(100, 1)
  assert.deepEqual(overdue, [])
  advance(GRACE)
  assert.deepEqual(overdue, [false])
})

test('content that is complete, or not wanted, has no rate', t => {
  const { pace, overdue, advance } = makePace(t)
  pace.awaitContent()
  pace.awaitNothing()
  advance(2 * GRACE)
  assert.deepEqual(overdue, [])
  pace.awaitContent()
  pace.awaitRest()
  advance(GRACE)
  assert.deepEqual(overdue, [false])
})

for (const [bytes, what] of [
  [4, 'cut'],
  [6, 'not cut'],
] as const)
  test(`a client that takes ${bytes * 20} bytes a second of a response is ${what}`, t => {
    const { pace, transport, advance } = makePace(t)
    transport.reading = false
    transport.write(Buffer.alloc(100_000))
    pace.stop()
    pace.awaitTaking()
    for (let i = 0; i < 100; i++) {
      transport.pendingBytes -= bytes
      advance(50)
    }
    assert.equal(transport.calls[0], what === 'cut' ? 'destroy' : undefined)
  })

test('a client that takes one small write after the other, each in time and all of them too slowly, is cut', t => {
  const { pace, transport, advance } = makePace(t)
  pace.stop()
  for (let i = 0; i < 20; i++) {
    transport.reading = false
    transport.write(Buffer.alloc(30))
    pace.awaitTaking()
    advance(500)
    transport.pendingBytes = 0
    pace.allTaken()
  }
  assert.equal(transport.calls[0], 'destroy')
})

test('a client that has taken everything is not slow', t => {
  const { pace, transport, advance } = makePace(t)
  transport.reading = false
  transport.write(Buffer.alloc(10))
  pace.stop()
  pace.awaitTaking()
  advance(500)
  transport.pendingBytes = 0
  pace.allTaken()
  advance(3 * GRACE)
  assert.deepEqual(transport.calls, [])
})

test('too slow an upload is 408 and says which setting', t => {
  const advance = fakeTime(t)
  const { transport, exchanges } = connect(() => {}, false, { bodyRate: 100 })
  transport.receive('POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\n')
  let message = ''
  exchanges[0]!.body.pull({
    onData: () => true,
    onEnd: () => assert.fail(),
    onError: error => {
      message = error.message
    },
  })
  for (let i = 0; i < 6; i++) {
    advance(200)
    transport.receive('x')
  }
  assert.equal(message, 'The content comes too slowly (min-body-rate)')
})

test('small requests are not looked at, however slowly they follow each other', t => {
  const advance = fakeTime(t)
  const { transport, exchanges } = connect(answer, false, { bodyRate: 1_000_000, sendRate: 1_000_000 })
  for (let i = 0; i < 5; i++) {
    transport.receive(GET)
    advance(1500)
  }
  assert.equal(exchanges.length, 5)
  assert.deepEqual(transport.calls, [])
})
