import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeTime } from '../http1/testing/connect.ts'
import { FrameType, PREFACE } from './frames.ts'
import { answer, connect, hello, PLAIN, pull, tick } from './testing/connect.ts'
import {
  BEGIN,
  data,
  frame,
  get,
  goAway,
  headers,
  ping,
  post,
  priorityUpdate,
  requestFields,
  reset,
  SETTINGS_ACK,
  Setting,
  settings,
  trailers,
  uint32,
  windowUpdate,
} from './testing/frames.ts'

test('a request is answered, its head and content leave in one write, and the connection stays', async () => {
  const { client, transport, connection, closed } = connect(answer)
  await client.said()
  const before = transport.writes.length
  client.send(get(1))
  assert.deepEqual(await client.said(), hello(1))
  assert.deepEqual([transport.writes.length - before, closed()], [1, [1]])
  assert.ok(connection.isIdle)
  client.send(get(3))
  assert.deepEqual(await client.said(), hello(3))
})

test('requests that come together are answered together, each on its stream', async () => {
  const { client, transport, exchanges } = connect()
  await client.said()
  client.send(get(1, '/a'), get(3, '/b'), get(5, '/c'))
  assert.deepEqual(
    exchanges.map(({ request }) => request.path),
    ['/a', '/b', '/c'],
  )
  const before = transport.writes.length
  for (const exchange of [...exchanges].reverse()) answer(exchange)
  assert.deepEqual(await client.said(), [...hello(5), ...hello(3), ...hello(1)])
  assert.equal(transport.writes.length - before, 1)
})

test('the first frames: our settings and the window of the connection; the answer to the client’s settings', async () => {
  const { client } = connect(answer, { begins: false, http2: { streams: 7 } })
  const [first, second, ...more] = await client.frames()
  assert.deepEqual([first!.type, second!.type, more], [FrameType.SETTINGS, FrameType.WINDOW_UPDATE, []])
  assert.deepEqual([...first!.payload.subarray(0, 6)], [0, 3, 0, 0, 0, 7])
  client.send(BEGIN)
  const [ack] = await client.frames()
  assert.deepEqual([ack!.type, ack!.flags], [FrameType.SETTINGS, 1])
})

test('pings are answered, and answers are not', async () => {
  const { client } = connect()
  client.send(ping('12345678'), ping('abcdefgh', true))
  assert.deepEqual(await client.said(), ['PING 12345678 ack'])
})

