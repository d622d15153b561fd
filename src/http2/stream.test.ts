/** One stream: content both ways, and what handler and client may do to each other. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryBudget } from '../base/memory-budget.ts'
import { LimitError, type ProtocolError } from '../http/errors.ts'
import type { Exchange } from '../http/exchange.ts'
import { fakeTime } from '../http1/testing/connect.ts'
import { FrameType } from './frames.ts'
import { answer, connect, contentOf, HELLO, hello, PLAIN, pull, tick } from './testing/connect.ts'
import {
  data,
  frame,
  get,
  headers,
  post,
  requestFields,
  reset,
  Setting,
  settings,
  trailers,
  windowUpdate,
} from './testing/frames.ts'

const EXPECTS = [['expect', '100-continue']] as const
const sized = (length: number) => [['content-length', String(length)]] as const
const HEAD = 'HEADERS 1 :status=200'

// -- the request's content

test('content comes in pieces, then its end; padding is no content', () => {
  const { client, exchanges } = connect()
  client.send(post(1))
  const got = pull(exchanges[0]!)
  client.send(data(1, 'abc'), data(1, 'def', false, 20), data(1, '', false, 5), data(1, 'ghi', true, 0))
  assert.deepEqual(got, ['abc', 'def', 'ghi', 'end'])
})

test('content that came before somebody asks waits, also behind its read', () => {
  const { client, exchanges } = connect()
  client.send(post(1), data(1, 'abc'), data(1, 'def'))
  client.send(data(1, 'ghi', true))
  assert.deepEqual(pull(exchanges[0]!).join(''), 'abcdefghiend')
})

test('a frame of content in several reads waits as it came', () => {
  const { client, exchanges } = connect()
  client.send(post(1))
  const frame = data(1, 'abcdef', true)
  // The bytes of a read change when it is over.
  for (const [from, to] of [
    [0, 9],
    [9, 12],
    [12, 15],
  ])
    client.send(frame.subarray(from, to))
  assert.deepEqual(pull(exchanges[0]!).join(''), 'abcdefend')
})

test('a request without content has ended before its handler asks', () => {
  const { client, exchanges } = connect()
  client.send(get(1))
  assert.equal(exchanges[0]!.body.length, 0)
  assert.deepEqual(pull(exchanges[0]!), ['end'])
})

test('trailers of a request come with its end, without those that trailers must not have', () => {
  const { client, exchanges } = connect()
  client.send(post(1))
  const got = pull(exchanges[0]!)
  client.send(
    data(1, 'abc'),
    trailers(1, [
      ['a', 'b'],
      ['content-length', '9'],
      ['host', 'x'],
      ['x_y', 'z'],
    ]),
  )
  assert.deepEqual(got, ['abc', 'end a b'])
})

for (const [name, frames] of [
  ['trailers that do not end the stream', [headers(1, [['a', 'b']], { isLast: false })]],
  ['trailers with a pseudo-header', [trailers(1, [[':path', '/']])]],
  ['trailers in upper case', [trailers(1, [['A', 'b']])]],
  ['more content than Content-Length', [data(1, 'abcdefghijk')]],
  ['less content than Content-Length', [data(1, 'abc', true)]],
  ['less content than Content-Length, and trailers', [data(1, 'abc'), trailers(1, [['a', 'b']])]],
] as const)
  test(`a stream is reset, and its handler hears of the mistake: ${name} (RFC9113§8.1.1)`, async () => {
    const { client, exchanges, closed } = connect()
    client.send(post(1, '/', sized(10)))
    let aborted = 0
    exchanges[0]!.onAborted(() => aborted++)
    const got = pull(exchanges[0]!)
    await client.said()
    client.send(...frames)
    assert.match(got.at(-1)!, /^error .*RFC9113§8/)
    assert.deepEqual(await client.said(), ['RST_STREAM 1 PROTOCOL_ERROR'])
    assert.deepEqual([aborted, closed()], [1, [1]])
    client.send(get(3))
    answer(exchanges[1]!)
    assert.deepEqual(await client.said(), hello(3), 'the connection goes on')
  })

for (const [name, frame] of [
  ['DATA', data(1, 'x')],
  ['HEADERS', trailers(1, [['a', 'b']])],
] as const)
  test(`${name} behind the end of the stream resets it (RFC9113§5.1)`, async () => {
    const { client, closed } = connect()
    client.send(get(1), frame)
    assert.deepEqual(await client.said(), ['RST_STREAM 1 STREAM_CLOSED'])
    assert.deepEqual(closed(), [1])
  })

test('100 Continue is sent when the content is pulled, once, and not before (RFC9110§10.1.1)', async () => {
  const { client, exchanges } = connect()
  client.send(post(1, '/', [...EXPECTS, ...sized(3)]))
  assert.deepEqual(await client.said(), [])
  const got = pull(exchanges[0]!)
  exchanges[0]!.body.resume()
  assert.deepEqual(await client.said(), ['HEADERS 1 :status=100'])
  client.send(data(1, 'abc', true))
  answer(exchanges[0]!)
  assert.deepEqual([got, await client.said()], [['abc', 'end'], hello(1)])
})

test('100 Continue is not sent into a response, nor when nothing follows', async () => {
  const { client, exchanges } = connect()
  client.send(post(1, '/', EXPECTS), headers(3, requestFields('POST', '/', EXPECTS)))
  exchanges[0]!.response.start(PLAIN)
  pull(exchanges[0]!)
  pull(exchanges[1]!)
  assert.deepEqual(
    (await client.said()).filter(line => line.startsWith('HEADERS')),
    [HEAD],
  )
})

test('an answer before the content has come: the rest is not wanted (RFC9113§8.1)', async () => {
  const { client, closed } = connect(answer)
  client.send(post(1, '/', [...EXPECTS, ...sized(3)]))
  assert.deepEqual(await client.said(), [...hello(1), 'RST_STREAM 1 NO_ERROR'])
  assert.deepEqual(closed(), [1])
})

test('a handler’s limit: a length that is larger is refused before a byte is read; 413', async () => {
  const { client, exchanges, refused } = connect()
  client.send(post(1, '/', sized(11)))
  const error = exchanges[0]!.body.limitTo(10)
  assert.ok(error instanceof LimitError && error.status === 413)
  answer(exchanges[0]!)
  client.send(data(1, 'abcdefghijk', true))
  assert.deepEqual(await client.said(), [...hello(1), 'RST_STREAM 1 NO_ERROR'])
  assert.equal(refused.length, 1)
})

test('a handler’s limit: content without a length is counted as it comes', async () => {
  const { client, exchanges, refused } = connect()
  client.send(post(1))
  assert.equal(exchanges[0]!.body.limitTo(10), null)
  const got = pull(exchanges[0]!)
  client.send(data(1, 'abcdefghij'), data(1, 'k'), data(1, 'l', true))
  assert.equal(got.length, 2)
  assert.match(got[1]!, /^error The content is larger than 10 bytes/)
  answer(exchanges[0]!)
  assert.deepEqual((await client.said()).slice(-2), hello(1))
  assert.equal(refused.length, 1)
})

test('a handler’s limit: more has come already', () => {
  const { client, exchanges } = connect()
  client.send(post(1), data(1, 'abcdefghijk'))
  assert.equal(exchanges[0]!.body.limitTo(10)?.status, 413)
})

for (const [name, rate, pieces] of [
  ['does not come', 0, 0],
  ['comes too slowly', 100, 8],
] as const)
  test(`time-outs: content that ${name} is 408 for its handler, and its sisters go on`, async t => {
    const advance = fakeTime(t)
    const { client, exchanges, transport } = connect(() => {}, { limits: { bodyRate: rate } })
    client.send(post(1), get(3))
    const errors: Error[] = []
    exchanges[0]!.body.pull({ onData: () => true, onEnd: () => assert.fail(), onError: error => errors.push(error) })
    for (let i = 0; i < pieces && errors.length === 0; i++) {
      client.send(data(1, 'x'))
      advance(700)
    }
    advance(pieces === 0 ? 1200 : 0)
    assert.deepEqual(
      errors.map(error => (error as ProtocolError).status),
      [408],
    )
    client.send(data(1, 'late'))
    answer(exchanges[0]!)
    answer(exchanges[1]!)
    assert.deepEqual((await client.said()).slice(-5), [...hello(1), 'RST_STREAM 1 NO_ERROR', ...hello(3)])
    assert.deepEqual(transport.calls, [])
  })

test('time-outs: while nobody wants the content, its time does not run', t => {
  const advance = fakeTime(t)
  const { client, exchanges } = connect()
  client.send(post(1), data(1, 'x'))
  advance(5000)
  exchanges[0]!.body.pull({ onData: () => false, onEnd: () => assert.fail(), onError: () => assert.fail() })
  advance(5000)
})

test('time-outs: content that nobody waits for any more is told to no log', async t => {
  const advance = fakeTime(t)
  const { client, exchanges, refused } = connect()
  client.send(settings([Setting.INITIAL_WINDOW_SIZE, 1]), post(1))
  pull(exchanges[0]!)
  answer(exchanges[0]!)
  for (let i = 0; i < 4; i++) {
    advance(700)
    client.send(windowUpdate(1, 1))
    await tick()
  }
  assert.deepEqual(refused, [])
  assert.deepEqual((await client.said()).slice(-2), ['DATA 1 o end', 'RST_STREAM 1 NO_ERROR'])
})

// -- windows of the request

test('the window of a stream grows only while its handler takes content', async () => {
  const { client, exchanges } = connect()
  client.send(post(1))
  for (let i = 0; i < 4; i++) client.send(data(1, 'x'.repeat(i < 3 ? 16_384 : 16_383)))
  assert.deepEqual(await client.said(), [])
  const got = pull(exchanges[0]!)
  assert.deepEqual(await client.said(), [`WINDOW_UPDATE 1 ${512 * 1024}`])
  assert.equal(got.join('').length, 65_535)
})

test('more content than the window resets the stream (RFC9113§6.9.1)', async () => {
  const { client, closed } = connect()
  client.send(post(1))
  for (let i = 0; i < 4; i++) client.send(data(1, 'x'.repeat(16_384)))
  assert.deepEqual(await client.said(), ['RST_STREAM 1 FLOW_CONTROL_ERROR'])
  assert.deepEqual(closed(), [1])
})

test('no window is opened for content that its length does not announce', async () => {
  const { client, exchanges } = connect()
  client.send(post(1, '/', sized(60_000)))
  pull(exchanges[0]!)
  for (let i = 0; i < 3; i++) client.send(data(1, 'x'.repeat(16_000)))
  assert.deepEqual(await client.said(), [])
})

// -- memory

/** It counts from the first 16 KiB on. */
async function assertNothingKept(memory: MemoryBudget, leave: () => void): Promise<void> {
  assert.equal(memory.used, 0)
  leave()
  await tick()
  assert.deepEqual([memory.used, memory.accounts], [0, 0])
}

