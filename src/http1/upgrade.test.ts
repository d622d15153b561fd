/** From a request of HTTP/1.1 to a WebSocket and its end, as the exchange and its connection see it: bytes in, bytes out. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { respondWithError } from '../gateway/errors/error-response.ts'
import type { Exchange } from '../http/exchange.ts'
import type { WebSocketAccept, WebSocketChannel } from '../http/websocket.ts'
import { closeFrame, described, frame, readFrames, TEXT } from '../websocket/testing/client.ts'
import { answer, connect, fakeTime, type Setup, tick } from './testing/connect.ts'

/** The example of RFC6455§1.3. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n'
const HEADERS: Readonly<Record<string, string>> = {
  Host: 't',
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': KEY,
  'Sec-WebSocket-Version': '13',
}

function request(changes: Readonly<Record<string, string | null>> = {}, line = 'GET /chat HTTP/1.1'): string {
  const lines = Object.entries({ ...HEADERS, ...changes }).flatMap(([name, value]) =>
    value === null ? [] : `${name}: ${value}`,
  )
  return `${[line, ...lines].join('\r\n')}\r\n\r\n`
}

interface Accepted extends Setup {
  readonly channel: () => WebSocketChannel
  readonly events: string[]
}

/** Accepts each request for a WebSocket, as an application without subprotocol and headers does. */
function accepting(accept: WebSocketAccept = { subprotocol: '', headers: [] }): Accepted {
  const events: string[] = []
  let channel: WebSocketChannel | null = null
  const setup = connect(exchange => {
    if (!exchange.isWebSocket) {
      answer(exchange, 'plain')
      return
    }
    exchange.onAborted(() => events.push('aborted'))
    exchange.onClosed(() => events.push(`exchange closed, ${exchange.response.status}`))
    try {
      channel = exchange.acceptWebSocket(accept, {
        onMessage: data => {
          assert.ok(channel)
          events.push(`message ${data}`)
        },
        onDrain() {},
        onClose: code => events.push(`closed ${code}`),
      })
    } catch (error) {
      respondWithError(exchange, error as Error)
    }
  })
  return { ...setup, events, channel: () => channel! }
}

describe('what asks for a WebSocket (RFC6455§4.2.1)', () => {
  for (const [what, bytes] of [
    ['as browsers do', request({ Upgrade: 'websocket', Connection: 'keep-alive, Upgrade' })],
    ['in any case', request({ Upgrade: 'WebSocket', Connection: 'UPGRADE' })],
    ['among other protocols', request({ Upgrade: 'h2c, websocket' })],
    ['with content of no length', request({ 'Content-Length': '0' })],
  ] as const) {
    test(what, () => {
      const { transport } = accepting()
      transport.receive(bytes)
      assert.equal(transport.text, `${SWITCH}\r\n`)
    })
  }

  for (const [what, bytes] of [
    ['another protocol', request({ Upgrade: 'h2c' })],
    ['no Upgrade', request({ Upgrade: null })],
    ['a word that begins with it', request({ Upgrade: 'websocket2' })],
    ['no Connection', request({ Connection: null })],
    ['a Connection without upgrade', request({ Connection: 'keep-alive' })],
    ['POST', request({ 'Content-Length': '0' }, 'POST /chat HTTP/1.1')],
    ['HEAD', request({}, 'HEAD /chat HTTP/1.1')],
    ['HTTP/1.0 (RFC9110§7.8)', request({ Connection: 'keep-alive, Upgrade' }, 'GET /chat HTTP/1.0')],
    ['content', `${request({ 'Content-Length': '2' })}hi`],
    ['content in chunks', `${request({ 'Transfer-Encoding': 'chunked' })}0\r\n\r\n`],
  ] as const) {
    test(`not with ${what}: an ordinary request`, () => {
      const { transport, exchanges } = accepting()
      transport.receive(bytes)
      assert.equal(exchanges[0]?.isWebSocket, false)
      assert.match(transport.text, /^HTTP\/1\.1 200 OK\r\n/)
    })
  }
})