for (const [name, mistake, code, why] of [
  ['a preface that is another', [Buffer.from('GET / HTTP/1.1\r\n\r\n')], 'PROTOCOL_ERROR', /preface/],
  ['no SETTINGS first', [PREFACE, ping()], 'PROTOCOL_ERROR', /first frame/],
  ['an acknowledgement of SETTINGS first', [PREFACE, SETTINGS_ACK], 'PROTOCOL_ERROR', /first frame/],
  ['DATA first', [PREFACE, data(1, 'x')], 'PROTOCOL_ERROR', /first frame/],
  ['SETTINGS on a stream', [BEGIN, frame(FrameType.SETTINGS, 0, 1)], 'PROTOCOL_ERROR', /wrong stream/],
  ['PING on a stream', [BEGIN, frame(FrameType.PING, 0, 1, Buffer.alloc(8))], 'PROTOCOL_ERROR', /wrong stream/],
  ['GOAWAY on a stream', [BEGIN, frame(FrameType.GOAWAY, 0, 1, Buffer.alloc(8))], 'PROTOCOL_ERROR', /wrong stream/],
  ['HEADERS on stream 0', [BEGIN, headers(0, requestFields('GET', '/'))], 'PROTOCOL_ERROR', /wrong stream/],
  ['DATA on stream 0', [BEGIN, data(0, 'x')], 'PROTOCOL_ERROR', /stream 0/],
  ['RST_STREAM on stream 0', [BEGIN, reset(0)], 'PROTOCOL_ERROR', /wrong stream/],
  ['PRIORITY on stream 0', [BEGIN, frame(FrameType.PRIORITY, 0, 0, Buffer.alloc(5))], 'PROTOCOL_ERROR', /wrong stream/],
  ['PUSH_PROMISE', [BEGIN, frame(FrameType.PUSH_PROMISE, 4, 1, Buffer.alloc(8))], 'PROTOCOL_ERROR', /PUSH_PROMISE/],
  ['a stream with an even number', [BEGIN, get(2)], 'PROTOCOL_ERROR', /even/],
  ['a stream with a smaller number', [BEGIN, get(5), get(3)], 'PROTOCOL_ERROR', /never opened/],
  ['a request on a stream that has ended', [BEGIN, get(1), get(1)], 'STREAM_CLOSED', /has ended/],
  ['DATA for a stream that is not open', [BEGIN, data(1, 'x')], 'PROTOCOL_ERROR', /not open/],
  ['RST_STREAM for a stream that is not open', [BEGIN, reset(1)], 'PROTOCOL_ERROR', /not open/],
  ['WINDOW_UPDATE for a stream that is not open', [BEGIN, windowUpdate(1, 1)], 'PROTOCOL_ERROR', /not open/],
  ['RST_STREAM for a stream of the server', [BEGIN, get(5), reset(2)], 'PROTOCOL_ERROR', /not open/],
  ['WINDOW_UPDATE for a stream of the server', [BEGIN, get(5), windowUpdate(2, 1)], 'PROTOCOL_ERROR', /not open/],
  ['DATA for a stream of the server', [BEGIN, get(5), data(2, 'x')], 'PROTOCOL_ERROR', /not open/],
  [
    'PRIORITY_UPDATE for a stream of the server (RFC9218§7.1)',
    [BEGIN, get(5), frame(FrameType.PRIORITY_UPDATE, 0, 0, uint32(2))],
    'PROTOCOL_ERROR',
    /not open/,
  ],
  [
    'a dependency on itself of a stream that is not open',
    [BEGIN, get(1), frame(FrameType.PRIORITY, 0, 3, Buffer.concat([uint32(3), Buffer.of(1)]))],
    'PROTOCOL_ERROR',
    /not open/,
  ],
  ['CONTINUATION without HEADERS', [BEGIN, frame(FrameType.CONTINUATION, 4, 1)], 'PROTOCOL_ERROR', /CONTINUATION/],
  ['a frame within a header block', [BEGIN, frame(FrameType.HEADERS, 0, 1), ping()], 'PROTOCOL_ERROR', /between/],
  ['DATA within a header block', [BEGIN, frame(FrameType.HEADERS, 0, 1), data(1, 'x')], 'PROTOCOL_ERROR', /between/],
  [
    'an unknown frame within one',
    [BEGIN, frame(FrameType.HEADERS, 0, 1), frame(99, 0, 0)],
    'PROTOCOL_ERROR',
    /between/,
  ],
  [
    'CONTINUATION of another stream',
    [BEGIN, frame(FrameType.HEADERS, 0, 1), frame(FrameType.CONTINUATION, 4, 3)],
    'PROTOCOL_ERROR',
    /CONTINUATION/,
  ],
  [
    'a header block that cannot be decoded',
    [BEGIN, frame(FrameType.HEADERS, 5, 1, Buffer.from([0x80]))],
    'COMPRESSION_ERROR',
    /index/,
  ],
  ['a window that grows by nothing', [BEGIN, windowUpdate(0, 0)], 'PROTOCOL_ERROR', /grows by nothing/],
  ['a window that is too large', [BEGIN, windowUpdate(0, 0x7fff_ffff)], 'FLOW_CONTROL_ERROR', /too large/],
  ['ENABLE_PUSH 2', [PREFACE, settings([Setting.ENABLE_PUSH, 2])], 'PROTOCOL_ERROR', /ENABLE_PUSH/],
  ['MAX_FRAME_SIZE 1', [PREFACE, settings([Setting.MAX_FRAME_SIZE, 1])], 'PROTOCOL_ERROR', /MAX_FRAME_SIZE/],
  ['a window of 2^31', [PREFACE, settings([Setting.INITIAL_WINDOW_SIZE, 2 ** 31])], 'FLOW_CONTROL_ERROR', /WINDOW/],
  [
    'a frame that is too large',
    [BEGIN, frame(FrameType.DATA, 0, 1, Buffer.alloc(16_385))],
    'FRAME_SIZE_ERROR',
    /larger/,
  ],
  ['SETTINGS of 5 bytes', [BEGIN, frame(FrameType.SETTINGS, 0, 0, Buffer.alloc(5))], 'FRAME_SIZE_ERROR', /SETTINGS/],
  ['PING of 7 bytes', [BEGIN, frame(FrameType.PING, 0, 0, Buffer.alloc(7))], 'FRAME_SIZE_ERROR', /7 bytes/],
  [
    'PRIORITY_UPDATE on a stream',
    [BEGIN, frame(FrameType.PRIORITY_UPDATE, 0, 1, uint32(1))],
    'PROTOCOL_ERROR',
    /wrong stream/,
  ],
  [
    'PRIORITY_UPDATE for stream 0',
    [BEGIN, frame(FrameType.PRIORITY_UPDATE, 0, 0, uint32(0))],
    'PROTOCOL_ERROR',
    /wrong stream/,
  ],
] as const)
  test(`a mistake that ends the connection: ${name}`, async () => {
    const { client, transport, refused, closed, memory } = connect(answer, { begins: false })
    client.send(...mistake, get(99))
    const last = (await client.said()).at(-1)!
    assert.match(last, new RegExp(`^GOAWAY \\d+ ${code} .*${why.source}`))
    assert.equal(refused.length, 1)
    assert.deepEqual(transport.calls, ['end'], 'the client can read it')
    client.send(get(101))
    assert.deepEqual(await client.said(), [], 'nothing behind the mistake is read')
    assert.ok(closed().every(count => count === 1))
    transport.halfClose()
    assert.deepEqual(transport.calls, ['end', 'destroy'])
    await tick()
    assert.deepEqual([memory.used, memory.accounts], [0, 0])
  })