test('memory: content that waits for its handler, until it is taken', async () => {
  const memory = new MemoryBudget()
  const { client, transport, exchanges } = connect(() => {}, { memory })
  client.send(post(1))
  for (let i = 0; i < 3; i++) client.send(data(1, 'x'.repeat(16_000)))
  assert.equal(memory.used, 48_000)
  pull(exchanges[0]!)
  await assertNothingKept(memory, () => transport.leave())
})

test('memory: content that came whole, and was taken, is not counted while its handler works on', async () => {
  const memory = new MemoryBudget()
  const { client, transport, exchanges } = connect(() => {}, { memory })
  client.send(post(1))
  for (let i = 0; i < 3; i++) client.send(data(1, 'x'.repeat(16_000), i === 2))
  pull(exchanges[0]!)
  await assertNothingKept(memory, () => transport.leave())
})

for (const [name, end] of [
  ['is answered', answer],
  ['is aborted', ({ response }: Exchange) => response.abort(new Error('no'))],
  [
    'takes a piece and is answered',
    (exchange: Exchange) =>
      exchange.body.pull({
        onData() {
          answer(exchange)
          return false
        },
        onEnd: () => assert.fail(),
        onError() {},
      }),
  ],
] as const)
  test(`memory: content for a stream that ${name} while a frame of it comes is not counted`, async () => {
    const memory = new MemoryBudget()
    const { client, transport, exchanges } = connect(() => {}, { memory })
    client.send(post(1), post(3))
    for (let i = 0; i < 2; i++) client.send(data(3, 'x'.repeat(16_000)))
    assert.equal(memory.used, 32_000)
    const frame = data(1, 'y'.repeat(16_000))
    client.send(frame.subarray(0, 8000))
    end(exchanges[0]!)
    client.send(frame.subarray(8000))
    await tick()
    assert.equal(memory.used, 32_000)
    pull(exchanges[1]!)
    await assertNothingKept(memory, () => transport.leave())
  })

