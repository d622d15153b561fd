/** WebSockets on a stream (RFC8441), with the real engine of WebSockets. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryBudget } from '../base/memory-budget.ts'
import type { Exchange } from '../http/exchange.ts'
import { CloseCode, type WebSocketChannel, type WebSocketEvents } from '../http/websocket.ts'
import { closeFrame, readFrames, TEXT, frame as webSocketFrame } from '../websocket/testing/client.ts'
import { answer, connect, contentOf, hello, PLAIN, tick } from './testing/connect.ts'
import {
  data,
  type Fields,
  get,
  headers,
  requestFields,
  reset,
  Setting,
  settings,
  trailers,
  windowUpdate,
} from './testing/frames.ts'

const VERSION = [['sec-websocket-version', '13']] as const

function connectTo(stream: number, protocol = 'websocket', more: Fields = VERSION): Buffer {
  return headers(stream, requestFields('CONNECT', '/chat', [[':protocol', protocol], ...more]), { isLast: false })
}

interface Log {
  readonly events: string[]
  channel: WebSocketChannel
}

function accept(exchange: Exchange, more: Partial<WebSocketEvents> = {}): Log {
  const events: string[] = []
  const channel = exchange.acceptWebSocket(
    { subprotocol: '', headers: ['X-A', 'b'] },
    {
      onMessage: message => events.push(message.toString()),
      onDrain: () => events.push('drain'),
      onClose: code => events.push(`close ${code}`),
      ...more,
    },
  )
  return { events, channel }
}

const text = (content: string) => webSocketFrame(TEXT, content)

test('what the application adds to the answer has no blanks around it, which a client of HTTP/2 would refuse', async () => {
  const { client, exchanges } = connect()
  client.send(connectTo(1))
  const events = { onMessage() {}, onDrain() {}, onClose() {} }
  exchanges[0]!.acceptWebSocket({ subprotocol: '', headers: ['Set-Cookie', ' a=b;\t'] }, events)
  assert.deepEqual(await client.said(), ['HEADERS 1 :status=200 set-cookie=a=b;'])
})

test('messages both ways, and a close that the client begins', async () => {
  const { client, exchanges, closed } = connect()
  client.send(connectTo(1))
  const { request, isWebSocket } = exchanges[0]!
  assert.deepEqual([request.method, request.path, isWebSocket, exchanges[0]!.body.length], ['GET', '/chat', true, 0])
  exchanges[0]!.checkWebSocket()
  const { events, channel } = accept(exchanges[0]!)
  assert.deepEqual(await client.said(), ['HEADERS 1 :status=200 x-a=b'])
  const frame = data(1, text('hello'))
  // Cut anywhere, by frames and by reads.
  client.send(frame.subarray(0, 12))
  client.send(frame.subarray(12), data(1, text('you').subarray(0, 3)), data(1, text('you').subarray(3), false, 7))
  await tick()
  assert.deepEqual(events, ['hello', 'you'])
  channel.send(Buffer.from('hi'), true)
  const [sent] = readFrames(contentOf(await client.frames(), 1))
  assert.equal(sent!.payload.toString(), 'hi')
  client.send(data(1, closeFrame(1000)), data(1, '', true))
  const lines = await client.said()
  assert.deepEqual([events.at(-1), closed()], ['close 1000', [1]])
  assert.match(lines.at(-1)!, /^DATA 1 .*end$/)
  client.send(get(3))
  answer(exchanges[1]!)
  assert.deepEqual(await client.said(), hello(3))
})

test('a close that we begin, and the client answers', async () => {
  const { client, exchanges, closed } = connect()
  client.send(connectTo(1))
  const { events, channel } = accept(exchanges[0]!)
  channel.close(1001, 'bye')
  await tick()
  client.send(data(1, closeFrame(1001), true))
  await client.said()
  assert.deepEqual([events, closed()], [['close 1001'], [1]])
})

test('the client resets, or its connection breaks: 1006, and the exchange ends once', async () => {
  for (const end of ['reset', 'leave', 'half-close', 'end'] as const) {
    const memory = new MemoryBudget()
    const { client, transport, exchanges, closed } = connect(() => {}, { memory })
    client.send(connectTo(1))
    const { events } = accept(exchanges[0]!)
    if (end === 'reset') client.send(reset(1))
    else if (end === 'leave') transport.leave()
    else if (end === 'half-close') transport.halfClose()
    else client.send(data(1, '', true))
    await client.said()
    assert.deepEqual([events, closed()], [['close 1006'], [1]], end)
    transport.leave()
    await tick()
    assert.equal(memory.used, 0)
  }
})

test('a gateway that ends tells each client why', async () => {
  const { client, connection, exchanges, closed } = connect()
  client.send(connectTo(1), connectTo(3))
  const logs = exchanges.map(exchange => accept(exchange))
  await client.said()
  connection.destroy()
  const frames = await client.frames()
  for (const stream of [1, 3])
    assert.equal(readFrames(contentOf(frames, stream))[0]!.payload.readUInt16BE(), CloseCode.GOING_AWAY)
  assert.deepEqual(
    [logs.map(({ events }) => events), closed()],
    [
      [['close 1001'], ['close 1001']],
      [1, 1],
    ],
  )
})

test('an application that is slow: the stream’s window stays closed, and opens when it goes on', async () => {
  const { client, exchanges } = connect()
  client.send(connectTo(1, 'websocket', [...VERSION, ['content-length', '0']]))
  const { events, channel } = accept(exchanges[0]!)
  await client.said()
  channel.pause()
  const message = text('x'.repeat(10_000))
  for (let i = 0; i < 6; i++) client.send(data(1, message))
  assert.deepEqual(
    (await client.said()).filter(line => line.startsWith('WINDOW_UPDATE 1')),
    [],
  )
  channel.resume()
  const lines = await client.said()
  assert.equal(events.length, 6)
  assert.equal(lines.filter(line => line.startsWith('WINDOW_UPDATE 1')).length, 1)
})

test('a client that is slow: the application waits, and hears when it may go on', async () => {
  const { client, exchanges } = connect()
  client.send(settings([Setting.INITIAL_WINDOW_SIZE, 0]), windowUpdate(0, 1_000_000), connectTo(1))
  const { events, channel } = accept(exchanges[0]!)
  let sent = 0
  while (channel.send(Buffer.alloc(10_000, 'x'), true)) sent++
  assert.ok(sent > 0 && sent < 100)
  client.send(windowUpdate(1, 1_000_000))
  await client.said()
  assert.deepEqual(events, ['drain'])
})

test('what is no WebSocket for the handler gets its answer; 2xx becomes 501', async () => {
  const { client, exchanges, closed } = connect()
  client.send(connectTo(1), connectTo(3), connectTo(5, 'connect-udp', []))
  assert.equal(exchanges.length, 2)
  exchanges[0]!.response.respond({ ...PLAIN, status: 403 }, Buffer.from('no'))
  answer(exchanges[1]!)
  const lines = await client.said()
  assert.ok(lines.find(line => line.startsWith('HEADERS 5 :status=501')))
  assert.deepEqual(
    lines.filter(line => !line.split(' ').includes('5')),
    [
      'HEADERS 1 :status=403',
      'DATA 1 no end',
      'RST_STREAM 1 NO_ERROR',
      'HEADERS 3 :status=501 content-length=0 end',
      'RST_STREAM 3 NO_ERROR',
    ],
  )
  assert.throws(() => accept(exchanges[1]!))
  assert.deepEqual(closed(), [1, 1])
})

test('a handshake that is wrong throws, and the response is still idle', async () => {
  const { client, exchanges } = connect()
  client.send(connectTo(1, 'websocket', []))
  assert.throws(() => accept(exchanges[0]!), /version/)
  answer(exchanges[0]!)
  assert.match((await client.said())[0]!, /501/)
})

test('frames before the answer are too early; trailers end the stream', async () => {
  const { client, exchanges, closed } = connect()
  client.send(connectTo(1), data(1, text('x')))
  assert.deepEqual(await client.said(), ['RST_STREAM 1 PROTOCOL_ERROR'])
  assert.throws(() => accept(exchanges[0]!), /gone|aborted/)
  client.send(connectTo(3))
  const { events } = accept(exchanges[1]!)
  client.send(trailers(3, [['a', 'b']]))
  await client.said()
  assert.deepEqual([events, closed()], [['close 1006'], [1, 1]])
})

test('an abort, or the end, of the response closes the WebSocket with 1011', async () => {
  for (const end of ['abort', 'end'] as const) {
    const { client, exchanges } = connect()
    client.send(connectTo(1))
    accept(exchanges[0]!)
    await client.said()
    if (end === 'abort') exchanges[0]!.response.abort(new Error('no'))
    else exchanges[0]!.response.end()
    const [frame] = readFrames(contentOf(await client.frames(), 1))
    assert.equal(frame!.payload.readUInt16BE(), CloseCode.INTERNAL_ERROR)
  }
})

test('a tunnel: the application speaks the frames, its 101 is a 200, and both ends end alone', async () => {
  const { client, exchanges, closed } = connect()
  client.send(connectTo(1))
  const events: string[] = []
  exchanges[0]!.acceptTunnel(['X-A', 'b', 'Connection', 'x', 'Upgrade', 'websocket'], (stream, first, onEnded) => {
    assert.equal(first, null)
    stream.watchPeer(20_000)
    const handler = {
      onData: (chunk: Buffer) => {
        events.push(`data ${chunk}`)
        stream.write(Buffer.from(chunk))
      },
      onEnd: () => {
        events.push('end')
        stream.end()
      },
      onDrain() {},
      onClose: onEnded,
    }
    stream.handler = handler
    return { ...handler, isClosed: false, bytesSent: 4, close: () => stream.destroy(), goAway: () => stream.destroy() }
  })
  client.send(data(1, 'soup'), data(1, '', true))
  assert.deepEqual(await client.said(), ['HEADERS 1 :status=200 x-a=b', 'DATA 1 soup end'])
  assert.deepEqual([events, closed()], [['data soup', 'end'], [1]])
  assert.equal(exchanges[0]!.response.bytesWritten, 4)
})