test('a mistake ends what runs: handlers hear that the client has gone, once', async () => {
  const { client, exchanges, closed } = connect()
  let aborted = 0
  client.send(get(1), post(3))
  for (const exchange of exchanges) exchange.onAborted(() => aborted++)
  const got = pull(exchanges[1]!)
  client.send(ping(), data(0, 'x'))
  assert.deepEqual([aborted, closed(), got], [2, [1, 1], ['error the client closed the connection']])
  exchanges[0]!.response.write(Buffer.from('x'))
  exchanges[0]!.response.end()
  assert.match((await client.said()).at(-1)!, /^GOAWAY 3 PROTOCOL_ERROR/)
})

test('a connection that closes takes no endless stream: beyond 4 MiB it is cut', async () => {
  const { transport } = connect(answer, { begins: false })
  transport.receive('nonsense')
  for (let i = 0; i < 50; i++) transport.receive(Buffer.alloc(100_000))
  assert.deepEqual(transport.calls, ['end', 'destroy'])
})

test('frames that nobody knows are skipped, whatever they hold', async () => {
  const { client } = connect(answer)
  client.send(frame(0x55, 0xff, 1, Buffer.alloc(16_000)), frame(0x56, 0, 0), get(1))
  assert.deepEqual(await client.said(), hello(1))
})

test('frames for a stream that has ended are ignored, or a mistake (RFC9113§5.1)', async () => {
  const { client } = connect(answer)
  client.send(get(1), reset(1), windowUpdate(1, 5), frame(FrameType.PRIORITY, 0, 1, Buffer.alloc(5)))
  assert.deepEqual(await client.said(), hello(1))
  client.send(data(1, 'x'))
  assert.match((await client.said()).at(-1)!, /^GOAWAY 1 STREAM_CLOSED/)
})