test('memory: content that is thrown away while its response is still sent is not counted', async () => {
  const memory = new MemoryBudget()
  const { client, exchanges } = connect(() => {}, { memory })
  client.send(settings([Setting.INITIAL_WINDOW_SIZE, 0]), post(1))
  answer(exchanges[0]!)
  for (let i = 0; i < 3; i++) client.send(data(1, 'x'.repeat(16_000)))
  assert.equal(memory.used, 0)
})

test('memory: a response that waits for the client’s window, until it has left, or its stream ends', async () => {
  const memory = new MemoryBudget()
  const { client, transport, exchanges } = connect(() => {}, { memory })
  client.send(settings([Setting.INITIAL_WINDOW_SIZE, 0]), get(1), get(3), get(5))
  for (const { response } of exchanges) {
    response.start(PLAIN)
    response.write(Buffer.alloc(20_000))
  }
  assert.equal(memory.used, 60_000)
  client.send(windowUpdate(1, 5000), windowUpdate(1, 15_000))
  await tick()
  assert.equal(memory.used, 40_000)
  client.send(reset(3))
  assert.equal(memory.used, 20_000)
  exchanges[2]!.response.abort(new Error('no'))
  await assertNothingKept(memory, () => transport.leave())
})

test('memory: a frame, and a header block, that have come in part', async () => {
  const memory = new MemoryBudget()
  const { client, transport } = connect(answer, { memory, http2: { frameSize: 100_000 } })
  const whole = frame(FrameType.PRIORITY_UPDATE, 0, 0, Buffer.alloc(90_000, '\0\0\0\x07 '))
  client.send(whole.subarray(0, 1000))
  assert.equal(memory.used, 90_000)
  client.send(whole.subarray(1000))
  assert.equal(memory.used, 0)
  const bytes = get(
    1,
    '/',
    Array.from({ length: 4 }, (_, i) => [`x${i}`, 'y'.repeat(12_000)] as const),
  )
  const [first, second] = [Buffer.from(bytes.subarray(0, 9 + 24_000)), bytes.subarray(9 + 24_000)]
  first.writeUIntBE(24_000, 0, 3)
  first[4] = 1
  client.send(first)
  assert.equal(memory.used, 24_000)
  client.send(frame(FrameType.CONTINUATION, 4, 1, second))
  assert.deepEqual(await client.said(), hello(1))
  await assertNothingKept(memory, () => transport.leave())
})

