import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import type { HttpError } from '../../http/errors.ts'
import { frame, u32 } from '../testing/fake-worker.ts'
import { Bench, directory, echo, holding, runningOne } from '../testing/pool-bench.ts'
import { FrameType } from '../wire/frames.ts'

test('a request is answered with head and content', async () => {
  const bench = new Bench()
  await bench.linkedWorker(1, 1, echo)
  const exchange = bench.send({ method: 'POST', path: '/a%20b', body: Buffer.from('hello') })
  await exchange.over()
  assert.deepEqual(exchange.response.head, { status: 200, reason: 'OK', headers: ['X-Path', '/a b', 'X-Length', '5'] })
  assert.equal(exchange.response.text, 'hello')
  assert.equal(exchange.response.state, 'ended')
})

test('an exchange knows how long it waited, how long it ran, and where', async () => {
  const bench = new Bench()
  const waiting = bench.send({ path: '/waits' })
  assert.deepEqual([waiting.queueMillis, waiting.runMicros, waiting.servedBy], [-1, -1, null])
  await bench.linkedWorker(7, 1, echo)
  await waiting.over()
  assert.ok(waiting.queueMillis > 0)
  assert.ok(waiting.runMicros >= 0)
  assert.deepEqual([waiting.servedBy!.worker, waiting.servedBy!.pid], [7, process.pid])
  const direct = bench.send()
  await direct.over()
  assert.equal(direct.queueMillis, 0)
})

test('a streamed response has its run time as well', async () => {
  const bench = new Bench()
  await bench.linkedWorker(1, 1, ({ link }) => {
    link.begin()
    link.chunk('x')
    link.finish()
  })
  const exchange = bench.send()
  await exchange.over()
  assert.ok(exchange.runMicros >= 0)
})

test('a request that found no worker in time knows how long it waited', async () => {
  const bench = new Bench({ timeouts: { queue: 60 } })
  const exchange = bench.send()
  const timer = setInterval(() => {}, 1000)
  await exchange.over()
  clearInterval(timer)
  assert.ok(exchange.queueMillis >= 60)
  assert.equal(exchange.servedBy, null)
})

test('requests wait for the first worker', async () => {
  const bench = new Bench()
  const exchange = bench.send({ path: '/early' })
  assert.equal(bench.stats().queued, 1)
  await bench.linkedWorker(1, 1, echo)
  await exchange.over()
  assert.equal(exchange.response.status, 200)
})

test('a body that does not fit inline arrives complete, from memory and from a file, and leaves no file behind', async () => {
  const bench = new Bench()
  await bench.linkedWorker(1, 1, echo)
  const body = Buffer.alloc(900_000, 'abcdefg')
  const exchange = bench.send({ method: 'POST', body })
  await exchange.over()
  assert.equal(exchange.response.head!.headers[3], '900000')
  assert.ok(Buffer.concat(exchange.response.chunks).equals(body))
  assert.deepEqual(
    readdirSync(directory).filter(name => name.startsWith('jumak-')),
    [],
  )
  const next = bench.send({ path: '/next' })
  await next.over()
  assert.equal(next.response.head!.headers[1], '/next')
})

test('a worker may answer before it has the body; the slot is free when all of the body is sent', async () => {
  const bench = new Bench()
  const worker = await bench.linkedWorker(1, 1, request => {
    if (request.body.length === 0) echo(request)
  })
  const link = worker.links[0]!
  link.events.once('body-follows', () => link.respond(401, [], 'no'))
  const body = Buffer.alloc(3_000_000)
  const exchange = bench.send({ method: 'POST', body })
  await exchange.over()
  assert.equal(exchange.response.status, 401)
  const next = bench.send({ path: '/next' })
  await next.over()
  assert.equal(next.response.head!.headers[1], '/next')
  assert.deepEqual(bench.lost, [])
})

test('when an application fails before the head, the client gets 500 without the reason; after the head, a cut', async () => {
  const bench = new Bench()
  await bench.linkedWorker(1, 1, ({ link, environ }) => {
    if (environ.get('PATH_INFO') === '/late') link.begin()
    link.socket.write(frame(FrameType.FAILED, Buffer.concat([u32(10), Buffer.from('secret\nline')])))
  })
  const early = bench.send()
  await early.over()
  assert.equal((early.error as HttpError).status, 500)
  assert.doesNotMatch(early.error!.message, /secret/)
  assert.match(bench.logs[0]!, /GET \/ failed in worker 1: secret line/)
  const late = bench.send({ path: '/late' })
  await late.over()
  assert.equal(late.response.state, 'aborted')
})

test('requests of one turn leave in one write, and short ones are sent ahead once run times are known', async () => {
  const bench = new Bench()
  const worker = await bench.linkedWorker(1, 1, echo)
  const run = async (count: number) => {
    const exchanges = Array.from({ length: count }, (_, i) => bench.send({ path: `/${i}` }))
    await Promise.all(exchanges.map(exchange => exchange.over()))
    assert.ok(exchanges.every((exchange, i) => exchange.response.head!.headers[1] === `/${i}`))
  }
  for (let i = 0; i < 6; i++) await run(100)
  let reads = 0
  worker.links[0]!.socket.on('data', () => reads++)
  await run(64)
  assert.ok(reads < 20, `${reads} reads for 64 requests`)
})

test('no more content is sent ahead than the kernel’s buffer holds, and the rest follows', async t => {
  const bench = new Bench()
  const worker = await bench.linkedWorker(1, 1, echo)
  for (let i = 0; i < 600; i++) await bench.send().over()
  const held = holding()
  worker.script = held.script
  const body = Buffer.alloc(20_000)
  // Nothing is sent behind a request that seems to run for long. On a busy machine it would seem so, so the clock stands still.
  const now = performance.now()
  const clock = t.mock.method(performance, 'now', () => now)
  const exchanges = Array.from({ length: 20 }, () => bench.send({ method: 'PUT', body }))
  await held.until(1)
  assert.equal(bench.stats().queued, 20 - 9)
  clock.mock.restore()
  worker.script = echo
  held.requests.forEach(echo)
  await Promise.all(exchanges.map(exchange => exchange.over()))
  assert.ok(exchanges.every(({ response }) => Buffer.concat(response.chunks).equals(body)))
})

test('requests behind a stream that loses its client are dispatched again', async () => {
  const bench = new Bench()
  const worker = await bench.linkedWorker(1, 1, echo)
  for (let i = 0; i < 400; i++) await bench.send().over()
  const held = holding()
  worker.script = held.script
  const first = bench.send({ path: '/stream' })
  const second = bench.send({ method: 'POST', path: '/behind', body: Buffer.from('x') })
  await held.until(2)
  held.requests[0]!.link.begin()
  await once(first.response.events, 'start')
  worker.script = echo
  first.leave()
  await second.over()
  assert.equal(second.response.head!.headers[1], '/behind')
})

test('closing the pool answers waiting requests and cuts running ones', async () => {
  const { bench, held, exchange: running } = await runningOne()
  held.requests[0]!.link.begin()
  await once(running.response.events, 'start')
  const waiting = bench.send()
  bench.pool.close()
  assert.equal(running.response.state, 'aborted')
  assert.equal((waiting.error as HttpError).status, 503)
})