test('what was on its way when we reset a stream is ignored, and its trailers are decoded', async () => {
  const { client } = connect(answer)
  client.send(post(1))
  assert.deepEqual(await client.said(), [...hello(1), 'RST_STREAM 1 NO_ERROR'])
  client.send(data(1, 'x'.repeat(1000)), windowUpdate(1, 5), trailers(1, [['a', 'b']]), get(3))
  assert.deepEqual(await client.said(), hello(3))
})

test('the window of the connection is given back whatever becomes of the content', async () => {
  const { client } = connect(answer)
  client.send(post(1))
  await client.said()
  const whole = data(1, Buffer.alloc(16_384))
  // For a stream that we have reset: only the window of the connection bounds it.
  for (let i = 0; i < 512; i++) client.send(whole)
  assert.deepEqual(await client.said(), [`WINDOW_UPDATE 0 ${512 * 16_384}`])
})

test('more streams than limit-streams are refused, and may be sent again', async () => {
  const { client, exchanges } = connect(() => {}, { http2: { streams: 2 } })
  client.send(get(1), get(3), post(5), data(5, 'x', true))
  assert.deepEqual(await client.said(), ['RST_STREAM 5 REFUSED_STREAM'])
  answer(exchanges[0]!)
  client.send(get(7))
  assert.equal(exchanges.length, 3)
  assert.deepEqual(await client.said(), hello(1))
})

test('a client that goes away without streams is closed; one with streams gets its answers', async () => {
  const first = connect()
  first.client.send(goAway())
  assert.deepEqual(await first.client.said(), ['GOAWAY 0 NO_ERROR'])
  assert.deepEqual(first.transport.calls, ['end'])
  const second = connect()
  second.client.send(get(1), goAway())
  answer(second.exchanges[0]!)
  assert.deepEqual(await second.client.said(), hello(1))
})

test('a client that half-closes gets its answers, then GOAWAY; what it has not sent completely is gone', async () => {
  const { client, transport, exchanges, closed } = connect()
  client.send(get(1), post(3))
  const got = pull(exchanges[1]!)
  transport.halfClose()
  assert.deepEqual([got, closed()], [['error the client closed the connection'], [0, 1]])
  assert.ok(exchanges[0]!.isHalfClosed)
  answer(exchanges[0]!)
  assert.deepEqual((await client.said()).slice(-3), [...hello(1), 'GOAWAY 3 NO_ERROR'])
  assert.deepEqual(transport.calls, ['end'])
})

test('a client that half-closes opens no window any more: a response that waits for one of its stream ends, others do not', async () => {
  const { client, transport, exchanges, closed } = connect()
  client.send(settings([Setting.INITIAL_WINDOW_SIZE, 5]), get(1), get(3), get(5))
  const [waits, comes, other] = exchanges.map(({ response }) => response)
  waits!.start(PLAIN)
  waits!.write(Buffer.from('hello, world'))
  assert.equal((await client.said()).at(-1), 'DATA 1 hello')
  transport.halfClose()
  assert.deepEqual([await client.said(), closed()], [['RST_STREAM 1 CANCEL'], [1, 0, 0]])
  comes!.start(PLAIN)
  comes!.write(Buffer.from('hello, '))
  assert.deepEqual((await client.said()).slice(-2), ['DATA 3 hello', 'RST_STREAM 3 CANCEL'])
  comes!.write(Buffer.from('world'))
  other!.start(PLAIN)
  other!.write(Buffer.from('hello'))
  other!.end()
  assert.deepEqual((await client.said()).slice(-2), ['DATA 5 hello end', 'GOAWAY 5 NO_ERROR'])
  assert.deepEqual([transport.calls, closed()], [['end'], [1, 1, 1]])
})