test('memory: a connection is cut when all keep too much', async () => {
  const evicted: string[] = []
  const memory = new MemoryBudget({ limit: 100_000, onEvict: what => evicted.push(what) })
  const { client, transport, exchanges, closed } = connect(() => {}, { memory })
  client.send(settings([Setting.INITIAL_WINDOW_SIZE, 0]), get(1))
  exchanges[0]!.response.start(PLAIN)
  exchanges[0]!.response.write(Buffer.alloc(120_000))
  await tick()
  assert.deepEqual([evicted, transport.calls, closed()], [['a connection was cut'], ['destroy'], [1]])
  assert.deepEqual([memory.used, memory.accounts], [0, 0])
})

// -- the response

test('HEAD, 204 and 304 carry no content whatever the handler writes (RFC9110§6.4.1)', async () => {
  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ] as const) {
    const { client, exchanges, closed } = connect()
    client.send(headers(1, requestFields(method, '/')))
    const { response } = exchanges[0]!
    response.start({ ...HELLO, status })
    response.write(Buffer.from('hello'))
    response.end()
    const length = status === 204 ? '' : ' content-length=5'
    assert.deepEqual(await client.said(), [`HEADERS 1 :status=${status}${length} end`])
    assert.deepEqual(closed(), [1])
  }
})