describe('a handshake that is wrong (RFC6455§4.2.2)', () => {
  for (const [what, changes, status] of [
    ['no key', { 'Sec-WebSocket-Key': null }, 400],
    ['an empty key', { 'Sec-WebSocket-Key': '' }, 400],
    ['a key of 15 bytes', { 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAA' }, 400],
    ['a key that is no base64', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZ!==' }, 400],
    ['a second key', { 'Sec-WebSocket-Key ': null, 'sec-websocket-key': KEY }, 400],
    ['no version', { 'Sec-WebSocket-Version': null }, 426],
    ['an older version', { 'Sec-WebSocket-Version': '8' }, 426],
    ['a malformed subprotocol', { 'Sec-WebSocket-Protocol': 'a b' }, 400],
  ] as const) {
    test(`${what}: ${status}, before the application and instead of 101`, () => {
      const bytes = request(changes)
      const asked = connect(exchange => {
        assert.equal(exchange.isWebSocket, true)
        assert.throws(() => exchange.checkWebSocket(), { name: 'HttpError', status })
        assert.equal(exchange.response.state, 'idle')
      })
      asked.transport.receive(bytes)
      assert.equal(asked.exchanges.length, 1)
      const { transport, events } = accepting()
      transport.receive(bytes)
      assert.match(transport.text, new RegExp(`^HTTP/1\\.1 ${status} `))
      assert.deepEqual(events, [`exchange closed, ${status}`])
    })
  }

  test('426 says which protocol and which version (RFC9110§15.5.22)', () => {
    const { transport } = accepting()
    transport.receive(request({ 'Sec-WebSocket-Version': '8' }))
    assert.match(transport.text, /\r\nUpgrade: websocket\r\n/)
    assert.match(transport.text, /\r\nConnection: upgrade\r\n/)
    assert.match(transport.text, /\r\nSec-WebSocket-Version: 13\r\n/)
    // The connection goes on.
    transport.receive(request())
    assert.ok(transport.text.includes(SWITCH))
  })

  test('an application’s invalid answer is 500, and the response is still idle', () => {
    const { transport, events } = accepting({ subprotocol: 'x', headers: [] })
    transport.receive(request())
    assert.match(transport.text, /^HTTP\/1\.1 500 /)
    assert.deepEqual(events, ['exchange closed, 500'])
  })
})

test('the response: subprotocol, extension, headers of the application', () => {
  const { transport } = accepting({ subprotocol: 'b', headers: ['Set-Cookie', 'x=y', 'Connection', 'close'] })
  transport.receive(
    request({
      'Sec-WebSocket-Protocol': 'a, b',
      'Sec-WebSocket-Extensions': 'permessage-deflate; server_max_window_bits=9',
    }),
  )
  const lines = transport.text.split('\r\n')
  assert.equal(`${lines.slice(0, 4).join('\r\n')}\r\n`, SWITCH)
  assert.equal(lines[4], 'Sec-WebSocket-Protocol: b')
  assert.match(lines[5]!, /^Sec-WebSocket-Extensions: permessage-deflate; .*server_max_window_bits=9/)
  assert.deepEqual(lines.slice(6), ['Set-Cookie: x=y', '', ''])
})

function framesAfterSwitch({ transport }: Setup): string[] {
  const bytes = Buffer.concat(transport.writes)
  return readFrames(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4)).map(described)
}

describe('after the switch', () => {
  test('frames that came along with the request are not lost, nor told before the channel is there', async () => {
    const setup = accepting()
    setup.transport.receive(Buffer.concat([Buffer.from(request()), frame(TEXT, 'a'), frame(TEXT, 'b')]))
    assert.deepEqual(setup.events, [])
    await tick()
    setup.transport.receive(frame(TEXT, 'c'))
    assert.deepEqual(setup.events, ['message a', 'message b', 'message c'])
  })

  test('frames that came before the application accepted are not lost', async () => {
    let asked: Exchange | null = null
    const { transport } = connect(exchange => (asked = exchange))
    transport.receive(request())
    transport.receive(frame(TEXT, 'a'))
    const messages: string[] = []
    asked!.acceptWebSocket(
      { subprotocol: '', headers: [] },
      { onMessage: data => messages.push(String(data)), onDrain() {}, onClose() {} },
    )
    assert.equal(transport.paused, false)
    await tick()
    transport.receive(frame(TEXT, 'b'))
    assert.deepEqual(messages, ['a', 'b'])
  })

  test('cut anywhere, request and frames are the same', async () => {
    const bytes = Buffer.concat([Buffer.from(request()), frame(TEXT, 'a'), closeFrame(1000)])
    for (let cut = 1; cut < bytes.length; cut++) {
      const setup = accepting()
      setup.transport.receive(bytes.subarray(0, cut))
      setup.transport.receive(bytes.subarray(cut))
      await tick()
      assert.deepEqual(setup.events, ['message a', 'closed 1000'], `cut at ${cut}`)
    }
  })

  test('the exchange ends once, with the connection, after the channel; its bytes are counted', async () => {
    const setup = accepting()
    setup.transport.receive(request())
    setup.channel().send(Buffer.from('hello'), true)
    await tick()
    setup.transport.receive(closeFrame(1000))
    await tick()
    assert.deepEqual(setup.events, ['closed 1000'])
    assert.deepEqual(framesAfterSwitch(setup), ['text "hello"', 'close 1000 ""'])
    setup.transport.halfClose()
    await tick()
    assert.deepEqual(setup.events, ['closed 1000', 'exchange closed, 101'])
    const { response } = setup.exchanges[0]!
    assert.deepEqual([response.state, response.bytesWritten, setup.closed()], ['ended', 7 + 4, 1])
  })

  test('only onClose tells that the client has gone', async () => {
    const setup = accepting()
    setup.transport.receive(request())
    setup.transport.leave()
    await tick()
    assert.deepEqual(setup.events, ['closed 1006', 'exchange closed, 101'])
  })

  test('a client that had sent FIN before it was accepted is gone', async () => {
    let asked: Exchange | null = null
    const { transport } = connect(exchange => (asked = exchange))
    transport.receive(request())
    transport.halfClose()
    const codes: number[] = []
    asked!.acceptWebSocket(
      { subprotocol: '', headers: [] },
      { onMessage() {}, onDrain() {}, onClose: code => codes.push(code) },
    )
    await tick()
    assert.deepEqual(codes, [1006])
  })

  test('accepting twice, or after a response, is a bug of the caller', () => {
    const setup = accepting()
    setup.transport.receive(request())
    const events = { onMessage() {}, onDrain() {}, onClose() {} }
    assert.throws(() => setup.exchanges[0]!.acceptWebSocket({ subprotocol: '', headers: [] }, events), /is started/)
  })

  for (const end of ['abort', 'end'] as const) {
    test(`to ${end} the response closes the channel with 1011, and with an answer`, async () => {
      const setup = accepting()
      setup.transport.receive(request())
      if (end === 'abort') setup.exchanges[0]!.response.abort(new Error('the worker is gone'))
      else setup.exchanges[0]!.response.end()
      await tick()
      assert.deepEqual(framesAfterSwitch(setup), ['close 1011 ""'])
      setup.transport.receive(closeFrame(1011))
      assert.deepEqual(setup.events, ['closed 1011'])
    })
  }
})

describe('draining', () => {
  test('a WebSocket is active until it is closed, and not cut by the start of a drain', async () => {
    const setup = accepting()
    setup.transport.receive(request())
    setup.connection.startDrain()
    assert.equal(setup.connection.isIdle, false)
    setup.channel().close(1012, 'reload')
    await tick()
    assert.equal(setup.connection.isIdle, false)
    setup.transport.receive(closeFrame(1012))
    assert.equal(setup.connection.isIdle, true)
    assert.deepEqual(framesAfterSwitch(setup), ['close 1012 "reload"'])
  })

  test('a client that does not answer the close frame is waited for a moment only', async t => {
    const advance = fakeTime(t)
    const setup = accepting()
    setup.transport.receive(request())
    setup.startDrain()
    setup.channel().close(1001, '')
    await tick()
    advance(900)
    assert.deepEqual(setup.transport.calls, [])
    advance(300)
    assert.deepEqual(setup.transport.calls, ['destroy'])
  })

  test('at the deadline a close frame is attempted', async () => {
    const setup = accepting()
    setup.transport.receive(request())
    setup.connection.destroy()
    await tick()
    assert.deepEqual(framesAfterSwitch(setup), ['close 1001 ""'])
    assert.deepEqual(setup.events, ['closed 1001'])
    setup.connection.destroy()
    await tick()
    assert.deepEqual(setup.events, ['closed 1001', 'exchange closed, 101'])
  })
})

describe('a tunnel: the application speaks the frames', () => {
  function tunnelling(headers: string[] = []) {
    const events: string[] = []
    const setup = connect(exchange => {
      exchange.onAborted(() => events.push('aborted'))
      exchange.onClosed(() =>
        events.push(`exchange closed, ${exchange.response.status} ${exchange.response.bytesWritten}`),
      )
      exchange.acceptTunnel(headers, (stream, first, onEnded) => {
        if (first !== null) events.push(`first ${first}`)
        stream.handler = {
          onData: chunk => events.push(`data ${chunk}`),
          onEnd: () => events.push('end'),
          onDrain() {},
          onClose: onEnded,
        }
        const cut = () => stream.destroy()
        return { ...stream.handler, isClosed: false, bytesSent: 7, close: cut, goAway: cut }
      })
    })
    return { ...setup, events }
  }

  test('the head is ours, without fields of the handshake and the connection; the bytes are its own', async () => {
    const { transport, events } = tunnelling([
      'Set-Cookie',
      'a=b',
      'Connection',
      'close',
      'Upgrade',
      'x',
      'Content-Length',
      '9',
    ])
    transport.receive(`${request()}GET / HTTP/1.1\r\n\r\n`)
    assert.equal(transport.text, `${SWITCH}Set-Cookie: a=b\r\n\r\n`)
    transport.receive('more')
    transport.halfClose()
    transport.leave()
    await tick()
    assert.deepEqual(events, ['first GET / HTTP/1.1\r\n\r\n', 'data more', 'end', 'exchange closed, 101 7'])
  })

  test('a header that no response may have is refused, and nothing was sent', () => {
    const { transport } = connect(exchange => {
      assert.throws(() => exchange.acceptTunnel(['X', 'a\r\nb'], () => assert.fail()), /character/)
      assert.equal(exchange.response.state, 'idle')
      answer(exchange, 'no')
    })
    transport.receive(request())
    assert.match(transport.text, /^HTTP\/1\.1 200 /)
  })

  test('who asks for no WebSocket gets no tunnel', () => {
    const { transport } = connect(exchange => {
      assert.throws(() => exchange.acceptTunnel([], () => assert.fail()), /cannot become a WebSocket/)
      answer(exchange, 'no')
    })
    transport.receive(request({ Upgrade: null }))
    assert.match(transport.text, /^HTTP\/1\.1 200 /)
  })

  test('the end of a drain cuts it', async () => {
    const { transport, connection, events } = tunnelling()
    transport.receive(request())
    assert.equal(connection.isIdle, false)
    connection.destroy()
    await tick()
    assert.deepEqual(events, ['exchange closed, 101 7'])
  })
})
