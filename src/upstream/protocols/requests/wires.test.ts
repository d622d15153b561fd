/** Connections of a web server in front of us, in memory: what goes back by each protocol, and how a connection ends. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Exchange } from '../../../http/exchange.ts'
import { answer, connect, tick } from '../../../http1/testing/connect.ts'
import { Ending, endRequest, pairs, RecordType, record } from '../fastcgi-records.ts'
import { type Front, PARAMETERS, requestBytes } from './testing/recorded-requests.ts'
import { WIRES } from './wires.ts'

const FIELDS = 'Date: now\r\nContent-Length: 5\r\n\r\nhello'

function open(front: Front, onExchange: (exchange: Exchange) => void = exchange => answer(exchange)) {
  return connect(onExchange, false, {}, {}, undefined, WIRES[front])
}

/** A response by FastCGI, with what ends it. */
function records(text: string): string {
  const end = record(RecordType.STDOUT, Buffer.alloc(0))
  return Buffer.concat([record(RecordType.STDOUT, Buffer.from(text)), end, endRequest(1, Ending.COMPLETE)]).toString(
    'latin1',
  )
}

test('uwsgi has a status line, SCGI a field Status; both end with the connection', async () => {
  for (const [front, first] of [
    ['uwsgi', 'HTTP/1.1 200 OK'],
    ['scgi', 'Status: 200 OK'],
  ] as const) {
    const { transport, exchanges, closed } = open(front)
    transport.receive(requestBytes(front, PARAMETERS))
    await tick()
    assert.equal(transport.text, `${first}\r\n${FIELDS}`)
    assert.deepEqual([transport.calls.at(-1), exchanges.length, closed()], ['destroy', 1, 1])
    // Without a length the end is a FIN in order.
    const unknown = open(front, exchange => answer(exchange, 'hello', []))
    unknown.transport.receive(requestBytes(front, PARAMETERS))
    await tick()
    assert.deepEqual([unknown.transport.calls.includes('end'), unknown.transport.closed], [true, false])
  }
})

test('FastCGI keeps its connection, content without a length too', async () => {
  const { transport, exchanges, closed } = open('fastcgi', exchange =>
    exchange.request.query === 'b' ? answer(exchange) : answer(exchange, 'hello', []),
  )
  const [one, two] = ['/a?b', '/none'].map(target =>
    requestBytes('fastcgi', [...PARAMETERS.slice(0, 2), 'REQUEST_URI', target, ...PARAMETERS.slice(4)]),
  )
  transport.receive(one!)
  await tick()
  assert.equal(transport.text, records(`Status: 200 OK\r\n${FIELDS}`))
  transport.receive(two!)
  await tick()
  assert.equal(transport.text.slice(-24 - 26 - 5 - 6).includes('hello'), true)
  assert.deepEqual([transport.calls.includes('end'), exchanges.length, closed()], [false, 2, 2])
})

test("FastCGI: what follows in the read that ends the connection is nobody's request", async () => {
  const { transport, exchanges } = open('fastcgi')
  const parameters = PARAMETERS.flatMap((text, i) =>
    i % 2 === 0 && text !== 'CONTENT_LENGTH' ? [text, PARAMETERS[i + 1]!] : [],
  )
  const begin = record(RecordType.BEGIN_REQUEST, Buffer.from([0, 1, 1, 0, 0, 0, 0, 0]))
  const head = Buffer.concat([
    begin,
    record(RecordType.PARAMS, pairs(parameters)),
    record(RecordType.PARAMS, Buffer.alloc(0)),
  ])
  const content = record(RecordType.STDIN, Buffer.alloc(60_000))
  const end = record(RecordType.STDIN, Buffer.alloc(0))
  // It is answered before its content has ended, and nobody has said how long that is.
  transport.receive(Buffer.concat([head, record(RecordType.STDIN, Buffer.alloc(10))]))
  await tick()
  transport.receive(Buffer.concat([content, content, end, head, end]))
  await tick()
  assert.equal(exchanges.length, 1)
})

test('a long response by FastCGI is cut into records of 64 KiB', async () => {
  const body = 'x'.repeat(200_000)
  const { transport } = open('fastcgi', exchange => answer(exchange, body))
  transport.receive(requestBytes('fastcgi', PARAMETERS))
  await tick()
  const bytes = Buffer.from(transport.text, 'latin1')
  let text = ''
  const types: number[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt16BE(at + 4)
    types.push(bytes[at + 1]!)
    if (bytes[at + 1] === RecordType.STDOUT) text += bytes.toString('latin1', at + 8, at + 8 + length)
    at += 8 + length
  }
  assert.equal(text, `Status: 200 OK\r\nDate: now\r\nContent-Length: 200000\r\n\r\n${body}`)
  assert.deepEqual(types.slice(-2), [RecordType.STDOUT, RecordType.END_REQUEST])
})

test('what is refused is answered in the protocol, and logged', async () => {
  const wrong = [...PARAMETERS, 'REQUEST_METHOD', 'POST']
  for (const front of ['uwsgi', 'scgi', 'fastcgi'] as const) {
    const { transport, exchanges, refused, answered } = open(front)
    transport.receive(requestBytes(front, wrong))
    await tick()
    assert.match(transport.text, front === 'uwsgi' ? /^HTTP\/1\.1 400 / : /Status: 400 /)
    assert.deepEqual(
      [exchanges.length, refused.length, answered.length, transport.calls.includes('end')],
      [0, 1, 1, true],
    )
  }
  // Before a request has begun nothing can be answered.
  const { transport, refused } = open('fastcgi')
  transport.receive('GET / HTTP/1.1\r\n\r\n')
  assert.deepEqual([transport.text, refused.length, transport.calls.includes('end')], ['', 1, true])
})

test('HEAD has no content; a client that leaves aborts its exchange; no interim response', async () => {
  const head = open('uwsgi', exchange => {
    exchange.response.inform({ status: 103, reason: '', headers: ['Link', '</a>'] })
    answer(exchange)
  })
  head.transport.receive(requestBytes('uwsgi', ['REQUEST_METHOD', 'HEAD', ...PARAMETERS.slice(2)]))
  await tick()
  assert.equal(head.transport.text, 'HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\n\r\n')
  let aborted = 0
  const left = open('fastcgi', exchange => exchange.onAborted(() => aborted++))
  left.transport.receive(requestBytes('fastcgi', PARAMETERS))
  left.transport.receive(record(RecordType.ABORT_REQUEST, Buffer.alloc(0)))
  await tick()
  assert.deepEqual([aborted, left.closed()], [1, 1])
})

test('a gateway that drains closes after the response', async () => {
  const { transport, startDrain } = open('fastcgi', exchange => answer(exchange))
  startDrain()
  transport.receive(requestBytes('fastcgi', PARAMETERS))
  await tick()
  assert.deepEqual([transport.text, transport.calls.includes('end')], [records(`Status: 200 OK\r\n${FIELDS}`), true])
})
