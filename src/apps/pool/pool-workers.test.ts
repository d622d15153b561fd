import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { HttpError } from '../../http/errors.ts'
import type { Script } from '../testing/fake-worker.ts'
import { Bench, echo, holding, saying } from '../testing/pool-bench.ts'

test('a draining worker finishes what it has and gets nothing new', async () => {
  const bench = new Bench()
  const held = holding()
  await bench.linkedWorker(1, 1, held.script)
  const last = bench.send({ path: '/last' })
  await held.until(1)
  bench.pool.drainWorker(1)
  const waiting = bench.send({ path: '/waiting' })
  assert.deepEqual(bench.drained, [])
  const drained = once(bench.events, 'drained')
  held.requests[0]!.link.respond(200, [], 'bye')
  await last.over()
  await drained
  assert.equal(last.response.text, 'bye')
  await bench.linkedWorker(2, 1, echo)
  await waiting.over()
  assert.equal(waiting.response.status, 200)
  bench.pool.drainWorker(99)
  assert.deepEqual(bench.drained, [1, 99])
  assert.deepEqual(bench.lost, [])
})

test('a worker that has answered its maximum of requests is reported spent, once, and serves on', async () => {
  const bench = new Bench()
  await bench.linkedWorker(1, 2, echo, 3)
  for (let i = 0; i < 5; i++) await bench.send().over()
  assert.deepEqual(bench.spent, [[1, 3]])
})

test('a request whose client left half-way counts too', async () => {
  const bench = new Bench()
  const held = holding()
  await bench.linkedWorker(1, 1, held.script, 1)
  const exchange = bench.send()
  await held.until(1)
  held.requests[0]!.link.begin()
  await once(exchange.response.events, 'start')
  assert.deepEqual(bench.spent, [])
  exchange.leave()
  assert.deepEqual(bench.spent, [[1, 1]])
})

test('a linked worker of a new generation gets nothing until its generation takes over', async () => {
  const bench = new Bench()
  await bench.linkedWorker(1, 1, saying('old'))
  bench.pool.serve(1)
  const linked = once(bench.events, 'linked')
  await bench.worker(2, 1, saying('new'), undefined, 0, 2)
  await linked
  const exchanges = [bench.send(), bench.send(), bench.send()]
  for (const exchange of exchanges) await exchange.over()
  assert.deepEqual(
    exchanges.map(({ response }) => response.text),
    ['old', 'old', 'old'],
  )
  bench.pool.serve(2)
  const exchange = bench.send()
  await exchange.over()
  assert.equal(exchange.response.text, 'new')
})

test('a new generation gets the waiting requests when no other worker is left', async () => {
  const bench = new Bench()
  const { script, until } = holding()
  const old = await bench.linkedWorker(1, 1, script)
  bench.pool.serve(1)
  const linked = once(bench.events, 'linked')
  await bench.worker(2, 1, saying('new'), undefined, 0, 2)
  await linked
  const exchanges = [bench.send(), bench.send()]
  await until(1)
  old.die()
  for (const exchange of exchanges) await exchange.over()
  assert.deepEqual(
    exchanges.map(({ response }) => response.text),
    ['new', 'new'],
  )
})

test('development: requests that were held go to the released generation only', async () => {
  const bench = new Bench()
  bench.pool.hold()
  await bench.linkedWorker(1, 1, saying('old'))
  const exchange = bench.send()
  assert.equal(bench.stats().queued, 1)
  bench.pool.release(2)
  assert.equal(bench.stats().queued, 1)
  const linked = once(bench.events, 'linked')
  await bench.worker(2, 1, saying('new'), undefined, 0, 2)
  await linked
  await exchange.over()
  assert.equal(exchange.response.text, 'new')
})

test('development: `beforeDispatch` may hold the request', async () => {
  let isChanged = false
  const bench = new Bench({ beforeDispatch: () => isChanged && bench.pool.hold() })
  await bench.linkedWorker(1, 1, saying('code'))
  const first = bench.send()
  await first.over()
  isChanged = true
  const second = bench.send()
  assert.equal(bench.stats().queued, 1)
  isChanged = false
  bench.pool.release(1)
  await second.over()
  assert.equal(second.response.status, 200)
})

test('development: while code does not load, all requests are answered with its error, until the release', async () => {
  const bench = new Bench()
  await bench.linkedWorker(1, 1, saying('code'))
  bench.pool.hold()
  const waiting = bench.send()
  bench.pool.refuse(new HttpError(500, 'does not load', 'application'))
  await waiting.over()
  const later = bench.send()
  await later.over()
  assert.deepEqual(
    [waiting, later].map(({ error }) => (error as HttpError).status),
    [500, 500],
  )
  bench.pool.release(1)
  const mended = bench.send()
  await mended.over()
  assert.equal(mended.response.status, 200)
})

