import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Protocol, ProtocolConnection } from '../../http/protocol.ts'
import { MemoryTransport } from '../../http/testing/memory-transport.ts'
import type { TlsFacts } from '../../http/tls-facts.ts'
import type { Transport } from '../../http/transport.ts'
import { PREFACE } from '../../http2/protocol.ts'
import { eitherVersion } from './versions.ts'

/** A version that writes down what it is told. */
class Recorded implements Protocol {
  readonly calls: string[] = []
  bytes = ''
  onData = () => {}

  open(transport: Transport, onClose: () => void): ProtocolConnection {
    this.calls.push('open')
    transport.handler = {
      onData: chunk => {
        this.bytes += chunk.toString('latin1')
        this.onData()
      },
      onEnd: () => this.calls.push('end'),
      onDrain: () => this.calls.push('drain'),
      onClose: () => {
        this.calls.push('close')
        onClose()
      },
    }
    return {
      isIdle: true,
      isReading: false,
      isOver: false,
      streamCount: 0,
      startDrain: () => this.calls.push('startDrain'),
      release: onDone => {
        this.calls.push('release')
        onDone(true)
      },
      destroy: () => this.calls.push('destroy'),
    }
  }

  startDrain(): void {
    this.calls.push('drains')
  }
}

function setUp(transport = new MemoryTransport()) {
  const [http1, http2] = [new Recorded(), new Recorded()]
  let closed = 0
  const connection = eitherVersion(http1, http2).open(transport, () => closed++)
  return { http1, http2, transport, connection, closed: () => closed }
}

const REST = 'and frames'

for (const [name, size] of [
  ['whole, with frames behind it', 1000],
  ['in two pieces', 20],
  ['byte by byte', 1],
] as const)
  test(`the preface, ${name}: HTTP/2 gets all bytes, and HTTP/1 none`, () => {
    const { http1, http2, transport, closed } = setUp()
    const text = PREFACE.toString('latin1') + REST
    for (let at = 0; at < text.length; at += size) transport.receive(text.slice(at, at + size))
    assert.deepEqual([http1.bytes, http2.bytes], ['', text])
    assert.deepEqual([http1.calls, http2.calls, closed()], [['open', 'close'], ['open'], 0])
    transport.handler.onClose()
    assert.equal(closed(), 1)
  })

for (const text of [
  'GET / HTTP/1.1\r\nHost: t\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: t\r\n\r\n',
  'PRI * HTTP/1.1\r\nHost: t\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r!and more',
  'P\r\n',
  '\x16\x03\x01',
])
  test(`what is no preface is HTTP/1’s, wherever it is cut: ${JSON.stringify(text)}`, () => {
    for (let at = 1; at <= text.length; at++) {
      const { http1, http2, transport } = setUp()
      transport.receive(text.slice(0, at))
      transport.receive(text.slice(at))
      assert.deepEqual([http1.bytes, http2.calls], [text, []])
    }
  })

test('HTTP/1 that ends at the bytes before gets nothing behind them', () => {
  const { http1, transport } = setUp()
  transport.receive('PRI')
  http1.onData = () => {
    transport.handler = { onData: () => assert.fail(), onEnd() {}, onDrain() {}, onClose() {} }
  }
  const { handler } = transport
  handler.onData(Buffer.from('x'))
  assert.equal(http1.bytes, 'PRI')
})

test('a connection that has begun its preface stays: its bytes would be lost on another thread', () => {
  const { http1, transport, connection } = setUp()
  transport.receive('PRI * HT')
  const told: boolean[] = []
  connection.release(isReleased => told.push(isReleased))
  assert.deepEqual([told, http1.calls, connection.isIdle], [[false], ['open'], false])
  transport.receive(PREFACE.subarray(8))
  assert.ok(connection.isIdle)
})

test('a connection of which nothing has come, or that speaks HTTP/1, is HTTP/1’s to release', () => {
  for (const text of ['', 'GET / HTTP/1.1\r\n', 'PUT']) {
    const { transport, connection } = setUp()
    if (text !== '') transport.receive(text)
    const told: boolean[] = []
    connection.release(isReleased => told.push(isReleased))
    assert.deepEqual(told, [true])
  }
})

test('end, drain and close before the first byte are HTTP/1’s', () => {
  const { http1, transport, connection, closed } = setUp()
  transport.halfClose()
  transport.drain()
  connection.startDrain()
  connection.destroy()
  transport.handler.onClose()
  assert.deepEqual(http1.calls, ['open', 'end', 'drain', 'startDrain', 'destroy', 'close'])
  assert.equal(closed(), 1)
})

test('over TLS the handshake has decided: ALPN, or HTTP/1', () => {
  for (const [alpn, isHttp2] of [
    ['h2', true],
    ['http/1.1', false],
    ['', false],
  ] as const) {
    const tls = { alpn } as TlsFacts
    const transport = new MemoryTransport()
    Object.assign(transport, { scheme: 'https', tls })
    const { http1, http2 } = setUp(transport)
    transport.receive(PREFACE)
    assert.equal((isHttp2 ? http2 : http1).bytes.length, PREFACE.length)
  }
})
