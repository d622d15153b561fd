/** Compression (RFC7692): what is agreed on, when it is used, how much memory it may take. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { fakeTime } from '../http1/testing/connect.ts'
import { negotiate } from './handshake.ts'
import { BINARY, Client, frame, PING, PONG, TEXT } from './testing/client.ts'

const OFFER = 'permessage-deflate; client_max_window_bits'
const OURS = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12'

function answerTo(extensions: string): string | undefined {
  const request = ['sec-websocket-version', '13', 'sec-websocket-extensions', extensions]
  return negotiate(request, { subprotocol: '', headers: [] }).headers[1]
}

/** The parameters as a set: their order means nothing. */
function parameters(extension: string | undefined): string[] {
  return (extension ?? 'none').split('; ').sort()
}

describe('what is agreed on (RFC7692§7.1)', () => {
  for (const [offer, answer] of [
    ['permessage-deflate', OURS],
    [OFFER, `${OURS}; client_max_window_bits=12`],
    ['permessage-deflate; client_max_window_bits=15', `${OURS}; client_max_window_bits=12`],
    ['permessage-deflate; client_max_window_bits=9', `${OURS}; client_max_window_bits=9`],
    ['permessage-deflate; server_max_window_bits=15', OURS],
    ['permessage-deflate; server_max_window_bits=10', OURS.replace('12', '10')],
    ['permessage-deflate; server_no_context_takeover', OURS],
    ['permessage-deflate; client_no_context_takeover', OURS],
    // zlib cannot do this: the next offer counts, or none.
    ['permessage-deflate; server_max_window_bits=8', 'none'],
    ['permessage-deflate; server_max_window_bits=8, permessage-deflate', OURS],
    // Malformed offers are declined.
    ['permessage-deflate; server_max_window_bits', 'none'],
    ['permessage-deflate; server_max_window_bits=16', 'none'],
    ['permessage-deflate; client_max_window_bits=7', 'none'],
    ['permessage-deflate; client_no_context_takeover=1', 'none'],
    ['permessage-deflate; unknown', 'none'],
    ['permessage-deflate; unknown, permessage-deflate', OURS],
    ['x-webkit-deflate-frame', 'none'],
    ['permessage-bzip2, permessage-deflate', OURS],
  ] as const) {
    test(offer, () => assert.deepEqual(parameters(answerTo(offer)), parameters(answer)))
  }
})

function deflated(data: Buffer): Buffer {
  return deflateRawSync(data, { finishFlush: 2 }).subarray(0, -4)
}

test('messages of 1024 bytes and more are compressed, and in order with the others', async () => {
  const client = new Client({ extensions: OFFER })
  const texts = ['a'.repeat(1024), 'b', 'c'.repeat(5000), 'd'.repeat(1023)]
  for (const text of texts) client.socket.send(Buffer.from(text), true)
  while (client.transport.writes.length === 0 || client.frames.length < 4) await new Promise(setImmediate)
  assert.deepEqual(
    client.frames.map(({ compressed }) => compressed),
    [true, false, true, false],
  )
  const received = client.frames.map(({ compressed, payload }) =>
    compressed
      ? inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]), { finishFlush: 2 })
      : payload,
  )
  assert.deepEqual(received.map(String), texts)
})

test('pings that come while a message is compressed: the last is answered, behind it', async () => {
  const client = new Client({ extensions: OFFER })
  client.socket.send(Buffer.alloc(50_000), false)
  client.receive(...['a', 'b', 'c'].map(data => frame(PING, data)))
  while (client.transport.writes.length === 0 || client.frames.length < 2) await new Promise(setImmediate)
  assert.deepEqual(
    client.frames.map(({ opcode }) => opcode),
    [BINARY, PONG],
  )
  assert.equal(client.frames[1]?.payload.toString(), 'c')
})

test('a close goes behind what is being compressed, and the stream ends behind both', async () => {
  const client = new Client({ extensions: OFFER })
  client.socket.send(Buffer.alloc(50_000), false)
  client.socket.goAway(1001, '')
  assert.deepEqual(client.transport.calls, [])
  while (client.transport.calls.length === 0) await new Promise(setImmediate)
  assert.deepEqual(
    client.frames.map(({ opcode }) => opcode),
    [BINARY, 8],
  )
})

