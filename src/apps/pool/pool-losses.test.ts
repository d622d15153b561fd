import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import type { HttpError } from '../../http/errors.ts'
import type { FakeLink, FakeWorker, Script } from '../testing/fake-worker.ts'
import { Bench, directory, echo, holding } from '../testing/pool-bench.ts'

test('a GET whose worker dies is retried on another worker, a POST is answered 502', async () => {
  const bench = new Bench()
  const held = holding()
  const dying = await bench.linkedWorker(1, 2, held.script)
  const get = bench.send({ path: '/get' })
  const post = bench.send({ method: 'POST', path: '/post', body: Buffer.from('x') })
  await held.until(2)
  dying.die()
  await post.over()
  assert.equal((post.error as HttpError).status, 502)
  await bench.linkedWorker(2, 1, echo)
  await get.over()
  assert.equal(get.response.head!.headers[1], '/get')
  assert.deepEqual(
    bench.lost.map(([id]) => id),
    [1],
  )
  assert.equal(bench.stats().workers, 1)
})

test('retry off: a request that a dead worker had begun is answered 502, whatever its method; waiting ones go to another worker', async () => {
  const bench = new Bench({ retry: false })
  const held = holding()
  const dying = await bench.linkedWorker(1, 1, held.script)
  const begun = bench.send({ path: '/begun' })
  await held.until(1)
  const waiting = bench.send({ path: '/waiting' })
  dying.die()
  await begun.over()
  assert.equal((begun.error as HttpError).status, 502)
  assert.match(bench.logs.join('\n'), /GET \/begun was on worker 1 when its link broke.*: answered 502/)
  await bench.linkedWorker(2, 1, echo)
  await waiting.over()
  assert.equal(waiting.response.head!.headers[1], '/waiting')
})

test('retry off: nothing is sent ahead, however short requests are, so only the request that ran is lost', async () => {
  const bench = new Bench({ retry: false })
  let isHeld = false
  let seen = 0
  const worker = await bench.linkedWorker(1, 1, request => {
    seen++
    if (!isHeld) request.link.respond(200, [], '')
  })
  for (let i = 0; i < 300; i++) await bench.send().over()
  isHeld = true
  seen = 0
  const sent = Array.from({ length: 5 }, (_, i) => bench.send({ path: `/${i}` }))
  while (seen === 0) await new Promise(resolve => setImmediate(resolve))
  worker.die()
  await bench.linkedWorker(2, 1, echo)
  for (const exchange of sent) await exchange.over()
  assert.equal(seen, 1)
  assert.deepEqual(
    sent.map(({ error }) => (error as HttpError | null)?.status ?? 200),
    [502, 200, 200, 200, 200],
  )
})

test('a request costs two workers at most', async () => {
  const bench = new Bench()
  const exchange = bench.send({ method: 'PUT', body: Buffer.alloc(100_000) })
  const kill: Script = ({ link }) => link.socket.destroy()
  await bench.linkedWorker(1, 1, kill)
  await bench.linkedWorker(2, 1, kill)
  await exchange.over()
  assert.equal((exchange.error as HttpError).status, 502)
  assert.equal(bench.lost.length, 2)
})

test('a request that shared a worker with one that costs two workers is answered', async () => {
  const bench = new Bench()
  const held = holding()
  const first = await bench.linkedWorker(1, 2, held.script)
  const innocent = bench.send({ path: '/innocent' })
  const killer = bench.send({ path: '/killer' })
  await held.until(2)
  first.die()
  /** How many requests the second worker has when it gets one. */
  const held2: number[] = []
  const second: FakeWorker = await bench.linkedWorker(2, 2, request => {
    held2.push(bench.stats().busy)
    if (request.environ.get('PATH_INFO') === '/killer') second.die()
    else request.link.respond(200, [], 'answered')
  })
  await killer.over()
  assert.equal((killer.error as HttpError).status, 502)
  await bench.linkedWorker(3, 1, echo)
  await innocent.over()
  assert.deepEqual([...new Set(held2)], [1], 'neither shares it with the other')
  assert.equal(innocent.error, null)
  assert.equal(innocent.response.head!.status, 200)
})

test('the log names the requests that a lost worker held, and counts them when they are many', async () => {
  const bench = new Bench()
  const held = holding()
  const worker = await bench.linkedWorker(7, 25, held.script)
  for (let i = 0; i < 25; i++) bench.send({ method: 'POST', path: `/post/${i}` })
  await held.until(25)
  bench.send({ path: '/waiting' })
  assert.equal(bench.pool.inFlight, 26)
  worker.die()
  const counted = () =>
    bench.logs.filter(line => /worker 7 held 1 more when its link broke: 0 sent again, 1 answered 502/.test(line))
      .length
  while (counted() < 5) await new Promise(resolve => setImmediate(resolve))
  const named = bench.logs.filter(line =>
    /^POST \/post\/\d+ was on worker 7 when its link broke.*answered 502/.test(line),
  )
  assert.equal(named.length, 20)
})

test('after a request has cost two workers, one like it is not sent again', async () => {
  const bench = new Bench()
  const kill: Script = ({ link }) => link.socket.destroy()
  const killer = bench.send({ path: '/reports/1' })
  await bench.linkedWorker(1, 1, kill)
  await bench.linkedWorker(2, 1, kill)
  await killer.over()
  assert.match(bench.logs.join('\n'), /GET \/reports\/1 has cost 2 workers: .*GET \/reports\/… is not sent again/)
  const alike = bench.send({ path: '/reports/2' })
  const other = bench.send({ path: '/orders/1' })
  await bench.linkedWorker(3, 1, kill)
  await alike.over()
  assert.equal((alike.error as HttpError).status, 502)
  await bench.linkedWorker(4, 1, kill)
  await bench.linkedWorker(5, 1, echo)
  await other.over()
  assert.equal(other.error, null)
})

