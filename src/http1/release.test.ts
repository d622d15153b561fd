/** A connection gives its transport away between two requests. A response that ends with the connection tells the transport so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect } from './testing/connect.ts'

const REQUEST = 'GET / HTTP/1.1\r\nHost: here\r\n\r\n'
const turn = () => new Promise(resolve => setImmediate(resolve))

test('between two requests it is released at once, and its transport is open', () => {
  const { connection, transport, exchanges } = connect(exchange =>
    exchange.response.respond({ status: 200, reason: '', headers: ['Content-Length', '0'] }, Buffer.alloc(0)),
  )
  transport.receive(REQUEST)
  const told: boolean[] = []
  connection.release(isReleased => told.push(isReleased))
  assert.deepEqual([told, exchanges.length, transport.closed], [[true], 1, false])
})

test('while an exchange runs it is released behind it', async () => {
  const { connection, transport, exchanges } = connect()
  transport.receive(REQUEST)
  const told: boolean[] = []
  connection.release(isReleased => told.push(isReleased))
  await turn()
  assert.deepEqual(told, [])
  exchanges[0]!.response.respond({ status: 200, reason: '', headers: ['Content-Length', '0'] }, Buffer.alloc(0))
  await turn()
  assert.deepEqual([told, transport.closed], [[true], false])
})

for (const [what, bytes] of [
  ['a part of the next request', 'GET / HT'],
  ['a whole one', REQUEST],
] as const)
  test(`with ${what} behind the one that runs it stays`, async () => {
    const { connection, transport, exchanges } = connect()
    transport.receive(REQUEST + bytes)
    const told: boolean[] = []
    connection.release(isReleased => told.push(isReleased))
    exchanges[0]!.response.respond({ status: 200, reason: '', headers: ['Content-Length', '0'] }, Buffer.alloc(0))
    await turn()
    assert.deepEqual(told, [false])
    transport.receive(what === 'a whole one' ? '' : 'TP/1.1\r\nHost: here\r\n\r\n')
    assert.equal(exchanges.length, 2)
  })

test('it stays while it drains, and while the client has not taken its response', async () => {
  const drains = connect()
  drains.startDrain()
  drains.connection.release(isReleased => assert.equal(isReleased, false))
  const slow = connect(exchange =>
    exchange.response.respond({ status: 200, reason: '', headers: ['Content-Length', '4'] }, Buffer.from('text')),
  )
  slow.transport.reading = false
  slow.transport.receive(REQUEST)
  slow.connection.release(isReleased => assert.equal(isReleased, false))
})

test('only a response that ends with the connection is reset if it is cut', () => {
  const callsOf = (request: string, headers: string[]) => {
    const { transport } = connect(exchange => exchange.response.start({ status: 200, reason: '', headers }))
    transport.receive(request)
    return transport.calls
  }
  assert.deepEqual(callsOf('GET / HTTP/1.0\r\n\r\n', []), ['reset if cut'])
  assert.deepEqual(callsOf('GET / HTTP/1.0\r\n\r\n', ['Content-Length', '5']), [])
  assert.deepEqual(callsOf('HEAD / HTTP/1.0\r\n\r\n', []), [])
  assert.deepEqual(callsOf(REQUEST, []), [])
})
