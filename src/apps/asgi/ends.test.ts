/** How exchanges of a multiplexed link end: with their worker or the program, by deadlines, and by blocked event loops. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { HttpError } from '../../http/errors.ts'
import { holdingAsgi, turn, until } from '../testing/asgi-bench.ts'
import type { FakeExchange } from '../testing/fake-exchange.ts'
import { makeBenchThatWaits } from '../testing/make-asgi-bench.ts'

const EVENTS = ['content-type', 'text/event-stream; charset=utf-8']

test('a lost worker: idempotent requests without a head are sent again, others get 502, are cut, or closed with 1011', async () => {
  const bench = makeBenchThatWaits()
  const held = holdingAsgi()
  const dying = await bench.worker(1, 10, held.script)
  const get = bench.send({ path: '/get' })
  const put = bench.send({ method: 'PUT', path: '/put', body: Buffer.from('x') })
  const post = bench.send({ method: 'POST', path: '/post', body: Buffer.from('x') })
  const upload = bench.send({ method: 'PUT', path: '/upload', body: Buffer.alloc(200_000) })
  const stream = bench.send({ path: '/stream' })
  const socket = bench.webSocket({ path: '/socket' })
  const handshake = bench.webSocket({ path: '/handshake' })
  await held.the(6)
  held.exchanges[4]!.begin()
  held.exchanges[5]!.accept()
  await once(socket.response.events, 'accepted')
  dying.die()
  for (const exchange of [post, upload, stream]) await exchange.over()
  assert.deepEqual(
    [post, upload].map(({ error }) => (error as HttpError).status),
    [502, 502],
  )
  assert.equal(stream.response.state, 'aborted')
  assert.deepEqual(socket.channel!.closed, [1011, ''])
  assert.equal(bench.lost.length, 1)
  const next = holdingAsgi()
  await bench.worker(2, 10, next.script)
  await next.the(2)
  assert.deepEqual(
    next.exchanges.map(({ path }) => path),
    ['/get', '/put', '/handshake'],
  )
  assert.equal(next.exchanges[1]!.body.toString(), 'x')
  const accepted = once(handshake.response.events, 'accepted')
  next.exchanges[0]!.respond(200)
  next.exchanges[1]!.respond(200)
  next.exchanges[2]!.accept()
  for (const exchange of [get, put]) await exchange.over()
  await accepted
  assert.deepEqual(bench.logs.filter(line => line.includes('sent again')).length, 3)
})

test('a request costs two workers at most', async () => {
  const bench = makeBenchThatWaits()
  const exchange = bench.send()
  await bench.worker(1, 10, ({ worker }) => worker.die())
  await bench.worker(2, 10, ({ worker }) => worker.die())
  await exchange.over()
  assert.equal((exchange.error as HttpError).status, 502)
  assert.equal(bench.lost.length, 2)
})

test('a worker of another build is refused', async () => {
  const bench = makeBenchThatWaits()
  const lost = once(bench.events, 'lost')
  await bench.unlinkedWorker(1, 10, () => {}, 'b2')
  await lost
  assert.match(bench.lost[0]![1], /it is build b2, this is b1/)
})

test('a draining worker finishes its requests and takes none; its WebSockets and event streams are ended, downloads are not', async () => {
  const bench = makeBenchThatWaits({ timeouts: { graceful: 200 } })
  const held = holdingAsgi()
  const worker = await bench.worker(1, 10, held.script)
  const running = bench.send({ path: '/running' })
  const download = bench.send({ path: '/download' })
  const events = bench.send({ path: '/events' })
  const socket = bench.webSocket()
  await held.the(3)
  held.exchanges[1]!.begin()
  held.exchanges[2]!.begin(EVENTS)
  held.exchanges[2]!.chunk('data: 1\n\n')
  held.exchanges[3]!.accept()
  await once(socket.response.events, 'accepted')
  bench.pool.drainWorker(1)
  const waiting = bench.send({ path: '/waiting' })
  await until(socket.channel!.events, 'closed', () => socket.channel!.closed !== null)
  assert.deepEqual(socket.channel!.closed, [1012, ''])
  await events.over()
  assert.equal(events.response.state, 'ended')
  await until(held.exchanges[3]!.events, 'disconnect', () => held.exchanges[3]!.disconnected !== null)
  assert.deepEqual(held.exchanges[3]!.disconnected, [1012, ''])
  await until(held.exchanges[2]!.events, 'disconnect', () => held.exchanges[2]!.disconnected !== null)
  assert.deepEqual(bench.drained, [])
  assert.equal(download.response.state, 'started')
  const drained = once(bench.events, 'drained')
  const closed = once(worker.events, 'close')
  held.exchanges[0]!.respond(200, [], 'bye')
  held.exchanges[1]!.end()
  await drained
  await closed
  assert.equal(running.response.text, 'bye')
  assert.equal(download.response.state, 'ended')
  assert.equal(bench.stats().queued, 1)
  await bench.worker(2, 10, exchange => exchange.respond(204))
  await waiting.over()
  assert.deepEqual(bench.lost, [])
})

test('what a link wrote last reaches the worker before the end', async () => {
  const bench = makeBenchThatWaits()
  const held = holdingAsgi()
  const worker = await bench.worker(1, 10, held.script)
  const socket = bench.webSocket()
  const at = await held.the(0)
  at.accept()
  await once(socket.response.events, 'accepted')
  const closed = once(worker.events, 'close')
  bench.pool.drainWorker(1)
  await closed
  assert.deepEqual(at.disconnected, [1012, ''])
  assert.deepEqual(bench.drained, [1])
})

test('when the program stops, WebSockets are closed with 1001 and new ones are refused; requests are still served', async () => {
  const bench = makeBenchThatWaits()
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  const socket = bench.webSocket()
  ;(await held.the(0)).accept()
  await once(socket.response.events, 'accepted')
  bench.pool.drain(500)
  await until(socket.channel!.events, 'closed', () => socket.channel!.closed !== null)
  assert.deepEqual(socket.channel!.closed, [1001, ''])
  const late = bench.webSocket()
  await late.over()
  assert.equal((late.error as HttpError).status, 503)
  const request = bench.send()
  ;(await held.the(1)).respond(200)
  await request.over()
  const stuck = bench.webSocket()
  await stuck.over()
})

test('when the program stops, all WebSockets of workers that were leaving already are closed as well', async () => {
  const bench = makeBenchThatWaits({ timeouts: { graceful: 60_000 } })
  const held = holdingAsgi()
  const sockets: FakeExchange[] = []
  for (const id of [1, 2, 3]) {
    await bench.worker(id, 10, held.script, id)
    const socket = bench.webSocket()
    ;(await held.the(id - 1)).accept()
    await once(socket.response.events, 'accepted')
    sockets.push(socket)
  }
  for (const id of [1, 2, 3]) bench.pool.drainWorker(id)
  bench.pool.drain(100)
  for (const socket of sockets) assert.deepEqual(socket.channel!.closed, [1001, ''])
})

test('a request past its deadline is a 504 and is cancelled; its worker stays, and its other requests go on', async () => {
  const requestFor = [{ prefix: '/late/', timeout: 100 }]
  const bench = makeBenchThatWaits({ timeouts: { request: 60_000, requestFor } })
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  const hanging = bench.send({ path: '/late/hang' })
  const handshake = bench.webSocket({ path: '/late/handshake' })
  const events = bench.send({ path: '/events' })
  await held.the(2)
  held.exchanges[2]!.begin(EVENTS)
  await Promise.all([hanging.over(), handshake.over()])
  assert.equal((hanging.error as HttpError).status, 504)
  assert.equal((handshake.error as HttpError).status, 504)
  await until(held.exchanges[0]!.events, 'cancel', () => held.exchanges[0]!.isCancelled)
  assert.equal(held.exchanges[0]!.disconnected, null)
  assert.match(bench.logs[0]!, /GET \/late\/hang is cancelled in worker 1: no response for \d+ ms/)
  assert.deepEqual(bench.stuck, [])
  assert.equal(events.response.state, 'started')
  held.exchanges[2]!.end()
  await events.over()
})

test('content of a known length that stops coming is cut; a slow client does not count', async () => {
  // A busy machine has this long for what comes before the content stops.
  const bench = makeBenchThatWaits({ timeouts: { request: 500 } })
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  const slow = bench.send({ path: '/slow' })
  const stalled = bench.send({ path: '/stalled' })
  await held.the(1)
  slow.response.accepts = false
  for (const exchange of held.exchanges) {
    exchange.begin(['Content-Length', '10'])
    exchange.chunk('12345')
  }
  await stalled.over()
  assert.equal(stalled.response.state, 'aborted')
  assert.equal(slow.response.state, 'started')
})

test('a slow upload is not the worker’s fault', async () => {
  // A busy machine has this long for what comes after the upload goes on.
  const bench = makeBenchThatWaits({ timeouts: { request: 500 } })
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  const upload = bench.send({ method: 'POST', body: Buffer.alloc(200_000), stopsAfter: 100_000 })
  const hanging = bench.send({ path: '/hang' })
  const at = await held.the(0)
  await hanging.over()
  assert.equal(upload.error, null)
  upload.goOn()
  await until(at.events, 'body-end', () => at.hasAllBody)
  at.respond(201)
  await upload.over()
  assert.equal(upload.response.status, 201)
})

test('a worker whose loop does not turn is reported and gets nothing new; if the loop stays so, the worker is stuck', async () => {
  const bench = makeBenchThatWaits({ timeouts: { request: 1500 } })
  const held = holdingAsgi()
  const worker = await bench.worker(1, 10, held.script)
  worker.answersPings = false
  const get = bench.send({ path: '/get' })
  const socket = bench.webSocket()
  ;(await held.the(1)).accept()
  await once(socket.response.events, 'accepted')
  await until(bench.events, 'blocked', () => bench.blocked.length > 0)
  assert.match(bench.blocked[0]![1], /its event loop has not turned for \d+ ms/)
  assert.equal(bench.stats().slots, 0)
  await until(bench.events, 'stuck', () => bench.stuck.length > 0)
  await get.over()
  assert.equal((get.error as HttpError).status, 504)
  assert.deepEqual(socket.channel!.closed, [1011, ''])
  assert.equal(bench.blocked.length, 1)
})

test('a worker that reads nothing gets no more requests when much is unread, however many come and go', async () => {
  const bench = makeBenchThatWaits()
  const held = holdingAsgi()
  const worker = await bench.worker(1, 10, held.script)
  await bench.send({ path: '/first' })
  await held.the(0)
  worker.socket!.pause()
  const headers = ['x-large', 'v'.repeat(50_000)]
  for (let i = 0; i < 200; i++) {
    const exchange = bench.send({ headers })
    await turn()
    exchange.leave()
  }
  assert.equal(bench.stats().slots, 0)
  const waiting = bench.send({ path: '/waiting' })
  assert.equal(bench.stats().queued, 1)
  worker.script = exchange => exchange.respond(204)
  worker.socket!.resume()
  await waiting.over()
  assert.ok(worker.exchanges.size < 120, `${worker.exchanges.size} requests were written`)
})

test('a request whose response is a stream counts as one request of its worker', async () => {
  const bench = makeBenchThatWaits({ maxRequests: 2 })
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  for (const [i, spent] of [[], [[1, 2]]].entries()) {
    const exchange = bench.send()
    const one = await held.the(i)
    one.begin()
    one.chunk('a')
    one.end()
    await exchange.over()
    assert.deepEqual(bench.spent, spent)
  }
})