test('a client that half-closes opens no window any more: responses that wait for the one of the connection end', async () => {
  const { client, transport, exchanges, closed, memory } = connect()
  client.send(settings([Setting.INITIAL_WINDOW_SIZE, 100_000]), get(1), get(3), get(5), get(7))
  const [first, second, third, fourth] = exchanges.map(({ response }) => response)
  for (const response of [first!, second!]) {
    response.start(PLAIN)
    response.write(Buffer.alloc(60_000))
  }
  await client.said()
  transport.halfClose()
  assert.deepEqual([await client.said(), closed()], [['RST_STREAM 3 CANCEL'], [0, 1, 0, 0]])
  third!.start(PLAIN)
  third!.write(Buffer.from('x'))
  assert.deepEqual((await client.said()).slice(-1), ['RST_STREAM 5 CANCEL'])
  first!.end()
  fourth!.start(PLAIN)
  fourth!.end()
  assert.equal((await client.said()).at(-1), 'GOAWAY 7 NO_ERROR')
  assert.deepEqual([transport.calls, closed(), memory.used], [['end'], [1, 1, 1, 1], 0])
})

test('a client that half-closes without a stream is closed', async () => {
  const { client, transport } = connect()
  await client.said()
  transport.halfClose()
  assert.deepEqual(transport.calls, ['destroy'])
})

test('a client that leaves: each exchange is aborted and closed once, and writes are ignored', async () => {
  const { client, transport, exchanges, closed, connectionClosed, memory } = connect()
  let aborted = 0
  client.send(get(1), post(3), data(3, 'x'.repeat(16_000)))
  exchanges[0]!.response.start(PLAIN)
  exchanges[0]!.response.write(Buffer.alloc(100_000))
  for (const exchange of exchanges) exchange.onAborted(() => aborted++)
  transport.leave()
  await tick()
  assert.deepEqual([aborted, closed(), connectionClosed()], [2, [1, 1], 1])
  exchanges[0]!.response.write(Buffer.from('x'))
  exchanges[0]!.response.end()
  exchanges[1]!.response.end()
  await tick()
  assert.deepEqual([memory.used, memory.accounts], [0, 0])
})

test('destroyed: what waits and GOAWAY leave before the connection closes', async () => {
  const { client, transport, connection, exchanges, closed } = connect()
  client.send(get(1))
  exchanges[0]!.response.start(PLAIN)
  exchanges[0]!.response.write(Buffer.from('abc'))
  connection.destroy()
  assert.deepEqual(transport.calls, ['destroy'])
  assert.deepEqual(await client.said(), ['HEADERS 1 :status=200', 'DATA 1 abc', 'GOAWAY 1 NO_ERROR'])
  assert.deepEqual(closed(), [1])
})

test('destroyed after the client has half-closed: its last answer leaves, and nothing is written behind the end', async () => {
  const { client, transport, connection } = connect(({ response }) => {
    response.start(PLAIN)
    response.write(Buffer.from('abc'))
    response.end()
  })
  client.send(get(1))
  transport.halfClose()
  connection.destroy()
  assert.deepEqual(transport.calls, ['end', 'destroy'])
  assert.deepEqual(await client.said(), ['HEADERS 1 :status=200', 'DATA 1 abc end', 'GOAWAY 1 NO_ERROR'])
})

test('release: never, for no other thread can have its tables', () => {
  const { connection } = connect()
  const told: boolean[] = []
  connection.release(isReleased => told.push(isReleased))
  assert.deepEqual(told, [false])
})

// -- what the connection answers by itself

for (const [name, head, status, content] of [
  [
    'no Host',
    headers(
      1,
      requestFields('GET', '/')
        .slice(0, 2)
        .concat([[':path', '/']]),
    ),
    400,
    /^400 Host is missing/,
  ],
  ['a target that is too long', get(1, `/${'a'.repeat(9000)}`), 414, /limit-request-line/],
  [
    'too many headers',
    get(
      1,
      '/',
      Array.from({ length: 200 }, () => ['a', 'b'] as const),
    ),
    431,
    /limit-request-fields/,
  ],
  [
    'headers that are too long',
    get(
      1,
      '/',
      Array.from({ length: 5 }, () => ['a', 'b'.repeat(500)] as const),
    ),
    431,
    /limit-request-header-size/,
  ],
  ['another expectation', post(1, '/', [['expect', 'cookies']]), 417, /100-continue/],
  [
    'CONNECT',
    headers(1, [
      [':method', 'CONNECT'],
      [':authority', 't:1'],
    ]),
    501,
    /CONNECT/,
  ],
  ['a length that overflows', post(1, '/', [['content-length', '9'.repeat(30)]]), 413, /overflows/],
] as const)
  test(`refused with a status, told once, and the connection goes on: ${name}`, async () => {
    const { client, exchanges, answered, refused } = connect(answer, {
      limits: { headerBytes: 2000, headerCount: 100 },
    })
    client.send(head)
    const frames = await client.frames()
    const answer1 = frames.find(({ type, stream }) => type === FrameType.HEADERS && stream === 1)!
    assert.equal(new Map(answer1.fields).get(':status'), String(status))
    assert.match(frames.find(({ type }) => type === FrameType.DATA)!.payload.toString(), content)
    assert.deepEqual(
      [exchanges.length, refused.length, answered.map(({ response }) => response.status)],
      [0, 1, [status]],
    )
    client.send(get(3))
    assert.deepEqual(await client.said(), hello(3))
  })

