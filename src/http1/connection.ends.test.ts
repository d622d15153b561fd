/** How a connection ends when something went wrong: refusals, slow readers, content that broke. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Exchange } from '../http/exchange.ts'
import { answer, connect, fakeTime, GET, HELLO, tick } from './testing/connect.ts'

const UPLOAD = 'POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 6\r\n\r\n'
const CHUNKED = 'POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n'
const EXPECTING = 'POST / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n'

const pull = (exchange: Exchange, onError: (error: Error) => void = () => {}) =>
  exchange.body.pull({ onData: () => true, onEnd() {}, onError })

async function startStream(exchange: Exchange): Promise<void> {
  exchange.response.start({ status: 200, reason: '', headers: ['Date', 'now'] })
  await tick()
}

test('a refused HEAD has no content (RFC9110§9.3.2)', () => {
  const { transport } = connect()
  transport.receive('HEAD / HTTP/1.1\r\n\r\n')
  assert.match(transport.text, /^HTTP\/1\.1 400 .*Content-Length: \d+\r\nConnection: close\r\n\r\n$/s)
})

test('a refusal follows Accept, also when the head was complete and its content broke in the same chunk', () => {
  for (const broken of [
    'GET / HTTP/1.1\r\nAccept: application/json\r\n\r\n',
    `${CHUNKED.replace('Host', 'Accept: application/json\r\nHost')}zz\r\n`,
  ]) {
    const { transport, exchanges } = connect()
    transport.receive(broken)
    assert.match(transport.text, /^HTTP\/1\.1 400 .*Content-Type: application\/json/s)
    assert.equal(exchanges.length, 0)
  }
})

test('content that breaks after the response has promised to keep the connection: closed after it, not left to hang', async () => {
  const { transport, exchanges } = connect()
  transport.receive(CHUNKED)
  await startStream(exchanges[0]!)
  assert.doesNotMatch(transport.text, /Connection: close/)
  transport.receive('zz\r\n')
  exchanges[0]!.response.end()
  assert.deepEqual(transport.calls, ['end'])
})

test('after a 408 the rest of the late content is neither content nor the next request', async t => {
  const advance = fakeTime(t)
  const { transport, exchanges } = connect()
  transport.receive(UPLOAD)
  const errors: Error[] = []
  pull(exchanges[0]!, error => errors.push(error))
  advance(1200)
  transport.receive(`abcdef${GET}`)
  answer(exchanges[0]!)
  assert.equal(errors.length, 1)
  assert.equal(exchanges.length, 1)
  assert.deepEqual(transport.calls, ['end'])
})

test('100 Continue is never sent into a response that has begun (RFC9110§10.1.1)', async () => {
  const { transport, exchanges } = connect()
  transport.receive(EXPECTING)
  await startStream(exchanges[0]!)
  pull(exchanges[0]!)
  assert.doesNotMatch(transport.text, /100 Continue/)
  assert.match(transport.text, /Connection: close/)
})

test('a client that sends its content without waiting for 100 Continue keeps its connection', () => {
  const { transport, exchanges } = connect()
  transport.receive(`${EXPECTING}abc`)
  answer(exchanges[0]!)
  transport.receive(GET)
  assert.equal(exchanges.length, 2)
  assert.ok(transport.text.startsWith(HELLO))
})

test('time-outs: a slow client is not cut off by the keep-alive time while it takes the last response', t => {
  const advance = fakeTime(t)
  const { transport } = connect(exchange => {
    transport.reading = false
    answer(exchange, 'x'.repeat(50_000))
  })
  transport.receive(GET)
  for (let i = 0; i < 10; i++) {
    transport.pendingBytes -= 100
    advance(900)
  }
  assert.deepEqual(transport.calls, [])
  transport.drain()
  advance(2500)
  assert.deepEqual(transport.calls, ['destroy'])
})

test('time-outs: a client that takes nothing of the last response is cut, on a connection that stays and on one that closes', t => {
  const advance = fakeTime(t)
  for (const request of [GET, GET.replace('Host', 'Connection: close\r\nHost')]) {
    const { transport } = connect(exchange => {
      transport.reading = false
      answer(exchange)
    })
    transport.receive(request)
    advance(4000)
    assert.equal(transport.calls.at(-1), 'destroy')
  }
})

test('time-outs: after the last response is taken, a client that does not close is closed', t => {
  const advance = fakeTime(t)
  const { transport } = connect(exchange => {
    transport.reading = false
    answer(exchange, 'x'.repeat(50_000))
  })
  transport.receive(GET.replace('Host', 'Connection: close\r\nHost'))
  for (let i = 0; i < 10; i++) {
    transport.pendingBytes -= 100
    advance(900)
  }
  assert.deepEqual(transport.calls, ['end'])
  transport.drain()
  advance(2500)
  assert.deepEqual(transport.calls, ['end', 'destroy'])
})

test('time-outs: a pipelined request behind the last response is not read, and does not keep the connection', t => {
  const advance = fakeTime(t)
  const { transport, exchanges } = connect(exchange => answer(exchange))
  transport.receive(GET.replace('Host', 'Connection: close\r\nHost') + GET)
  assert.deepEqual([exchanges.length, transport.calls], [1, ['end']])
  advance(2500)
  assert.deepEqual(transport.calls, ['end', 'destroy'])
})

test('unwanted content that is too much, and broken in the same read, gets no second answer', () => {
  const { transport } = connect(exchange => answer(exchange))
  transport.receive('POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n')
  transport.receive(`11000\r\n${'x'.repeat(0x11000)}broken`)
  assert.equal(transport.text, HELLO)
  assert.deepEqual(transport.calls, ['end'])
})

test('time-outs: unwanted content that stalls ends in a close that lets the response be read', t => {
  const advance = fakeTime(t)
  const { transport } = connect(answer)
  transport.receive(UPLOAD)
  advance(1200)
  assert.deepEqual(transport.calls, ['end'])
  assert.equal(transport.text, HELLO)
})

test('a connection that closes takes no endless stream: beyond 4 MiB it is cut', () => {
  const { transport } = connect()
  transport.receive('\n')
  for (let i = 0; i < 50; i++) transport.receive(Buffer.alloc(100_000))
  assert.deepEqual(transport.calls, ['end', 'destroy'])
})

test('an exchange that ends within the read that brought its content keeps what its handler has not taken', () => {
  // Small ones would be handed on together.
  const [first, second] = ['a'.repeat(600), 'd'.repeat(600)]
  const got: string[] = []
  const { transport, exchanges } = connect(exchange =>
    exchange.body.pull({
      onData: chunk => {
        got.push(chunk.toString())
        if (got.length === 1) answer(exchange)
        return false
      },
      onEnd: () => got.push('end'),
      onError: assert.fail,
    }),
  )
  const head = 'POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n'
  transport.receive(`${head}258\r\n${first}\r\n258\r\n${second}\r\n0\r\n\r\n`)
  exchanges[0]!.body.resume()
  exchanges[0]!.body.resume()
  assert.deepEqual(got, [first, second, 'end'])
})
