/** Requests and responses over a multiplexed link, through the pool, against a worker on a real socket. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { HttpError } from '../../http/errors.ts'
import { holdingAsgi, turn, until } from '../testing/asgi-bench.ts'
import type { FakeAsgiExchange } from '../testing/fake-asgi-worker.ts'
import { cleanups, echo, makeBench } from '../testing/make-asgi-bench.ts'
import { MAX_CONTENT, WINDOW } from '../wire/multiplex.ts'

test('many requests run at a time on one link, and are answered in any order', async () => {
  const bench = makeBench({ rootPath: '/app' })
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  const all = Array.from({ length: 5 }, (_, i) => bench.send({ path: `/${i}` }))
  await held.the(4)
  for (const exchange of [...held.exchanges].reverse()) exchange.respond(200, ['x', '1'], exchange.path)
  for (const exchange of all) await exchange.over()
  assert.deepEqual(
    all.map(({ response }) => response.text),
    ['/app/0', '/app/1', '/app/2', '/app/3', '/app/4'],
  )
  assert.deepEqual(all[0]!.response.head!.headers, ['x', '1'])
})

test('requests of one turn leave in one write', async () => {
  const bench = makeBench()
  const worker = await bench.worker(1, 100, echo)
  await bench.send().over()
  const before = worker.reads
  await Promise.all(Array.from({ length: 50 }, () => bench.send().over()))
  assert.equal(worker.reads - before, 1)
})

test('requests beyond the slots wait; a slot is freed by the response head, or when the client leaves', async () => {
  const bench = makeBench()
  const held = holdingAsgi()
  await bench.worker(1, 2, held.script)
  const [a, b, c, d] = ['/a', '/b', '/c', '/d'].map(path => bench.send({ path }))
  await held.the(1)
  assert.deepEqual(bench.stats(), { queued: 2, busy: 2, slots: 2, workers: 1 })
  held.exchanges[0]!.begin()
  assert.equal((await held.the(2)).path, '/c')
  b!.leave()
  assert.equal((await held.the(3)).path, '/d')
  assert.deepEqual(held.exchanges[1]!.disconnected, [0, ''])
  held.exchanges[0]!.end()
  for (const i of [2, 3]) held.exchanges[i]!.respond(204)
  for (const exchange of [a!, c!, d!]) await exchange.over()
  assert.deepEqual(bench.stats(), { queued: 0, busy: 0, slots: 2, workers: 1 })
})

test('500 open streams, ten for each slot, leave the pool usable; further streams keep their slot', async () => {
  const bench = makeBench()
  const held = holdingAsgi()
  const worker = await bench.worker(1, 50, exchange => {
    held.script(exchange)
    if (exchange.path === '/stream') exchange.begin(['content-type', 'text/event-stream'])
  })
  const streams = Array.from({ length: 500 }, () => bench.send({ path: '/stream' }))
  for (const stream of streams) await until(stream.response.events, 'start', () => stream.response.state === 'started')
  assert.equal(bench.stats().busy, 0)
  const more = Array.from({ length: 60 }, () => bench.send({ path: '/stream' }))
  for (const stream of more.slice(0, 50))
    await until(stream.response.events, 'start', () => stream.response.state === 'started')
  assert.deepEqual(bench.stats(), { queued: 10, busy: 50, slots: 50, workers: 1 })
  for (const stream of streams.slice(0, 60)) stream.leave()
  while (worker.exchanges.size < 560) await turn()
  while (bench.stats().busy > 0) await turn()
})

test('the worker with the fewest requests without a head gets the request, then the one with the fewest streams', async () => {
  const bench = makeBench()
  const [one, two] = [holdingAsgi(), holdingAsgi()]
  await bench.worker(1, 10, one.script)
  await bench.worker(2, 10, two.script)
  bench.send()
  bench.send()
  await Promise.all([one.the(0), two.the(0)])
  const stream = one.exchanges[0]!
  two.exchanges[0]!.respond(204)
  stream.begin()
  while (bench.stats().busy > 0) await turn()
  bench.send()
  await two.the(1)
  bench.send()
  await one.the(1)
})

test('a slow client holds back its own response by credit, and nothing else', async () => {
  const bench = makeBench()
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  const slow = bench.send()
  slow.response.accepts = false
  const at = await held.the(0)
  at.begin()
  const piece = Buffer.alloc(MAX_CONTENT, 'r')
  for (let i = 0; i < WINDOW / MAX_CONTENT; i++) at.chunk(piece)
  await until(slow.response.events, 'write', () => slow.response.bytesWritten === WINDOW)
  const next = bench.send()
  ;(await held.the(1)).respond(200, [], 'not held')
  await next.over()
  assert.equal(at.credited, 0)
  slow.response.accepts = true
  slow.response.drain()
  await until(at.events, 'credit', () => at.credited === WINDOW)
  at.chunk(piece)
  at.end()
  await slow.over()
  assert.equal(slow.response.bytesWritten, WINDOW + MAX_CONTENT)
})

test('a client that keeps up gives credit back in large steps', async () => {
  const bench = makeBench()
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  const exchange = bench.send()
  const at = await held.the(0)
  at.begin()
  let frames = 0
  at.events.on('credit', () => frames++)
  for (let i = 0; i < 260; i++) at.chunk(Buffer.alloc(1000))
  await until(at.events, 'credit', () => at.credited > 0)
  assert.equal(at.credited, 132_000)
  at.end()
  await exchange.over()
  assert.equal(frames, 1)
})

test('content beyond the credit breaks the rules of the wire', async () => {
  const bench = makeBench()
  const lost = once(bench.events, 'lost')
  await bench.worker(1, 10, exchange => {
    exchange.begin()
    for (let i = 0; i < 6; i++) exchange.chunk(Buffer.alloc(MAX_CONTENT))
  })
  const slow = bench.send()
  slow.response.accepts = false
  await lost
  assert.match(bench.lost[0]![1], /broke the rules of the wire: content beyond its credit/)
  assert.ok(slow.response.bytesWritten <= WINDOW)
  assert.equal(slow.response.state, 'aborted')
})

test('an interim response, chunks and trailers arrive in order; trailers only for a client that takes them', async () => {
  const bench = makeBench()
  await bench.worker(1, 10, exchange => {
    exchange.write(21, Buffer.concat([Buffer.from([103, 0]), Buffer.from('\0link\0</a.css>')]))
    exchange.begin([], true)
    exchange.chunk('a')
    exchange.chunk('b')
    exchange.end(['x-sum', '2'])
  })
  const plain = bench.send()
  const willing = bench.send({ headers: ['te', 'gzip, trailers'] })
  await Promise.all([plain.over(), willing.over()])
  assert.deepEqual(plain.response.informed[0]!.headers, ['link', '</a.css>'])
  assert.equal(plain.response.text, 'ab')
  assert.deepEqual([plain.response.head!.hasTrailers, plain.response.trailers], [false, []])
  assert.equal(willing.response.head!.hasTrailers, true)
  assert.deepEqual(willing.response.trailers, ['x-sum', '2'])
})

test('files that a worker offers are sent by the gateway, in their place between chunks', {
  skip: process.platform !== 'linux',
}, async () => {
  const bench = makeBench()
  const directory = mkdtempSync(join(tmpdir(), 'jumak-file-'))
  cleanups.push(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'file.txt')
  writeFileSync(path, '0123456789')
  const fd = openSync(path, 'r')
  cleanups.push(() => closeSync(fd))
  const stat = fstatSync(fd, { bigint: true })
  await bench.worker(1, 10, exchange => {
    exchange.begin()
    exchange.chunk('<')
    exchange.file(fd, 2, 5, stat.dev, stat.ino)
    exchange.events.once('file-opened', first => {
      exchange.chunk(`|${first}|`)
      exchange.file(fd, 0, 100, stat.dev, stat.ino)
      exchange.events.once('file-opened', second => {
        exchange.chunk(`|${second}>`)
        exchange.end()
      })
    })
  })
  const exchange = bench.send()
  await exchange.over()
  assert.equal(exchange.response.text, '<23456|1||0>')
})

const failures: [string, (exchange: FakeAsgiExchange) => void, number | null][] = [
  ['before the head: 500', exchange => exchange.fail('KeyError: 1\nsecret'), 500],
  [
    'after the head: a cut',
    exchange => {
      exchange.begin()
      exchange.fail('KeyError: 1\nsecret')
    },
    null,
  ],
]
for (const [name, act, status] of failures)
  test(`an application that fails ${name}`, async () => {
    const bench = makeBench()
    await bench.worker(1, 10, act)
    const exchange = bench.send()
    await exchange.over()
    if (status === null) assert.equal(exchange.response.state, 'aborted')
    else assert.equal((exchange.error as HttpError).status, status)
    assert.doesNotMatch(exchange.error!.message, /secret/)
    assert.match(bench.logs[0]!, /GET \/ failed in worker 1: KeyError: 1 secret/)
    assert.equal(bench.stats().busy, 0)
  })

test('the application is told when a client leaves, also during a stream; its later frames are ignored', async () => {
  const bench = makeBench()
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  const running = bench.send()
  const streaming = bench.send()
  const first = await held.the(0)
  const second = await held.the(1)
  second.begin()
  await once(streaming.response.events, 'start')
  running.leave()
  streaming.leave()
  await until(second.events, 'disconnect', () => second.disconnected !== null)
  assert.deepEqual(first.disconnected, [0, ''])
  first.respond(200, [], 'late')
  second.chunk('late')
  second.end()
  const next = bench.send()
  ;(await held.the(2)).respond(204)
  await next.over()
  assert.equal(running.response.text + streaming.response.text, '')
  assert.deepEqual(bench.lost, [])
})