test('content in pieces without a length, and its end', async () => {
  const { client, exchanges, closed } = connect()
  client.send(get(1))
  const { response } = exchanges[0]!
  response.start(PLAIN)
  response.write(Buffer.from('abc'))
  assert.deepEqual(await client.said(), [HEAD, 'DATA 1 abc'])
  response.write(Buffer.from('def'))
  response.end()
  response.end()
  response.write(Buffer.from('ghi'))
  assert.deepEqual(await client.said(), ['DATA 1 def end'])
  assert.deepEqual([response.bytesWritten, closed()], [6, [1]])
})

test('an end behind all content is an empty frame', async () => {
  const { client, exchanges } = connect()
  client.send(get(1))
  exchanges[0]!.response.start(PLAIN)
  assert.deepEqual(await client.said(), [HEAD])
  exchanges[0]!.response.end()
  assert.deepEqual(await client.said(), ['DATA 1 end'])
})

test('trailers of a response, with content before them or none', async () => {
  for (const waits of [false, true]) {
    const { client, exchanges } = connect()
    client.send(get(1))
    const { response } = exchanges[0]!
    response.start({ ...PLAIN, headers: ['Trailer', 'X'], hasTrailers: true })
    if (waits) response.write(Buffer.from('abc'))
    response.end(['X', '1', 'Vary', 'no'])
    assert.deepEqual(await client.said(), [`${HEAD} trailer=X`, ...(waits ? ['DATA 1 abc'] : []), 'HEADERS 1 x=1 end'])
  }
})

test('more than Content-Length is cut off; less resets the stream', async () => {
  const { client, exchanges, closed } = connect()
  client.send(get(1), get(3))
  const [more, less] = exchanges.map(({ response }) => response)
  for (const response of [more!, less!]) response.start(HELLO)
  more!.write(Buffer.from('hello and more'))
  more!.end()
  assert.deepEqual((await client.said()).slice(-1), ['DATA 1 hello end'])
  less!.write(Buffer.from('hell'))
  less!.end()
  assert.deepEqual((await client.said()).slice(-1), ['RST_STREAM 3 INTERNAL_ERROR'])
  assert.deepEqual([less!.state, closed()], ['aborted', [1, 1]])
})

test('an abort resets the stream, drops what waits, and may come at any time', async () => {
  const { client, exchanges, closed } = connect()
  client.send(get(1), get(3), get(5))
  exchanges[0]!.response.abort(new Error('no'))
  exchanges[1]!.response.start(PLAIN)
  exchanges[1]!.response.write(Buffer.from('abc'))
  exchanges[1]!.response.abort(new Error('no'))
  answer(exchanges[2]!)
  exchanges[2]!.response.abort(new Error('no'))
  assert.deepEqual(await client.said(), [
    'RST_STREAM 1 INTERNAL_ERROR',
    'HEADERS 3 :status=200',
    'RST_STREAM 3 INTERNAL_ERROR',
    ...hello(5),
  ])
  assert.deepEqual(closed(), [1, 1, 1])
})

