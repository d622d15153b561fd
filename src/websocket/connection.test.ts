/** The closing handshake from our side, back-pressure, pings, time. With a client in memory, and mocked time where it matters. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fakeTime } from '../http1/testing/connect.ts'
import { BINARY, Client, closeFrame, frame, PING, PONG, TEXT } from './testing/client.ts'

const KIB = 1024

describe('closing (RFC6455§7)', () => {
  test('our close frame, its answer, the end of the stream', async () => {
    const client = new Client()
    client.socket.close(1000, 'bye')
    assert.deepEqual(await client.sent(), ['close 1000 "bye"'])
    assert.deepEqual([client.events, client.transport.calls], [[], []])
    client.receive(closeFrame(1000, 'you too'))
    assert.deepEqual(client.events, ['closed 1000 "you too"'])
    assert.deepEqual(client.transport.calls, ['end'])
    assert.equal(client.socket.isClosed, true)
    assert.deepEqual(await client.sent(), ['close 1000 "bye"'])
  })

  test('both at once: each is the answer of the other', async () => {
    const client = new Client()
    client.socket.close(1000, '')
    client.receive(closeFrame(1001))
    assert.deepEqual(await client.sent(), ['close 1000 ""'])
    assert.deepEqual(client.events, ['closed 1001 ""'])
  })

  test('what was sent before the close goes before it, nothing after it', async () => {
    const client = new Client()
    client.socket.send(Buffer.from('a'), true)
    client.socket.close(4000, '')
    client.socket.send(Buffer.from('b'), true)
    client.socket.close(4001, '')
    client.receive(frame(PING, 'still there?'))
    assert.deepEqual(await client.sent(), ['text "a"', 'close 4000 ""'])
  })

  test('no message is told after our close, and a pause is over', async () => {
    const client = new Client()
    client.socket.pause()
    client.receive(frame(TEXT, 'a'))
    client.socket.close(1000, '')
    assert.equal(client.transport.paused, false)
    client.receive(frame(TEXT, 'b'), closeFrame(1000))
    assert.deepEqual(client.events, ['closed 1000 ""'])
  })

  for (const code of [0, 999, 1004, 1006, 1015, 2000, 5000, 1000.5, Number.NaN]) {
    test(`RFC6455§7.4 ${code} is never sent: 1011 in its place`, async () => {
      const client = new Client()
      client.socket.close(code, '')
      assert.deepEqual(await client.sent(), ['close 1011 ""'])
    })
  }

  test('RFC6455§7.4 1005 is no code: an empty frame', async () => {
    const client = new Client()
    client.socket.close(1005, 'not sent')
    assert.deepEqual(await client.sent(), ['close'])
  })

  test('RFC6455§5.5 the reason is cut to 123 bytes, never within a character', async () => {
    const client = new Client()
    client.socket.close(1000, `x${'€'.repeat(60)}`)
    assert.deepEqual(await client.sent(), [`close 1000 "x${'€'.repeat(40)}"`])
  })

  test('a client that does not answer our close is closed after a while: 1006', async t => {
    const pass = fakeTime(t)
    const client = new Client()
    client.socket.close(1000, '')
    await client.sent()
    pass(9000)
    assert.deepEqual(client.transport.calls, [])
    pass(2000)
    await client.told(1)
    assert.deepEqual([client.events, client.transport.calls], [['closed 1006 ""'], ['destroy']])
  })

  test('a client that does not close the stream after the handshake is cut after a while', async t => {
    const pass = fakeTime(t)
    const client = new Client()
    client.receive(closeFrame(1000))
    pass(3000)
    await client.told(2)
    assert.deepEqual([client.events, client.transport.calls, client.ended], [['closed 1000 ""'], ['end', 'destroy'], 1])
  })

  test('a failed client that goes on sending is read, up to a bound', async () => {
    const client = new Client()
    client.receive(frame(TEXT, 'a', { masked: false }))
    for (let i = 0; i < 70; i++) client.receive(Buffer.alloc(64 * KIB))
    assert.deepEqual(client.transport.calls, ['end', 'destroy'])
  })

  test('the connection breaks: 1006, once, and nothing after it', async () => {
    const client = new Client()
    client.transport.leave()
    await client.told(1)
    assert.deepEqual([client.events, client.ended], [['closed 1006 ""'], 1])
    client.socket.send(Buffer.from('a'), true)
    client.socket.close(1000, '')
    client.socket.goAway(1001, '')
    client.socket.pause()
    client.socket.resume()
    assert.deepEqual([await client.sent(), client.events.length], [[], 1])
  })

  test('a FIN without a close frame: 1006', async () => {
    const client = new Client()
    client.receive(frame(TEXT, 'last'))
    client.transport.halfClose()
    assert.deepEqual(client.events, ['text "last"', 'closed 1006 ""'])
    assert.deepEqual(client.transport.calls, ['end'])
  })

  test('going away: the frame is sent, its answer not waited for', async () => {
    const client = new Client()
    client.socket.goAway(1001, '')
    assert.deepEqual(client.events, ['closed 1001 ""'])
    assert.deepEqual([await client.sent(), client.transport.calls], [['close 1001 ""'], ['end']])
  })
})

describe('pressure', () => {
  test('frames of one turn leave in one write', async () => {
    const client = new Client()
    for (const text of ['a', 'b', 'c']) client.socket.send(Buffer.from(text), true)
    assert.deepEqual(await client.sent(), ['text "a"', 'text "b"', 'text "c"'])
    assert.equal(client.transport.writes.length, 1)
  })

  test('frames of several writes stay in order', async () => {
    const client = new Client()
    const sizes = [1, 100_000, 2, 3, 60_000, 10_000]
    for (const size of sizes) client.socket.send(Buffer.alloc(size), false)
    assert.deepEqual(
      await client.sent(),
      sizes.map(size => `binary ${size}`),
    )
    assert.equal(
      client.socket.bytesSent,
      client.transport.writes.reduce((sum, data) => sum + data.length, 0),
    )
  })

  test('more than the mark in one turn: false, and drained when the stream has taken it', async () => {
    const client = new Client()
    assert.equal(client.socket.send(Buffer.alloc(10), false), true)
    assert.equal(client.socket.send(Buffer.alloc(65 * KIB), false), false)
    await client.sent()
    assert.deepEqual(client.events, ['drain'])
  })

  test('a client that takes nothing: false until it does', async () => {
    const client = new Client()
    client.transport.reading = false
    client.socket.send(Buffer.from('a'), true)
    await client.sent()
    assert.equal(client.socket.send(Buffer.from('b'), true), false)
    await client.sent()
    assert.deepEqual(client.events, [])
    client.transport.drain()
    assert.deepEqual(client.events, ['drain'])
    assert.equal(client.socket.send(Buffer.from('c'), true), true)
  })

  test('a client that takes nothing for too long: 1006', async t => {
    const pass = fakeTime(t)
    const client = new Client()
    client.transport.reading = false
    client.socket.send(Buffer.from('a'), true)
    await client.sent()
    pass(6000)
    await client.told(1)
    assert.deepEqual([client.events, client.transport.calls], [['closed 1006 ""'], ['destroy']])
  })

  test('a slow client that takes something now and then stays', async t => {
    const pass = fakeTime(t)
    const client = new Client()
    client.transport.reading = false
    client.socket.send(Buffer.alloc(1000), false)
    await client.sent()
    for (let i = 0; i < 5; i++) {
      pass(4000)
      client.transport.pendingBytes -= 100
    }
    assert.deepEqual(client.transport.calls, [])
  })

  test('a client that takes nothing is not cut by the time limit of closing, but by that of sending', async t => {
    const pass = fakeTime(t)
    const client = new Client({ timeouts: { send: 30_000, websocketPing: 0, websocketPong: 0 } })
    client.transport.reading = false
    client.socket.send(Buffer.alloc(1000), false)
    client.socket.close(1000, '')
    await client.sent()
    pass(20_000)
    assert.deepEqual(client.transport.calls, [])
    pass(15_000)
    assert.deepEqual(client.transport.calls, ['destroy'])
  })

  test('a flood of pings from a client that takes nothing: only the last is answered (RFC6455§5.5.3)', async () => {
    const client = new Client()
    client.transport.reading = false
    client.receive(frame(PING, '0'))
    await client.sent()
    for (let i = 1; i < 1000; i++) client.receive(frame(PING, String(i)))
    assert.deepEqual(await client.sent(), ['pong "0"'])
    client.transport.drain()
    assert.deepEqual(await client.sent(), ['pong "0"', 'pong "999"'])
  })

  test('paused, the stream stops and no message comes, not even of the same read', () => {
    const client: Client = new Client({ onMessage: () => client.socket.pause() })
    client.receive(frame(TEXT, 'a'), frame(TEXT, 'b'), frame(TEXT, 'c'), closeFrame(1000))
    assert.deepEqual([client.events, client.transport.paused], [['text "a"'], true])
    client.socket.resume()
    assert.deepEqual([client.events, client.transport.paused], [['text "a"', 'text "b"'], true])
    client.socket.resume()
    assert.deepEqual([client.events.length, client.transport.paused], [3, true])
    client.socket.resume()
    assert.deepEqual([client.events.at(-1), client.transport.paused], ['closed 1000 ""', false])
  })

  test('resumed from within a message, the next ones come in order', () => {
    const client: Client = new Client({
      onMessage: () => {
        client.socket.pause()
        client.socket.resume()
      },
    })
    client.receive(frame(TEXT, 'a'), frame(TEXT, 'b'), frame(TEXT, 'c'))
    assert.deepEqual(client.events, ['text "a"', 'text "b"', 'text "c"'])
  })

  test('what is wrong behind a pause is told after it', () => {
    const client: Client = new Client({ onMessage: () => client.socket.pause() })
    client.receive(frame(TEXT, 'a'), frame(TEXT, 'b'), frame(3, ''))
    assert.deepEqual(client.events, ['text "a"'])
    client.socket.resume()
    client.socket.resume()
    assert.match(client.events.join(), /^text "a",text "b",closed 1002/)
  })

  test('paused, at most one slice of the read has been made into messages', () => {
    const client: Client = new Client({ onMessage: () => client.socket.pause() })
    const count = 10_000
    client.receive(...Array.from({ length: count }, () => frame(TEXT)))
    assert.deepEqual(client.events.length, 1)
    for (let i = 1; i < count; i++) client.socket.resume()
    assert.equal(client.events.length, count)
  })

  test("the buffer of a message is the receiver's: the transport's may change", () => {
    const client = new Client()
    const bytes = frame(BINARY, 'abc')
    client.transport.handler.onData(bytes)
    bytes.fill(0)
    assert.equal(client.messages[0]?.toString(), 'abc')
  })
})

describe('pings', () => {
  test('a silent client is asked, and stays when it answers', async t => {
    const pass = fakeTime(t)
    const client = new Client()
    for (let round = 1; round <= 3; round++) {
      pass(21_000)
      assert.deepEqual(await client.sent(), Array(round).fill('ping ""'))
      client.receive(frame(PONG))
      pass(21_000)
    }
    assert.deepEqual([client.events, client.transport.calls], [[], []])
  })

  test('one that does not answer is taken for broken: 1006', async t => {
    const pass = fakeTime(t)
    const client = new Client()
    pass(42_000)
    await client.told(1)
    assert.deepEqual([client.events, client.transport.calls], [['closed 1006 ""'], ['destroy']])
  })

  test('a client that sends is not asked', async t => {
    const pass = fakeTime(t)
    const client = new Client()
    for (let i = 0; i < 10; i++) {
      client.receive(frame(TEXT, 'a'))
      pass(15_000)
    }
    assert.deepEqual(await client.sent(), [])
  })

  test('bytes of a long message count as an answer', async t => {
    const pass = fakeTime(t)
    const client = new Client()
    const bytes = frame(BINARY, Buffer.alloc(1000))
    pass(21_000)
    for (let at = 0; at < bytes.length; at += 200) {
      client.receive(bytes.subarray(at, at + 200))
      pass(15_000)
    }
    assert.deepEqual([client.events, client.transport.calls], [['binary 1000'], []])
  })

  test('nothing is asked of a client whose frames we do not read: it is sent pongs, which fail when it has gone', async t => {
    const pass = fakeTime(t)
    const client = new Client()
    client.socket.pause()
    pass(200_000)
    assert.deepEqual([new Set(await client.sent()), client.transport.calls], [new Set(['pong ""']), []])
    const count = client.frames.length
    assert.ok(count > 10, `${count} in 200 s`)
    client.socket.resume()
    pass(200_000)
    assert.deepEqual(client.transport.calls, ['destroy'])
  })

  test('switched off', async t => {
    const pass = fakeTime(t)
    const client = new Client({ timeouts: { send: 5000, websocketPing: 0, websocketPong: 0 } })
    pass(200_000)
    assert.deepEqual([await client.sent(), client.transport.calls], [[], []])
  })

  test('asked without a limit for the answer', async t => {
    const pass = fakeTime(t)
    const client = new Client({ timeouts: { send: 5000, websocketPing: 20_000, websocketPong: 0 } })
    pass(64_000)
    assert.deepEqual([await client.sent(), client.transport.calls], [Array(3).fill('ping ""'), []])
  })
})
