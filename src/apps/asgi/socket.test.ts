/** WebSockets over a multiplexed link, through the pool, against a worker on a real socket. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { afterEach, test } from 'node:test'
import { HttpError } from '../../http/errors.ts'
import { AsgiBench, holdingAsgi, turn, until } from '../testing/asgi-bench.ts'
import type { FakeAsgiExchange } from '../testing/fake-asgi-worker.ts'
import type { FakeChannel, FakeExchange, FakeRequest } from '../testing/fake-exchange.ts'
import { MAX_CONTENT, MESSAGE_COST, WINDOW } from '../wire/multiplex.ts'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

interface Opened {
  readonly bench: AsgiBench
  readonly exchange: FakeExchange
  readonly channel: FakeChannel
  readonly at: FakeAsgiExchange
}

async function open(request: FakeRequest = {}, subprotocol = '', headers: readonly string[] = []): Promise<Opened> {
  const bench = new AsgiBench()
  cleanups.push(() => bench.close())
  const held = holdingAsgi()
  await bench.worker(1, 2, held.script)
  const exchange = bench.webSocket(request)
  const at = await held.the(0)
  at.accept(subprotocol, headers)
  await once(exchange.response.events, 'accepted')
  return { bench, exchange, channel: exchange.channel!, at }
}

test('a WebSocket is accepted with its subprotocol and headers, and holds no slot', async () => {
  const headers = ['sec-websocket-protocol', 'v1, chat']
  const { bench, exchange, at } = await open({ path: '/ws', headers }, 'chat', ['x-a', '1'])
  assert.equal(at.scope.type, 'websocket')
  assert.deepEqual(exchange.accepted, { subprotocol: 'chat', headers: ['x-a', '1'] })
  assert.deepEqual(bench.stats(), { queued: 0, busy: 0, slots: 2, workers: 1 })
})

test('messages go both ways, text and bytes, empty and long', async () => {
  const { channel, at } = await open()
  at.events.on('part', () => at.credit(MAX_CONTENT))
  const long = 'é'.repeat(300_000)
  const messages: (string | Buffer)[] = ['hello', Buffer.of(0, 255), '', Buffer.alloc(MAX_CONTENT, 1), long]
  for (const message of messages) channel.receive(message)
  await until(at.events, 'message', () => at.messages.length === messages.length)
  assert.deepEqual(at.messages, messages)
  for (const message of messages.slice(0, 3)) at.message(message)
  at.message('in ', true)
  at.message('two', false)
  await until(channel.events, 'sent', () => channel.sent.length === 4)
  assert.deepEqual(channel.sent, ['hello', Buffer.of(0, 255), '', 'in two'])
})

test('a message longer than the window reaches the client: credit comes back for each part at once', async () => {
  const { channel, at } = await open()
  const part = Buffer.alloc(MAX_CONTENT, 'p')
  for (let i = 0; i < 12; i++) {
    await until(at.events, 'credit', () => WINDOW + at.credited - i * MAX_CONTENT > 0)
    at.message(part, i < 11)
  }
  await until(channel.events, 'sent', () => channel.sent.length === 1)
  assert.equal(channel.sent[0]!.length, 12 * MAX_CONTENT)
})

test('a client that is too fast for the application is paused, and goes on when there is credit', async () => {
  const { channel, at } = await open()
  const message = Buffer.alloc(10_000)
  let sent = 0
  while (!channel.isPaused) {
    channel.receive(message)
    sent++
  }
  assert.equal(sent, Math.ceil(WINDOW / (message.length + MESSAGE_COST)))
  await until(at.events, 'message', () => at.messages.length === sent)
  at.credit(WINDOW)
  await until(channel.events, 'resumed', () => !channel.isPaused)
})

test('an application that is too fast for its client gets its credit when the client has caught up', async () => {
  const { channel, at } = await open()
  channel.accepts = false
  const message = Buffer.alloc(50_000)
  for (let i = 0; i < 5; i++) at.message(message)
  await until(channel.events, 'sent', () => channel.sent.length === 5)
  for (let i = 0; i < 20; i++) await turn()
  assert.equal(at.credited, 0)
  channel.client.onDrain()
  await until(at.events, 'credit', () => at.credited === 5 * (message.length + MESSAGE_COST))
})

test('messages beyond the credit break the rules of the wire, and close the WebSocket with 1011', async () => {
  const { bench, channel, at } = await open()
  channel.accepts = false
  const lost = once(bench.events, 'lost')
  for (let i = 0; i < 6; i++) at.message(Buffer.alloc(60_000))
  await lost
  assert.match(bench.lost[0]![1], /content beyond its credit/)
  assert.deepEqual(channel.closed, [1011, ''])
})

test('the client’s close reaches the application with its code, after all earlier messages', async () => {
  const { bench, channel, at } = await open()
  channel.receive('last')
  channel.client.onClose(4001, 'fé')
  await until(at.events, 'disconnect', () => at.disconnected !== null)
  assert.deepEqual(at.messages, ['last'])
  assert.deepEqual(at.disconnected, [4001, 'fé'])
  at.message('late')
  at.closeSocket(1000)
  for (let i = 0; i < 20; i++) await turn()
  assert.deepEqual(bench.lost, [])
  assert.deepEqual(channel.sent, [])
})

test('the application’s close reaches the client after its last message', async () => {
  const { channel, at } = await open()
  at.message('bye')
  at.closeSocket(4000, 'fé')
  await until(channel.events, 'closed', () => channel.closed !== null)
  assert.deepEqual(channel.sent, ['bye'])
  assert.deepEqual(channel.closed, [4000, 'fé'])
  channel.client.onClose(4000, '')
  for (let i = 0; i < 20; i++) await turn()
  assert.equal(at.disconnected, null)
})

test('an application that fails after ACCEPT closes with 1011', async () => {
  const { bench, channel, at } = await open()
  at.fail('ValueError: x')
  await until(channel.events, 'closed', () => channel.closed !== null)
  assert.deepEqual(channel.closed, [1011, ''])
  assert.match(bench.logs[0]!, /failed in worker 1: ValueError: x/)
})

test('the application is told 1006 when a client leaves before ACCEPT', async () => {
  const bench = new AsgiBench()
  cleanups.push(() => bench.close())
  const held = holdingAsgi()
  await bench.worker(1, 2, held.script)
  const exchange = bench.webSocket()
  const at = await held.the(0)
  exchange.leave()
  await until(at.events, 'disconnect', () => at.disconnected !== null)
  assert.deepEqual(at.disconnected, [1006, ''])
  at.accept()
  for (let i = 0; i < 20; i++) await turn()
  assert.equal(exchange.channel, null)
})

test('a response before ACCEPT is a denial, complete or streamed', async () => {
  const bench = new AsgiBench()
  cleanups.push(() => bench.close())
  await bench.worker(1, 2, exchange => {
    if (exchange.path === '/plain') exchange.respond(403)
    else {
      exchange.respond(401, ['x-why', 'token'], '', 0)
      exchange.chunk('who are you?')
      exchange.end()
    }
  })
  const plain = bench.webSocket({ path: '/plain' })
  const streamed = bench.webSocket({ path: '/streamed' })
  await Promise.all([plain.over(), streamed.over()])
  assert.equal(plain.response.status, 403)
  assert.equal(streamed.response.status, 401)
  assert.equal(streamed.response.text, 'who are you?')
})

test('a wrong handshake is answered as the protocol says, and the application is told', async () => {
  const bench = new AsgiBench()
  cleanups.push(() => bench.close())
  const held = holdingAsgi()
  await bench.worker(1, 2, held.script)
  const exchange = bench.webSocket()
  exchange.handshakeError = new HttpError(426, 'Only version 13 is spoken', 'application')
  const at = await held.the(0)
  at.accept()
  await exchange.over()
  assert.equal(exchange.error, exchange.handshakeError)
  await until(at.events, 'disconnect', () => at.disconnected !== null)
  const other = bench.webSocket({ headers: ['sec-websocket-protocol', 'a'] })
  ;(await held.the(1)).accept('b')
  await other.over()
  assert.equal((other.error as HttpError).status, 500)
  assert.match(bench.logs[0]!, /the client did not offer subprotocol b/)
  assert.equal(bench.stats().busy, 0)
})