test('a client that resets: its handler hears of it once, and what it writes then is ignored', async () => {
  const { client, exchanges, closed } = connect()
  client.send(post(1), get(3))
  let aborted = 0
  for (const exchange of exchanges) exchange.onAborted(() => aborted++)
  const got = pull(exchanges[0]!)
  exchanges[1]!.response.start(PLAIN)
  exchanges[1]!.response.write(Buffer.from('abc'))
  await client.said()
  client.send(reset(1), reset(3), reset(3))
  assert.deepEqual([aborted, closed(), got], [2, [1, 1], ['error the client closed the connection']])
  exchanges[1]!.response.write(Buffer.from('x'))
  exchanges[1]!.response.end()
  exchanges[1]!.response.abort(new Error('no'))
  assert.deepEqual(await client.said(), [])
})

test('interim responses, before the final one only', async () => {
  const { client, exchanges } = connect()
  client.send(get(1))
  const { response } = exchanges[0]!
  const hints = { status: 103, reason: '', headers: ['Link', '</a>', 'Content-Length', '5', 'Connection', 'close'] }
  response.inform(hints)
  assert.deepEqual(await client.said(), ['HEADERS 1 :status=103 link=</a>'])
  answer(exchanges[0]!)
  response.inform(hints)
  assert.deepEqual(await client.said(), hello(1))
})

test('a response is started once, and a wrong one is not started', async () => {
  const { client, exchanges } = connect()
  client.send(get(1))
  const { response } = exchanges[0]!
  for (const headers of [
    ['A', 'b\r\nC: d'],
    ['A\r\nB', 'c'],
    ['A', 'b\0'],
    ['A', '\u010d\u010a'],
  ])
    assert.throws(() => response.start({ ...PLAIN, headers }))
  assert.throws(() => response.start({ ...PLAIN, status: 101 }))
  assert.throws(() => response.inform({ ...PLAIN, status: 101 }))
  answer(exchanges[0]!)
  assert.throws(() => response.start(PLAIN))
  assert.deepEqual(await client.said(), hello(1))
})

// -- windows of the response

test('content waits for the client’s window, and its writer for the content', async () => {
  const { client, exchanges, closed } = connect()
  client.send(settings([Setting.INITIAL_WINDOW_SIZE, 10]), windowUpdate(0, 100_000), get(1))
  const { response } = exchanges[0]!
  let drained = 0
  response.onDrain(() => drained++)
  response.start(PLAIN)
  assert.equal(response.write(Buffer.alloc(60_000)), true)
  assert.equal(response.write(Buffer.alloc(60_000)), false)
  assert.deepEqual(await client.said(), [HEAD, `DATA 1 ${'\0'.repeat(10)}`])
  client.send(windowUpdate(1, 50_000))
  await client.said()
  assert.equal(drained, 0)
  client.send(windowUpdate(1, 60_000))
  await client.said()
  assert.equal(drained, 1)
  response.end()
  client.send(windowUpdate(1, 9990))
  assert.match((await client.said()).at(-1)!, /end$/)
  assert.deepEqual(closed(), [1])
})

test('a window that shrinks below nothing is respected (RFC9113§6.9.2)', async () => {
  const { client, exchanges } = connect()
  client.send(get(1))
  const { response } = exchanges[0]!
  response.start(PLAIN)
  response.write(Buffer.alloc(1000))
  await client.said()
  client.send(settings([Setting.INITIAL_WINDOW_SIZE, 500]))
  response.write(Buffer.from('abcdef'))
  response.end()
  assert.deepEqual(await client.said(), [])
  client.send(windowUpdate(1, 500))
  assert.deepEqual(await client.said(), [])
  client.send(windowUpdate(1, 2))
  assert.deepEqual(await client.said(), ['DATA 1 ab'])
  client.send(settings([Setting.INITIAL_WINDOW_SIZE, 1500]))
  assert.deepEqual(await client.said(), ['DATA 1 cdef end'])
})