test('a refused HEAD has no content; a refusal follows Accept', async () => {
  const { client } = connect(answer)
  client.send(
    headers(1, requestFields('HEAD', '/', [['expect', 'x']])),
    get(3, '/', [
      ['accept', 'application/json'],
      ['expect', 'x'],
    ]),
  )
  const lines = await client.said()
  assert.match(lines[0]!, /^HEADERS 1 :status=417 content-type=text\/plain content-length=\d+ end$/)
  assert.match(lines[1]!, /^HEADERS 3 :status=417 content-type=application\/json/)
})

test('a malformed request is told to both logs once, and resets its stream only', async () => {
  const { client, exchanges, answered, refused } = connect(answer)
  client.send(headers(1, requestFields('GET', '/', [['connection', 'close']])), get(3))
  assert.deepEqual(await client.said(), ['RST_STREAM 1 PROTOCOL_ERROR', ...hello(3)])
  assert.deepEqual([exchanges.length, refused.length, answered.length], [1, 1, 1])
})

test('OPTIONS * is answered without a handler, and told to the access log once', async () => {
  const { client, exchanges, answered } = connect(answer)
  client.send(headers(1, requestFields('OPTIONS', '*')))
  assert.match((await client.said())[0]!, /^HEADERS 1 :status=204 allow=GET.* end$/)
  assert.deepEqual(
    [exchanges.length, answered.map(({ request, response }) => [request.target, response.status])],
    [0, [['*', 204]]],
  )
})

test('a priority decides who is written first; PRIORITY_UPDATE changes it', async () => {
  const { client, exchanges } = connect()
  client.send(settings([Setting.INITIAL_WINDOW_SIZE, 1_000_000]), get(1), get(3), get(5, '/', [['priority', 'u=0']]))
  client.send(priorityUpdate(3, 'u=1'))
  for (const { response } of exchanges) {
    response.start(PLAIN)
    response.write(Buffer.alloc(20_000))
    response.end()
  }
  const order = (await client.frames())
    .filter(({ type, stream }) => type === FrameType.DATA && stream > 0)
    .map(({ stream }) => stream)
  assert.deepEqual(order, [5, 5, 3, 3, 1, 1])
})

// -- time

test('time-outs: a preface that does not come', async t => {
  const advance = fakeTime(t)
  const { client, transport } = connect(answer, { begins: false })
  for (const byte of PREFACE.subarray(0, 10)) {
    client.send(Buffer.from([byte]))
    advance(150)
  }
  assert.match((await client.said()).at(-1)!, /GOAWAY 0 PROTOCOL_ERROR .*in time/)
  assert.deepEqual(transport.calls, ['end'])
  advance(2500)
  assert.deepEqual(transport.calls, ['end', 'destroy'])
})

test('time-outs: a header block that does not come to its end, however often a byte arrives', async t => {
  const advance = fakeTime(t)
  const { client } = connect(answer)
  const bytes = headers(1, requestFields('GET', '/', [['x', 'y'.repeat(40)]]), { pieces: 2 })
  const before = bytes.length - 20
  client.send(bytes.subarray(0, before))
  for (let i = 0; i < 10; i++) {
    client.send(bytes.subarray(before + i, before + i + 1))
    advance(150)
  }
  assert.match((await client.said()).at(-1)!, /GOAWAY 0 PROTOCOL_ERROR .*in time/)
})

