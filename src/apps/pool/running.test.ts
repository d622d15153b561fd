import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { AsgiBench, holdingAsgi } from '../testing/asgi-bench.ts'
import { Bench, holding } from '../testing/pool-bench.ts'
import { reportWorkers } from './running.ts'

function report(bench: Bench, room = 100) {
  return reportWorkers(bench.pool.workers, room, performance.now())
}

/** A bench with workers of one slot, which keep their requests. */
async function holdingBench(workers: number) {
  const bench = new Bench()
  const held = holding()
  for (let id = 1; id <= workers; id++) await bench.linkedWorker(id, 1, held.script)
  return { bench, held }
}

test('each worker has what it runs, without the query, and what it has answered', async () => {
  const { bench, held } = await holdingBench(2)
  const exchanges = [bench.send({ path: '/a', query: 'secret=1', method: 'POST' }), bench.send({ path: '/b' })]
  await held.until(2)
  const requests = report(bench).flatMap(one => one.requests)
  assert.deepEqual(requests.map(({ method, path, state }) => `${method} ${path} ${state}`).sort(), [
    'GET /b running',
    'POST /a running',
  ])
  assert.ok(requests.every(({ milliseconds }) => milliseconds >= 0))
  for (const { link } of held.requests) link.respond(200, [], 'x')
  for (const exchange of exchanges) await exchange.over()
  assert.deepEqual(
    report(bench).map(({ running, answered }) => [running, answered]),
    [
      [0, 1],
      [0, 1],
    ],
  )
  assert.equal(bench.pool.answered, 2)
})

test('a request that the client has left, and the worker runs on, is abandoned', async () => {
  const { bench, held } = await holdingBench(1)
  const exchange = bench.send()
  await held.until(1)
  exchange.leave()
  assert.equal(report(bench)[0]!.requests[0]!.state, 'abandoned')
})

test('a response whose head is out is a stream', async () => {
  const { bench, held } = await holdingBench(1)
  const exchange = bench.send()
  await held.until(1)
  held.requests[0]!.link.begin()
  await once(exchange.response.events, 'start')
  assert.equal(report(bench)[0]!.requests[0]!.state, 'streaming')
})

test('an ASGI worker runs many: requests, streams, WebSockets', async t => {
  const bench = new AsgiBench()
  t.after(() => bench.close())
  const held = holdingAsgi()
  await bench.worker(1, 10, held.script)
  bench.send({ path: '/plain' })
  const streamed = bench.send({ path: '/stream' })
  const socket = bench.webSocket({ path: '/socket' })
  bench.webSocket({ path: '/asks' })
  await held.the(3)
  held.exchanges.find(({ scope }) => scope.path === '/stream')!.begin()
  held.exchanges.find(({ scope }) => scope.path === '/socket')!.accept()
  if (streamed.response.state === 'idle') await once(streamed.response.events, 'start')
  if (socket.accepted === null) await once(socket.response.events, 'accepted')
  const [worker] = reportWorkers(bench.pool.workers, 100, performance.now())
  assert.deepEqual(worker!.requests.map(({ path, state }) => `${path} ${state}`).sort(), [
    '/asks running',
    '/plain running',
    '/socket websocket',
    '/stream streaming',
  ])
})

test('what was sent ahead waits behind the running request', async () => {
  const { bench, held } = await holdingBench(1)
  // The pool learns that requests are short, so it sends ahead.
  for (let i = 1; i <= 20; i++) {
    const exchange = bench.send()
    await held.until(i)
    held.requests[i - 1]!.link.respond(200, [], 'x')
    await exchange.over()
  }
  for (const path of ['/first', '/second']) bench.send({ path })
  await held.until(22)
  assert.deepEqual(
    report(bench)[0]!
      .requests.map(({ path, state }) => [path, state])
      .sort(),
    [
      ['/first', 'running'],
      ['/second', 'waiting'],
    ],
  )
})

test('what a worker that is gone has answered still counts', async () => {
  const { bench, held } = await holdingBench(1)
  const exchange = bench.send()
  await held.until(1)
  held.requests[0]!.link.respond(200, [], 'x')
  await exchange.over()
  const drained = once(bench.events, 'drained')
  bench.pool.drainWorker(1)
  await drained
  assert.deepEqual([bench.pool.workers.length, bench.pool.answered], [0, 1])
})

test('a long path is cut, and the room is shared', async () => {
  const { bench, held } = await holdingBench(2)
  for (const count of [1, 2]) {
    bench.send({ path: `/${'x'.repeat(5000)}` })
    await held.until(count)
  }
  const workers = report(bench, 1)
  assert.deepEqual(
    workers.map(({ running, requests }) => [running, requests.length]),
    [
      [1, 1],
      [1, 0],
    ],
  )
  assert.equal(workers[0]!.requests[0]!.path.length, 200)
})
