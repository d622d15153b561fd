import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpError } from '../../http/errors.ts'
import { Bench, echo, holding } from '../testing/pool-bench.ts'
import { OVERLOADED_MS } from './queue.ts'

test('when the queue is full a request is refused at once with Retry-After', async () => {
  const bench = new Bench({ limits: { queue: 1 } })
  bench.send()
  const refused = bench.send()
  assert.ok(refused.error instanceof HttpError)
  assert.equal(refused.error.status, 503)
  assert.ok(refused.error.retryAfter! >= 1)
})

test('without a queue a request is served by a worker that is free, or refused at once', async () => {
  const bench = new Bench({ limits: { queue: 0 } })
  await bench.linkedWorker(1, 1, holding().script)
  const served = bench.send()
  const refused = bench.send()
  assert.equal(served.error, null)
  assert.equal((refused.error as HttpError).status, 503)
})

test('newest-first, while the oldest has waited too long: the oldest makes room in a full queue, and the newest is served first', async t => {
  const bench = new Bench({ limits: { queue: 2 }, queueOrder: 'newest-first' })
  const [first, second] = [bench.send({ path: '/1' }), bench.send({ path: '/2' })]
  const early = bench.send()
  assert.equal((early.error as HttpError).status, 503, 'as long as all is well the newcomer goes')
  const later = performance.now() + OVERLOADED_MS
  t.mock.method(performance, 'now', () => later)
  const third = bench.send({ path: '/3' })
  assert.equal((first.error as HttpError).status, 503)
  const served: string[] = []
  await bench.linkedWorker(1, 1, request => {
    served.push(request.environ.get('PATH_INFO')!)
    echo(request)
  })
  await Promise.all([second.over(), third.over()])
  assert.deepEqual(served, ['/3', '/2'])
})

test('a request that no worker takes in time is refused', async () => {
  const bench = new Bench({ timeouts: { queue: 60 } })
  const exchange = bench.send()
  const timer = setInterval(() => {}, 1000)
  await exchange.over()
  clearInterval(timer)
  assert.equal((exchange.error as HttpError).status, 503)
  assert.equal(bench.stats().queued, 0)
})

test('a client that leaves the queue never reaches a worker', async () => {
  const bench = new Bench()
  const gone = bench.send({ path: '/gone' })
  const stays = bench.send({ path: '/stays' })
  gone.leave()
  assert.equal(bench.stats().queued, 1)
  const held = holding()
  await bench.linkedWorker(1, 1, request => {
    held.script(request)
    echo(request)
  })
  await stays.over()
  assert.deepEqual(
    held.requests.map(({ environ }) => environ.get('PATH_INFO')),
    ['/stays'],
  )
})
