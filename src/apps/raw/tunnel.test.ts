/** WebSockets that a library of the application speaks, on links to workers in memory. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { HttpError } from '../../http/errors.ts'
import { reportWorkers } from '../pool/running.ts'
import { FakeExchange } from '../testing/fake-exchange.ts'
import type { FakeLink, FakeWorker } from '../testing/fake-worker.ts'
import { Bench, echo, holding } from '../testing/pool-bench.ts'

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n'
const ACCEPT = 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n'
const HEADERS = ['upgrade', 'websocket', 'connection', 'Upgrade', 'sec-websocket-key', KEY]
const handshake = { isWebSocket: true, path: '/chat', headers: HEADERS }

interface Asked {
  readonly bench: Bench
  readonly held: ReturnType<typeof holding>
  readonly worker: FakeWorker
  readonly exchange: FakeExchange
  readonly link: FakeLink
}

/** A worker with so many slots has a handshake. */
async function asked(slots = 1, early: Buffer | null = null): Promise<Asked> {
  const bench = new Bench()
  const held = holding()
  const worker = await bench.linkedWorker(1, slots, held.script)
  const exchange = new FakeExchange(handshake)
  exchange.early = early
  bench.pool.handle(exchange, null)
  await held.until(1)
  return { bench, held, worker, exchange, link: held.requests[0]!.link }
}

/** It has become a WebSocket. */
async function open(slots = 1, early: Buffer | null = null): Promise<Asked> {
  const one = await asked(slots, early)
  one.link.take(`${SWITCH}${ACCEPT}X-Room: hearth\r\n\r\n`)
  await once(one.exchange.sent.events, 'accepted')
  return one
}

async function raw({ link }: Asked, bytes: number): Promise<string> {
  while (link.raw!.length < bytes) await once(link.events, 'raw')
  return link.raw!.toString()
}

async function client({ exchange }: Asked, bytes: number): Promise<string> {
  while (exchange.transport.text.length < bytes) await new Promise(resolve => setImmediate(resolve))
  return exchange.transport.text
}

test('bytes pass both ways behind a 101, those that came early too, and the slot is held', async () => {
  const one = await open(1, Buffer.from('early '))
  const { bench, exchange, link, held } = one
  assert.equal(held.requests[0]!.isHandshake, true)
  assert.equal(held.requests[0]!.environ.get('HTTP_SEC_WEBSOCKET_KEY'), KEY)
  assert.deepEqual(exchange.tunnelHeaders, ['Connection', 'Upgrade', 'X-Room', 'hearth'])
  exchange.transport.receive('and late')
  assert.equal(await raw(one, 14), 'early and late')
  link.socket.write('soup')
  assert.equal(await client(one, 4), 'soup')
  assert.equal(exchange.tunnel!.bytesSent, 4)
  assert.equal(reportWorkers(bench.pool.workers, 10, 0)[0]!.requests[0]!.state, 'websocket')
  const waiting = bench.send()
  assert.equal(bench.pool.waiting, 1)
  assert.deepEqual(bench.logs, [
    'A WebSocket holds the only thread of the application: other requests wait until one ends. More: threads, workers',
  ])
  const relinked = once(one.worker.events, 'link')
  link.socket.end(' is ready')
  await relinked
  await held.until(2)
  held.requests[1]!.link.respond(200, [], 'ok')
  await waiting.over()
  assert.equal(exchange.transport.text, 'soup is ready')
  assert.deepEqual(exchange.transport.calls, ['watch 0', 'end'])
  assert.equal(exchange.tunnel!.isClosed, true)
  exchange.transport.leave()
  await once(exchange.sent.events, 'tunnel-ended')
  assert.equal(bench.pool.answered, 2)
  assert.deepEqual([bench.lost, bench.stuck], [[], []])
})

test('nothing is sent ahead of a handshake, or behind it', async () => {
  const bench = new Bench()
  let isHeld = false
  const held = holding()
  await bench.linkedWorker(1, 1, request => (isHeld ? held.script(request) : request.link.respond(200, [], '')))
  // Short requests: others would be sent ahead.
  for (let i = 0; i < 300; i++) await bench.send().over()
  isHeld = true
  bench.pool.handle(new FakeExchange(handshake), null)
  const behind = bench.send()
  await held.until(1)
  assert.equal(bench.pool.waiting, 1)
  bench.pool.handle(new FakeExchange(handshake), null)
  held.requests[0]!.link.respond(200, [], '')
  await held.until(2)
  assert.equal(bench.pool.waiting, 1)
  held.requests[1]!.link.respond(200, [], '')
  await behind.over()
})

