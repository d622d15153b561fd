import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressRanges } from '../../http/address-ranges.ts'
import type { Protocol } from '../../http/protocol.ts'
import { MemoryTransport } from '../../http/testing/memory-transport.ts'
import { Addresses } from './addresses.ts'
import { Connections } from './connections.ts'
import { ProxiedConnections } from './proxied-connections.ts'

class Told extends MemoryTransport {
  client = ''
  override readonly remoteAddress: string

  constructor(sender: string) {
    super()
    this.remoteAddress = sender
  }

  comesFrom({ address, port }: { readonly address: string; readonly port: number }): void {
    this.client = `${address} ${port}`
  }
}

const HEADER = 'PROXY TCP4 203.0.113.7 10.0.0.1 4711 443\r\n'

function setup({ timeoutMs = 0, perAddress = 0 } = {}) {
  const events: string[] = []
  const inner: Protocol = {
    open(transport, onClose) {
      transport.handler = {
        onData: chunk => events.push(`data ${chunk.toString('latin1')}`),
        onEnd: () => events.push('end'),
        onDrain() {},
        onClose,
      }
      return {
        isIdle: false,
        isReading: false,
        isOver: false,
        streamCount: 7,
        startDrain: () => events.push('drain'),
        release: onDone => onDone(true),
        destroy: () => transport.destroy(),
      }
    },
    startDrain() {},
  }
  const proxied = new ProxiedConnections({
    senders: addressRanges(['192.0.2.0/24', 'unix']),
    timeoutMs,
    clients: new Addresses(perAddress, address => address === '203.0.113.9'),
    onRefused: (sender, reason) => events.push(`refused ${sender}: ${reason}`),
    onAddressFull: client => events.push(`full ${client}`),
  })
  const connections = new Connections({ http: inner, https: null }, proxied)
  const open = (sender = '192.0.2.1') => {
    const transport = new Told(sender)
    const listener = { scheme: 'http', hasProxyHeader: true } as const
    const connection = connections.open(listener, transport, () => events.push('closed'))
    return { transport, connection }
  }
  return { events, connections, open }
}

const turn = () => new Promise(setImmediate)

test('what follows the header reaches HTTP, which knows the client', async () => {
  const { events, open, connections } = setup()
  const { transport, connection } = open()
  assert.deepEqual([connection.isIdle, connection.isOver, connection.streamCount], [true, false, null])
  transport.receive(HEADER.slice(0, 9))
  transport.receive(`${HEADER.slice(9)}GET`)
  transport.receive(' /')
  assert.deepEqual(events, ['data GET', 'data  /'])
  assert.equal(transport.client, '203.0.113.7 4711')
  assert.deepEqual([connection.isIdle, connection.streamCount], [false, 7])
  // Another thread would wait for a header.
  connection.release(isReleased => assert.equal(isReleased, false))
  transport.halfClose()
  transport.leave()
  await turn()
  assert.deepEqual(events.slice(2), ['end', 'closed'])
  assert.equal(connections.size, 0)
})

test('LOCAL and UNKNOWN leave the address of the sender', () => {
  const { open } = setup()
  const { transport } = open('')
  transport.receive('PROXY UNKNOWN\r\n')
  assert.equal(transport.client, '')
})

test('who may not send a header, and who sends something else, is closed unread', async () => {
  const { events, open, connections } = setup()
  const stranger = open('198.51.100.1')
  stranger.transport.receive(`${HEADER}GET / HTTP/1.1\r\n`)
  const direct = open()
  direct.transport.receive('GET / HTTP/1.1\r\n')
  direct.transport.receive(HEADER)
  open().transport.halfClose()
  await turn()
  assert.equal(connections.size, 0)
  assert.deepEqual(events, [
    'refused 198.51.100.1: it is not in proxy-protocol-from',
    'refused 192.0.2.1: it does not begin with a header of the PROXY protocol',
    'closed',
    'closed',
    'closed',
  ])
})

test('clients are counted by the address in the header', async () => {
  const { events, open } = setup({ perAddress: 2 })
  const begin = (address: string) => {
    const { transport } = open()
    transport.receive(`PROXY TCP4 ${address} 10.0.0.1 4711 443\r\n`)
    return transport
  }
  const [first] = [begin('203.0.113.7'), begin('203.0.113.7'), begin('203.0.113.8')]
  const third = begin('203.0.113.7')
  assert.deepEqual([third.calls, events], [['destroy'], ['full 203.0.113.7']])
  for (let i = 0; i < 3; i++) assert.deepEqual(begin('203.0.113.9').calls, [])
  first!.leave()
  await turn()
  assert.deepEqual(begin('203.0.113.7').calls, [])
})

test('a header that does not come in time, or while the gateway drains, ends its connection', async () => {
  const { events, open, connections } = setup({ timeoutMs: 20 })
  open().transport.receive('PROXY ')
  while (connections.size > 0) await turn()
  assert.deepEqual(events, ['refused 192.0.2.1: its PROXY header took too long', 'closed'])
  const before = open()
  connections.startDrain()
  const { transport } = open()
  transport.receive(HEADER)
  assert.equal(before.connection.isIdle, true)
  assert.equal(await connections.drain(0), 7)
  await turn()
  assert.equal(connections.size, 0)
})