test('the connection breaks while something is compressed and something inflated', async () => {
  const client = new Client({ extensions: OFFER })
  client.socket.send(Buffer.alloc(90_000), false)
  client.receive(frame(TEXT, deflated(Buffer.alloc(90_000, 'x')), { rsv: 4 }))
  client.transport.leave()
  await client.told(2)
  assert.equal(client.messages[0]?.length, 90_000, 'it came whole')
  assert.deepEqual([client.events.slice(1), client.ended], [['closed 1006 ""'], 1])
  // All connections share the turns at compressing: one that breaks must give its turn back.
  for (let i = 0; i < 30; i++) {
    const other = new Client({ extensions: OFFER })
    other.receive(frame(TEXT, deflated(Buffer.alloc(90_000, 'x')), { rsv: 4 }))
    other.transport.leave()
    await other.told(2)
  }
  const last = new Client({ extensions: OFFER })
  last.receive(frame(TEXT, deflated(Buffer.from('still')), { rsv: 4 }))
  await last.told(1)
  assert.deepEqual(last.events, ['text "still"'])
})

test('a bomb stops at the limit of a message: 1009', async () => {
  const client = new Client({ extensions: OFFER })
  const bomb = deflated(Buffer.alloc(50_000_000))
  assert.ok(bomb.length < 100_000)
  client.receive(frame(BINARY, bomb, { rsv: 4 }))
  await client.told(1)
  assert.deepEqual(client.events, ['closed 1009 "a message is larger than 100000 bytes"'])
})

test('compressed fragments above the limit together: 1009', async () => {
  const client = new Client({ extensions: OFFER })
  const bytes = deflated(Buffer.alloc(150_000))
  client.receive(
    frame(BINARY, bytes.subarray(0, 80), { rsv: 4, fin: false }),
    frame(0, bytes.subarray(80), { fin: true }),
  )
  await client.told(1)
  assert.match(client.events[0]!, /^closed 1009/)
})

test('RFC7692§7.2.2 what is not deflated: 1007', async () => {
  const client = new Client({ extensions: OFFER })
  client.receive(frame(TEXT, Buffer.from([0xff, 0xff, 0xff]), { rsv: 4 }))
  await client.told(1)
  assert.deepEqual(client.events, ['closed 1007 "a compressed message is malformed (RFC7692§7.2.2)"'])
})

test('RFC6455§8.1 a compressed text is UTF-8 too: 1007', async () => {
  const client = new Client({ extensions: OFFER })
  client.receive(frame(TEXT, deflated(Buffer.from([0xff])), { rsv: 4 }))
  await client.told(1)
  assert.match(client.events[0]!, /^closed 1007/)
})

for (const [name, bytes] of [
  ['on a continuation', [frame(TEXT, 'a', { fin: false }), frame(0, 'b', { rsv: 4 })]],
  ['on a control frame', [frame(9, '', { rsv: 4 })]],
] as const) {
  test(`RFC7692§6.1 the bit of compression ${name}: 1002`, () => {
    const client = new Client({ extensions: OFFER })
    client.receive(...bytes)
    assert.match(client.events[0]!, /^closed 1002/)
  })
}

test('while a message is inflated, the stream pauses when 64 KiB wait', async () => {
  const client = new Client({ extensions: OFFER, maxMessage: 10_000_000 })
  client.receive(frame(TEXT, deflated(Buffer.alloc(5_000_000, 'x')), { rsv: 4 }))
  for (let i = 0; i < 5; i++) client.receive(frame(BINARY, Buffer.alloc(20_000)))
  assert.deepEqual([client.events, client.transport.paused], [[], true])
  await client.told(6)
  assert.equal(client.transport.paused, false)
})

test('after a silence zlib starts anew, and what is in fragments goes on', async t => {
  const pass = fakeTime(t)
  const client = new Client({ extensions: OFFER, timeouts: { send: 5000, websocketPing: 20_000, websocketPong: 0 } })
  const text = 'jumak '.repeat(1000)
  const bytes = deflated(Buffer.from(text))
  client.receive(frame(TEXT, bytes, { rsv: 4 }))
  await client.told(1)
  pass(50_000)
  client.receive(frame(TEXT, bytes.subarray(0, 10), { rsv: 4, fin: false }))
  await new Promise(setImmediate)
  pass(50_000)
  client.receive(frame(0, bytes.subarray(10)))
  await client.told(2)
  assert.deepEqual(client.messages.map(String), [text, text])
})

test('messages that end with a last block, one behind the other: all come, whatever stands behind the block', async () => {
  for (const behind of ['', 'x', 'xxxxxxxx']) {
    const client = new Client({ extensions: OFFER })
    const message = Buffer.concat([deflateRawSync('hello'), Buffer.from(behind)])
    client.receive(...Array.from({ length: 5 }, () => frame(TEXT, message, { rsv: 4 })))
    await client.told(5)
    assert.deepEqual(
      client.events,
      Array.from({ length: 5 }, () => 'text "hello"'),
    )
    client.transport.leave()
    await client.told(6)
  }
})