test('a client that has gone ends the link, and the application has read what it sent', async () => {
  const one = await open()
  one.exchange.transport.receive('last words')
  const ended = once(one.link.socket, 'end')
  const relinked = once(one.worker.events, 'link')
  one.exchange.transport.leave()
  await Promise.all([ended, relinked])
  assert.equal(one.link.raw!.toString(), 'last words')
  one.worker.script = echo
  await one.bench.send().over()
})

test('a client that has only nothing more to send still reads', async () => {
  const one = await open()
  const ended = once(one.link.socket, 'end')
  one.exchange.transport.halfClose()
  await ended
})

test('a worker that does not read holds the client back, and memory is counted', async () => {
  const one = await open()
  const { exchange, link, bench } = one
  link.socket.pause()
  let sent = 0
  while (!exchange.transport.paused) {
    exchange.transport.receive(Buffer.alloc(64 * 1024, 'x'))
    sent += 64 * 1024
    assert.ok(sent < 8 * 1024 * 1024)
  }
  assert.ok(bench.memory.used > 0 && bench.memory.used <= 128 * 1024, `${bench.memory.used}`)
  link.socket.resume()
  assert.equal((await raw(one, sent)).length, sent)
  while (exchange.transport.paused) await new Promise(resolve => setImmediate(resolve))
  assert.equal(bench.memory.used, 0)
})

test('a client that does not read holds the worker back', async () => {
  const one = await open()
  const { exchange, link } = one
  exchange.transport.reading = false
  const total = 4 * 1024 * 1024
  link.socket.write(Buffer.alloc(total, 'y'))
  await client(one, 1)
  for (let i = 0; i < 50; i++) await new Promise(resolve => setImmediate(resolve))
  assert.ok(exchange.transport.text.length <= 512 * 1024, `${exchange.transport.text.length}`)
  exchange.transport.drain()
  assert.equal((await client(one, total)).length, total)
})

test('a client that takes nothing for too long is cut; the system asks whether a silent one is there', async () => {
  const bench = new Bench({ clientTimeouts: { send: 60, websocketPing: 20_000 } })
  const held = holding()
  const worker = await bench.linkedWorker(1, 1, held.script)
  const exchange = new FakeExchange(handshake)
  bench.pool.handle(exchange, null)
  await held.until(1)
  const { link } = held.requests[0]!
  link.take(`${SWITCH}${ACCEPT}\r\n`)
  await once(exchange.sent.events, 'accepted')
  exchange.transport.reading = false
  const relinked = once(worker.events, 'link')
  link.socket.write('soup')
  await relinked
  assert.deepEqual(exchange.transport.calls, ['watch 20000', 'destroy'])
})

test('another status is an ordinary response: its content ends with the link', async () => {
  const { link, exchange, bench } = await asked()
  link.take('HTTP/1.1 403 No Entry\r\nX-Why: mood\r\nContent-Length: 4\r\n\r\nso')
  await once(exchange.sent.events, 'start')
  link.socket.end('up')
  await exchange.over()
  assert.deepEqual(exchange.sent.head, {
    status: 403,
    reason: 'No Entry',
    headers: ['X-Why', 'mood', 'Content-Length', '4', 'Connection', 'close'],
  })
  assert.equal(exchange.sent.text, 'soup')
  assert.equal(exchange.tunnelHeaders, null)
  assert.deepEqual(bench.lost, [])
})

test('what is no answer is a 502, and costs no worker', async () => {
  for (const [bytes, words] of [
    ['soup\r\n\r\n', /no status line of HTTP\/1\.1: "soup"/],
    [`${SWITCH}\r\n`, /a 101 whose Sec-WebSocket-Accept is not s3pP/],
    [`HTTP/1.1 101 OK\r\n${ACCEPT}\r\n`, /a 101 without Upgrade: websocket/],
    ['HTTP/1.1 103 Early Hints\r\n\r\n', /the status 103/],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', /a Transfer-Encoding/],
    ['HTTP/1.1 20', /no whole head/],
  ] as const) {
    const { link, exchange, bench, worker } = await asked()
    const relinked = once(worker.events, 'link')
    link.take(bytes)
    if (bytes.endsWith('20')) link.socket.end()
    await exchange.over()
    assert.equal((exchange.error as HttpError).status, 502)
    assert.deepEqual((exchange.error as HttpError).headers, ['Connection', 'close'])
    assert.match(bench.logs[0]!, words)
    await relinked
    assert.deepEqual(bench.lost, [])
  }
})

