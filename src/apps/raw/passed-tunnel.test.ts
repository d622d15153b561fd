/** WebSockets whose worker has the client's own socket, with a system in memory. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { CloseCode } from '../../http/websocket.ts'
import { FakeExchange } from '../testing/fake-exchange.ts'
import type { FakeLink, FakeWorker } from '../testing/fake-worker.ts'
import { Bench, echo, holding } from '../testing/pool-bench.ts'
import { TAKEN_WAITS } from '../wire/frames.ts'
import type { SocketPassing } from './passing.ts'

const HEADERS = ['upgrade', 'websocket', 'connection', 'Upgrade', 'sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ==']
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
const HEAD = `${SWITCH}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n`

class System implements SocketPassing {
  readonly calls: string[] = []
  written = 100
  isPossible = true

  pass(connection: number, client: number, sendMs: number): boolean {
    assert.ok(connection > 2)
    this.calls.push(`pass ${client} ${sendMs}`)
    // The worker is fast.
    this.written += 20
    return this.isPossible
  }

  writtenBytes(): number {
    return this.written
  }

  takeBack(client: number): void {
    this.calls.push(`take back ${client}`)
  }

  cut(client: number): void {
    this.calls.push(`cut ${client}`)
  }
}

interface Opened {
  readonly system: System
  readonly bench: Bench
  readonly worker: FakeWorker
  readonly exchange: FakeExchange
  readonly link: FakeLink
}

async function open(change: (exchange: FakeExchange, system: System) => void = () => {}): Promise<Opened> {
  const system = new System()
  const bench = new Bench({ passing: () => system, clientTimeouts: { send: 5000, websocketPing: 0 } })
  const held = holding()
  const worker = await bench.linkedWorker(1, 1, held.script)
  const exchange = new FakeExchange({ isWebSocket: true, headers: HEADERS })
  exchange.transport.descriptor = 700
  change(exchange, system)
  bench.pool.handle(exchange, null)
  await held.until(1)
  const { link } = held.requests[0]!
  link.take(HEAD, TAKEN_WAITS)
  await once(exchange.sent.events, 'accepted')
  return { system, bench, worker, exchange, link }
}

test('the client is not read until the application has returned, and what was written is counted', async () => {
  const { system, worker, exchange, link, bench } = await open()
  const { transport } = exchange
  assert.deepEqual([system.calls, transport.paused, exchange.tunnel!.isClosed], [['pass 700 5000'], true, false])
  system.written += 42
  const relinked = once(worker.events, 'link')
  link.socket.end()
  await relinked
  assert.equal(exchange.tunnel!.bytesSent, 62)
  assert.deepEqual(system.calls, ['pass 700 5000', 'take back 700'])
  assert.deepEqual([transport.calls, transport.paused], [['watch 0', 'end'], false])
  transport.halfClose()
  assert.deepEqual(system.calls.at(-1), 'cut 700')
  assert.deepEqual(transport.calls.at(-1), 'destroy')
  worker.script = echo
  await bench.send().over()
})

test('it is cut for both, and then its link ends', async () => {
  const { system, worker, exchange } = await open()
  const relinked = once(worker.events, 'link')
  exchange.tunnel!.goAway(CloseCode.GOING_AWAY, '')
  assert.deepEqual(system.calls, ['pass 700 5000', 'cut 700', 'take back 700'])
  await relinked
  assert.deepEqual(exchange.transport.calls, ['watch 0', 'end'])
})

test('a client that had closed its side is read by the application', async () => {
  const { exchange, link } = await open()
  exchange.transport.halfClose()
  assert.equal(exchange.tunnel!.isClosed, false)
  assert.equal(link.socket.readableEnded, false)
})

test('bytes pass through us where they must', async () => {
  const reasons: ((exchange: FakeExchange, system: System) => void)[] = [
    exchange => {
      exchange.transport.descriptor = -1
    },
    exchange => {
      exchange.early = Buffer.from('early ')
    },
    exchange => {
      exchange.transport.pendingBytes = 1
    },
    (_, system) => {
      system.isPossible = false
    },
  ]
  for (const reason of reasons) {
    const { exchange, link } = await open(reason)
    exchange.transport.receive('soup')
    const expected = `\0${exchange.early?.toString() ?? ''}soup`
    while (link.raw!.length < expected.length) await once(link.events, 'raw')
    assert.equal(link.raw!.toString(), expected)
    link.socket.write('ready')
    while (!exchange.transport.text.includes('ready')) await new Promise(resolve => setImmediate(resolve))
  }
})