test('a worker answers its warm-up requests, in order, before any other request', async () => {
  const bench = new Bench()
  const held = holding()
  const waiting = bench.send({ path: '/client' })
  const linked = once(bench.events, 'linked')
  await bench.worker(1, 2, held.script, undefined, 0, 1, ['/a?x=1', '/b'])
  await held.until(1)
  const [first] = held.requests
  const wanted = { PATH_INFO: '/a', QUERY_STRING: 'x=1', HTTP_HOST: 'shop.example', 'wsgi.url_scheme': 'https' }
  for (const [name, value] of Object.entries(wanted)) assert.equal(first!.environ.get(name), value, name)
  first!.link.respond(404, [], 'nothing here')
  await held.until(2)
  assert.equal(held.requests[1]!.environ.get('PATH_INFO'), '/b')
  // A stream counts as an answer once it has ended.
  held.requests[1]!.link.begin()
  held.requests[1]!.link.chunk('x')
  held.requests[1]!.link.finish()
  await linked
  await held.until(3)
  assert.equal(held.requests[2]!.environ.get('PATH_INFO'), '/client')
  held.requests[2]!.link.respond(200, [], 'hello')
  await waiting.over()
  assert.equal(waiting.response.text, 'hello')
  assert.deepEqual(bench.cold, [])
})

test('a worker that fails in its warm-up gets no request: a bad status, a lost worker, a timeout', async () => {
  // A busy machine has this long for the first two.
  const bench = new Bench({ timeouts: { request: 500 } })
  const scripts: readonly (readonly [Script, string])[] = [
    [({ link }) => link.respond(503, [], 'no database'), 'GET /a answered 503 Service Unavailable'],
    [({ link }) => link.socket.destroy(), 'GET /a was not answered: The application ended without an answer'],
    [() => {}, 'GET /a was not answered: The application took too long'],
  ]
  for (const [index, [script, note]] of scripts.entries()) {
    const cold = once(bench.events, 'cold')
    await bench.worker(index + 1, 1, script, undefined, 0, 1, ['/a', '/never'])
    await cold
    assert.deepEqual(bench.cold.at(-1), [index + 1, note])
  }
  assert.equal(bench.stats().workers, 0)
  assert.deepEqual(
    [bench.lost.map(([id]) => id), bench.stuck.map(([id]) => id)],
    [[2], [3]],
    'what else was wrong is told as ever',
  )
})

test('a worker serves with the threads that say hello; one that is still busy for the gateway before joins them later', async () => {
  const bench = new Bench()
  const held = holding()
  const linked = once(bench.events, 'linked')
  const worker = await bench.worker(1, 2, held.script)
  worker.greeted = 1
  await linked
  const exchanges = [bench.send(), bench.send()]
  await held.until(1)
  assert.deepEqual([bench.stats().slots, bench.stats().queued], [1, 1])
  if (worker.links.length < 2) await once(worker.events, 'link')
  worker.greet(worker.links[1]!)
  await held.until(2)
  for (const { link } of held.requests) link.respond(200, [], 'x')
  for (const exchange of exchanges) await exchange.over()
  assert.deepEqual([bench.lost, bench.stuck], [[], []])
})

test('a warm-up runs on a thread that has said hello', async () => {
  const bench = new Bench()
  const linked = once(bench.events, 'linked')
  const worker = await bench.worker(1, 2, echo, undefined, 0, 1, ['/warm'])
  worker.greeted = 0
  while (worker.links.length < 2) await once(worker.events, 'link')
  worker.greet(worker.links[1]!)
  await linked
  assert.deepEqual(bench.cold, [])
})

test('a thread that says no hello has the time of the longest request before its worker is stuck', async t => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const requestFor = [{ prefix: '/export/', timeout: 300_000 }]
  const bench = new Bench({ timeouts: { request: 60_000, requestFor } })
  const linked = once(bench.events, 'linked')
  const worker = await bench.worker(1, 2, echo, undefined, 0, 1, [], true)
  worker.greeted = 1
  await linked
  const pass = (seconds: number) => {
    for (let i = 0; i < seconds; i++) t.mock.timers.tick(1000)
  }
  pass(300)
  assert.deepEqual([bench.lost, bench.stuck], [[], []])
  const exchange = bench.send()
  await exchange.over()
  assert.equal(exchange.response.status, 200)
  pass(60)
  assert.deepEqual(
    bench.stuck.map(([id]) => id),
    [1],
  )
})

test('a worker that has served for the gateway before may be busy with all of its threads', async t => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const pass = (seconds: number) => {
    for (let i = 0; i < seconds; i++) t.mock.timers.tick(1000)
  }
  const bench = new Bench({ timeouts: { request: 60_000 } })
  const [fresh, old] = [await bench.worker(1, 1, echo), await bench.worker(2, 1, echo, undefined, 0, 1, [], true)]
  fresh.greeted = old.greeted = 0
  const ids = () => bench.lost.map(([id]) => id)
  pass(40)
  assert.deepEqual(ids(), [1])
  pass(70)
  assert.deepEqual(ids(), [1, 2])
})