test('a link that is taken without a handshake, or for a client that has gone', async () => {
  const bench = new Bench()
  const held = holding()
  await bench.linkedWorker(1, 1, held.script)
  const plain = bench.send({ method: 'POST' })
  await held.until(1)
  held.requests[0]!.link.take('')
  await plain.over()
  assert.match(bench.lost[0]![1], /a link taken without a handshake/)

  const { link, exchange, worker, bench: other } = await asked()
  exchange.leave()
  const relinked = once(worker.events, 'link')
  link.take(`${SWITCH}${ACCEPT}\r\n`)
  await relinked
  assert.equal(exchange.tunnelHeaders, null)
  assert.deepEqual(other.lost, [])
})

test('a handshake whose worker dies is sent again, unless its link was taken', async () => {
  const { worker, exchange, bench, held } = await asked()
  worker.die()
  await bench.linkedWorker(2, 1, held.script)
  await held.until(2)
  const { link } = held.requests[1]!
  link.take('HTTP/1.1 101')
  // The link is read before the worker dies.
  while (bench.pool.workers.at(-1)!.slots[0]!.running()[0]!.call.phase === 'sent')
    await new Promise(resolve => setImmediate(resolve))
  link.socket.destroy()
  await exchange.over()
  assert.equal((exchange.error as HttpError).status, 502)
})

test('no deadline is running in a WebSocket, and none for the thread behind it', async () => {
  const bench = new Bench({ timeouts: { request: 60, streamIdle: 60, queue: 0, graceful: 0 } })
  const held = holding()
  const worker = await bench.linkedWorker(1, 1, held.script)
  const exchange = new FakeExchange(handshake)
  bench.pool.handle(exchange, null)
  await held.until(1)
  held.requests[0]!.link.take(`${SWITCH}${ACCEPT}\r\n`)
  await once(exchange.sent.events, 'accepted')
  // wait: three times as long as any other request may be silent
  await new Promise(resolve => setTimeout(resolve, 300))
  worker.greeted = worker.links.length
  const relinked = once(worker.events, 'link')
  exchange.transport.leave()
  const [link] = await relinked
  // wait: the thread has not noticed yet
  await new Promise(resolve => setTimeout(resolve, 300))
  assert.deepEqual([bench.stuck, bench.lost], [[], []])
  worker.greet(link)
  worker.script = echo
  await bench.send().over()
})

test('a drain leaves it open until nearly all of the time is over, and a close of the pool does not', async () => {
  const bench = new Bench({ timeouts: { request: 0, streamIdle: 0, queue: 0, graceful: 200 } })
  const held = holding()
  await bench.linkedWorker(1, 2, held.script)
  const exchanges = [0, 1].map(() => new FakeExchange(handshake))
  for (const [i, exchange] of exchanges.entries()) {
    bench.pool.handle(exchange, null)
    await held.until(i + 1)
    held.requests[i]!.link.take(`${SWITCH}${ACCEPT}\r\n`)
    await once(exchange.sent.events, 'accepted')
  }
  held.requests[0]!.link.socket.end()
  while (exchanges[0]!.transport.calls.length < 2) await new Promise(resolve => setImmediate(resolve))
  const drained = once(bench.events, 'drained')
  bench.pool.drainWorker(1)
  assert.equal(exchanges[1]!.tunnel!.isClosed, false)
  await drained
  assert.equal(exchanges[1]!.tunnel!.isClosed, true)

  const other = await open()
  other.bench.pool.close()
  assert.equal(other.exchange.tunnel!.isClosed, true)
  assert.deepEqual(other.exchange.transport.calls, ['watch 0', 'end'])
})

test('over HTTP/2 the application is asked a handshake of HTTP/1.1', async () => {
  const bench = new Bench()
  const held = holding()
  await bench.linkedWorker(1, 1, held.script)
  const exchange = new FakeExchange({ isWebSocket: true, version: '2', headers: ['sec-websocket-version', '13'] })
  bench.pool.handle(exchange, null)
  await held.until(1)
  const { environ, link } = held.requests[0]!
  assert.deepEqual(
    ['SERVER_PROTOCOL', 'REQUEST_METHOD', 'HTTP_UPGRADE', 'HTTP_CONNECTION'].map(name => environ.get(name)),
    ['HTTP/1.1', 'GET', 'websocket', 'Upgrade'],
  )
  assert.match(environ.get('HTTP_SEC_WEBSOCKET_KEY')!, /^[A-Za-z0-9+/]{22}==$/)
  link.take(`${SWITCH}${ACCEPT}\r\n`)
  await exchange.over()
  assert.equal((exchange.error as HttpError).status, 502, 'the key is another one')
})