test('time-outs: an idle connection gets GOAWAY; one with a stream that runs does not', async t => {
  const advance = fakeTime(t)
  const { client, transport, exchanges } = connect()
  client.send(get(1))
  advance(10_000)
  assert.deepEqual(transport.calls, [])
  answer(exchanges[0]!)
  await client.said()
  advance(1500)
  client.send(get(3))
  advance(1500)
  answer(exchanges[1]!)
  await client.said()
  advance(1900)
  assert.deepEqual(transport.calls, [])
  advance(700)
  assert.deepEqual(await client.said(), ['GOAWAY 3 NO_ERROR'])
  assert.deepEqual(transport.calls, ['end'])
  advance(2500)
  assert.deepEqual(transport.calls, ['end', 'destroy'])
})

test('time-outs: a preface that comes in pieces leaves the connection its keep-alive time', async t => {
  const advance = fakeTime(t)
  const { client, transport } = connect(answer, { begins: false, timeouts: { head: 1000, keepAlive: 5000 } })
  client.send(BEGIN.subarray(0, 5))
  client.send(BEGIN.subarray(5))
  advance(4000)
  assert.deepEqual(transport.calls, [])
  advance(2000)
  assert.deepEqual(transport.calls, ['end'])
})

for (const [name, block] of [
  ['trailers', trailers(1, [['a', 'b']])],
  ['a malformed request', headers(3, [[':method', 'GET']])],
  [
    'a request that is refused',
    headers(
      3,
      requestFields('GET', '/').filter(([field]) => field !== ':authority'),
    ),
  ],
  ['what comes for a stream that was reset', trailers(5, [['a', 'b']])],
] as const)
  test(`time-outs: a header block that came in pieces does not end what runs: ${name}`, async t => {
    const advance = fakeTime(t)
    const { client, transport, exchanges } = connect(exchange => {
      if (exchange.request.path === '/now') answer(exchange)
    })
    client.send(post(1, '/'))
    pull(exchanges[0]!)
    if (name.startsWith('what')) client.send(post(5, '/now'))
    client.send(data(1, 'x'))
    // The last frame of the block comes in a read of its own.
    const cut = Buffer.from(block)
    cut[4]! &= ~0x4
    client.send(cut)
    client.send(frame(FrameType.CONTINUATION, 0x4, cut.readUInt32BE(5)))
    if (name !== 'trailers') client.send(data(1, 'y', true))
    advance(5000)
    assert.deepEqual(transport.calls, [])
    answer(exchanges[0]!)
    assert.ok((await client.said()).includes('DATA 1 hello end'))
  })

test('time-outs: a client that takes nothing of the connection is cut', async t => {
  const advance = fakeTime(t)
  const { client, transport, exchanges } = connect()
  client.send(get(1))
  transport.reading = false
  answer(exchanges[0]!)
  await tick()
  advance(900)
  assert.deepEqual(transport.calls, [])
  advance(1500)
  assert.deepEqual(transport.calls, ['destroy'])
})

test('time-outs: a client that opens no window of the connection is cut; one that opens it is not', async t => {
  const advance = fakeTime(t)
  for (const opens of [true, false]) {
    const { client, transport, exchanges } = connect()
    client.send(windowUpdate(0, 1), get(1), settings([Setting.INITIAL_WINDOW_SIZE, 1_000_000]))
    exchanges[0]!.response.start(PLAIN)
    exchanges[0]!.response.write(Buffer.alloc(200_000))
    await tick()
    for (let i = 0; i < 5; i++) {
      advance(900)
      if (opens) client.send(windowUpdate(0, 1000))
      await tick()
    }
    assert.deepEqual(transport.calls, opens ? [] : ['destroy'])
    transport.leave()
    await tick()
  }
})