test('a worker of another build, or with another number, is refused', async () => {
  const bench = new Bench()
  const lost = once(bench.events, 'lost')
  await bench.worker(1, 1, echo, 'b2')
  await lost
  assert.match(bench.lost[0]![1], /it is build b2, this is b1/)
})

test('a socket that nobody listens on is a lost worker', async () => {
  const bench = new Bench()
  const lost = once(bench.events, 'lost')
  bench.pool.addWorker({
    worker: 1,
    pid: 1,
    socket: join(directory, 'none.sock'),
    slots: 2,
    generation: 1,
    maxRequests: 0,
    isApart: false,
    interface: 'wsgi',
  })
  await lost
  assert.match(bench.lost[0]![1], /ENOENT/)
  assert.equal(bench.stats().workers, 0)
})

const violations: [string, (link: FakeLink) => void][] = [
  ['a header with a line break', link => link.respond(200, ['X', 'a\r\nSet-Cookie: b'], '')],
  ['a header name with a space', link => link.respond(200, ['X Y', 'a'], '')],
  ['a status out of range', link => link.respond(99, [], '')],
  [
    'an answer that nobody asked for',
    link => {
      link.respond(200, [], '')
      link.respond(200, [], '')
    },
  ],
  ['content before a head', link => link.chunk('x')],
]
for (const [name, act] of violations) {
  test(`a worker that breaks the rules of the wire is lost: ${name}`, async () => {
    const bench = new Bench()
    const lost = once(bench.events, 'lost')
    await bench.linkedWorker(1, 1, ({ link }) => act(link))
    const exchange = bench.send({ method: 'POST' })
    await lost
    await exchange.over()
    assert.match(bench.lost[0]![1], /broke the rules of the wire/)
  })
}

test('a request past its deadline is answered 504; its worker is reported stuck and gets nothing new, and its other slots go on', async () => {
  const bench = new Bench({ timeouts: { request: 60_000, requestFor: [{ prefix: '/hang', timeout: 100 }] } })
  const held = holding()
  const stuckWorker = await bench.linkedWorker(1, 2, held.script)
  const hanging = bench.send({ path: '/hang' })
  await held.until(1)
  const stream = bench.send({ path: '/stream' })
  await held.until(2)
  const { link } = held.requests[1]!
  link.begin()
  const alive = setInterval(() => link.chunk('.'), 20)
  await hanging.over()
  assert.equal((hanging.error as HttpError).status, 504)
  assert.equal(bench.stuck.length, 1)
  assert.match(bench.stuck[0]![1], /GET \/hang has run for \d+ ms/)
  const later = bench.send()
  assert.equal(bench.stats().queued, 1)
  clearInterval(alive)
  link.finish()
  await stream.over()
  assert.equal(stream.response.state, 'ended')
  later.leave()
  stuckWorker.die()
  assert.deepEqual(bench.lost, [])
})

test('while a debugger has a worker nothing is late, neither its requests nor those that wait for it', async () => {
  // A busy machine has this long for the answer after the debugger.
  const bench = new Bench({ timeouts: { request: 500, queue: 500 } })
  const held = holding()
  await bench.linkedWorker(1, 1, held.script)
  bench.pool.debugged(1, true)
  const debugged = bench.send({ path: '/debugged' })
  await held.until(1)
  const waiting = bench.send({ path: '/waiting' })
  // wait: both limits pass; a busy machine only makes this longer
  await new Promise(resolve => setTimeout(resolve, 700))
  assert.deepEqual([debugged.error, waiting.error], [null, null])
  bench.pool.debugged(1, false)
  held.requests[0]!.link.respond(200, [], 'x')
  await debugged.over()
  assert.equal(debugged.response.head!.status, 200)
  // After the debugger the deadline counts again.
  await held.until(2)
  await waiting.over()
  assert.equal((waiting.error as HttpError).status, 504)
})

test('a path has the deadline of its prefix, one request after another on one link', async () => {
  const requestFor = [
    // A busy machine has this long for the first request.
    { prefix: '/quick/', timeout: 500 },
    { prefix: '/poll/', timeout: 0 },
  ]
  const bench = new Bench({ timeouts: { request: 60_000, requestFor } })
  const held = holding()
  await bench.linkedWorker(1, 2, held.script)
  const quick = bench.send({ path: '/quick/1' })
  await held.until(1)
  const { link } = held.requests[0]!
  link.respond(200, [], '')
  await quick.over()
  // Neither has the deadline of the request before it.
  const [other, poll] = [bench.send({ path: '/other' }), bench.send({ path: '/poll' })]
  await held.until(3)
  const second = await bench.linkedWorker(2, 1, held.script)
  const hanging = bench.send({ path: '/quick' })
  await hanging.over()
  assert.equal((hanging.error as HttpError).status, 504)
  assert.deepEqual(
    bench.stuck.map(([id]) => id),
    [2],
  )
  for (const { link: one } of held.requests.slice(1, 3)) one.respond(200, [], '')
  await Promise.all([other.over(), poll.over()])
  second.die()
})