test('an end needs no window', async () => {
  const { client, exchanges } = connect()
  client.send(settings([Setting.INITIAL_WINDOW_SIZE, 0]), get(1), get(3))
  exchanges[0]!.response.start(PLAIN)
  exchanges[0]!.response.end()
  exchanges[1]!.response.start({ ...PLAIN, hasTrailers: true })
  exchanges[1]!.response.end(['a', 'b'])
  assert.deepEqual(await client.said(), [HEAD, 'DATA 1 end', 'HEADERS 3 :status=200', 'HEADERS 3 a=b end'])
})

test('windows of a stream: by nothing, and too large, reset it', async () => {
  const { client, closed } = connect()
  client.send(get(1), get(3), windowUpdate(1, 0), windowUpdate(3, 0x7fff_ffff))
  assert.deepEqual(await client.said(), ['RST_STREAM 1 PROTOCOL_ERROR', 'RST_STREAM 3 FLOW_CONTROL_ERROR'])
  assert.deepEqual(closed(), [1, 1])
})

test('settings that make a stream’s window too large end the connection', async () => {
  const { client } = connect()
  client.send(get(1), windowUpdate(1, 0x7fff_ffff - 65_535), settings([Setting.INITIAL_WINDOW_SIZE, 65_536]))
  assert.match((await client.said()).at(-1)!, /^GOAWAY 1 FLOW_CONTROL_ERROR/)
})

test('time-outs: a client that opens no window loses its stream, and only that', async t => {
  const advance = fakeTime(t)
  const { client, transport, exchanges, closed } = connect()
  client.send(settings([Setting.INITIAL_WINDOW_SIZE, 3]), get(1), get(3))
  for (const exchange of exchanges) answer(exchange)
  await tick()
  for (let i = 0; i < 3; i++) {
    advance(700)
    client.send(windowUpdate(3, 1))
    await tick()
  }
  assert.ok((await client.said()).includes('RST_STREAM 1 CANCEL'))
  assert.deepEqual([transport.calls, closed()], [[], [1, 1]])
  client.send(get(5))
  assert.equal(exchanges.length, 3)
})

test('time-outs: a client that opens windows too slowly loses its stream', async t => {
  const advance = fakeTime(t)
  const { client, exchanges } = connect(() => {}, { limits: { sendRate: 100 } })
  client.send(settings([Setting.INITIAL_WINDOW_SIZE, 1]), get(1))
  exchanges[0]!.response.start(PLAIN)
  exchanges[0]!.response.write(Buffer.alloc(1000))
  for (let i = 0; i < 8; i++) {
    await tick()
    advance(400)
    client.send(windowUpdate(1, 1))
  }
  assert.ok((await client.said()).includes('RST_STREAM 1 CANCEL'))
})

test('time-outs: a stream that waits for its sisters has all the time', async t => {
  const advance = fakeTime(t)
  const { client, transport, exchanges } = connect()
  client.send(get(1), get(3), settings([Setting.INITIAL_WINDOW_SIZE, 10_000_000]))
  for (const { response } of exchanges) {
    response.start(PLAIN)
    response.write(Buffer.alloc(100_000))
    response.end()
  }
  const frames = await client.frames()
  for (let i = 0; i < 9; i++) {
    advance(900)
    client.send(windowUpdate(0, 20_000))
    frames.push(...(await client.frames()))
  }
  assert.deepEqual([transport.calls, contentOf(frames, 1).length, contentOf(frames, 3).length], [[], 100_000, 100_000])
})
