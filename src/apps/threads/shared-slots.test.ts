import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applicationRoot } from '../../http/application-root.ts'
import type { HttpError } from '../../http/errors.ts'
import { OVERLOADED_MS } from '../pool/queue.ts'
import type { FakeAsgiExchange } from '../testing/fake-asgi-worker.ts'
import {
  keeping,
  type PoolThread,
  StoppedClock,
  ThreadBench,
  type ThreadChanges,
  turn,
  until,
} from '../testing/thread-bench.ts'

type Two = [PoolThread, PoolThread]

const AFFINITY = { kind: 'header', name: 'x-client', key: Buffer.alloc(32, 'k') } as const

interface Setup extends ThreadChanges {
  readonly slots: number
  /** Two by default; at most three have names. */
  readonly threads?: number
  readonly maxRequests?: number
}

/** Threads with a worker that keeps requests until the test answers them. `run`: sends a request that gets a slot at once. */
async function oneWorker({ slots, threads = 2, maxRequests = 0, ...changes }: Setup) {
  const bench = new ThreadBench(threads, changes)
  const [a, b, c] = bench.threads as [PoolThread, PoolThread, PoolThread]
  const kept = keeping()
  const worker = await bench.worker(1, slots, kept.script, maxRequests)
  return { bench, worker, a, b, c, kept, run }

  async function run(thread: PoolThread, path: string) {
    const exchange = thread.send({ path })
    await kept.runs(path)
    return exchange
  }
}

test('a slot that comes free in one thread goes to a call that waits in another', async () => {
  const { a, b, c, kept } = await oneWorker({ threads: 3, slots: 2 })
  const sent = [a.send({ path: '/1' }), b.send({ path: '/2' })]
  await kept.runs('/1')
  await kept.runs('/2')
  sent.push(c.send({ path: '/3' }))
  await turn()
  assert.deepEqual(kept.paths().sort(), ['/1', '/2'])
  kept.answer('/2')
  await kept.runs('/3')
  kept.answer('/3')
  await sent[2]!.over()
  sent.push(b.send({ path: '/4' }))
  await kept.runs('/4')
  kept.answer('/1')
  kept.answer('/4')
  for (const exchange of sent) await exchange.over()
})

test('the call that has waited longest goes first, whichever thread has it', async t => {
  const clock = new StoppedClock(t)
  const { a, b, kept, run } = await oneWorker({ slots: 1 })
  await run(a, '/0')
  for (const [i, thread] of [b, a, a, b, b, a].entries()) {
    thread.send({ path: `/${i + 1}` })
    await turn()
    // Each waits for about twice as long as the next one.
    clock.pass(320 / 2 ** i)
  }
  for (let i = 0; i < 6; i++) {
    kept.answer(`/${i}`)
    await kept.runs(`/${i + 1}`)
    assert.deepEqual(kept.paths(), [`/${i + 1}`])
  }
})

test('newest-first, while the oldest of all threads has waited too long: the newest of all goes first', async t => {
  const clock = new StoppedClock(t)
  const { a, b, kept, run } = await oneWorker({ slots: 1, queueOrder: 'newest-first' })
  await run(a, '/running')
  a.send({ path: '/oldest' })
  await turn()
  clock.pass(OVERLOADED_MS)
  for (const [thread, path] of [
    [b, '/2'],
    [b, '/3'],
    [a, '/4'],
  ] as const) {
    thread.send({ path })
    await turn()
    clock.pass(10)
  }
  for (const [path, next] of [
    ['/running', '/4'],
    ['/4', '/3'],
    ['/3', '/2'],
    ['/2', '/oldest'],
  ] as const) {
    kept.answer(path)
    await kept.runs(next)
    assert.deepEqual(kept.paths(), [next])
  }
})

test('a slot that a busy thread does not take goes to another thread', async t => {
  const clock = new StoppedClock(t)
  const { a, b: busy, c, kept, run } = await oneWorker({ threads: 3, slots: 1 })
  await run(a, '/1')
  const first = busy.send({ path: '/2' })
  await turn()
  clock.pass(10)
  c.send({ path: '/3' })
  await turn()
  busy.isBusy = true
  const look = busy.slots.woken
  busy.slots.woken = () => {}
  kept.answer('/1')
  await turn()
  await turn()
  assert.deepEqual(kept.paths(), [])
  clock.pass(1)
  await kept.runs('/3')
  busy.slots.woken = look
  busy.slots.woken()
  kept.answer('/3')
  await kept.runs('/2')
  kept.answer('/2')
  await first.over()
})

test('a call whose client leaves is not waited for: its slot goes on', async t => {
  const clock = new StoppedClock(t)
  const { a, b, c, kept, run } = await oneWorker({ threads: 3, slots: 1 })
  await run(a, '/1')
  const gone = b.send({ path: '/gone' })
  await turn()
  clock.pass(10)
  c.send({ path: '/3' })
  await turn()
  gone.leave()
  kept.answer('/1')
  await kept.runs('/3')
  assert.deepEqual(kept.paths(), ['/3'])
})

test('the limit of the queue counts the calls of all threads', async () => {
  const bench = new ThreadBench(2, { limits: { queue: 3 } })
  const [a, b] = bench.threads as Two
  const waiting = [a.send(), b.send(), a.send()]
  const refused = b.send()
  assert.equal((refused.error as HttpError).status, 503)
  waiting[0]!.leave()
  await until(() => b.slots.othersWaiting === 1)
  assert.equal(b.send().error, null)
})

test('calls of a worker that dies are sent again, each by its own thread; nothing goes to it from the others meanwhile', async () => {
  const { bench, worker: dying, a, b, kept } = await oneWorker({ slots: 2 })
  const one = a.send({ path: '/1' })
  const two = b.send({ path: '/2' })
  const post = b.send({ path: '/3', method: 'POST' })
  await kept.runs('/1')
  await kept.runs('/2')
  dying.die()
  await until(() => a.lost.length > 0 && b.lost.length > 0)
  const again = keeping()
  await bench.worker(2, 2, again.script)
  for (const path of ['/1', '/2', '/3']) {
    await again.runs(path)
    again.answer(path)
  }
  for (const exchange of [one, two, post]) await exchange.over()
  assert.deepEqual(
    [one, two, post].map(({ response }) => response.text),
    ['/1', '/2', '/3'],
  )
})

test('a worker that one thread has found stuck or lost takes nothing from another', async () => {
  const { bench, a, b, kept } = await oneWorker({ slots: 2 })
  a.pool.workers[0]!.share!.condemn()
  const waits = b.send({ path: '/1' })
  const other = keeping()
  await bench.worker(2, 1, other.script)
  await other.runs('/1')
  other.answer('/1')
  await waits.over()
  assert.deepEqual(kept.paths(), [])
})

test('no thread sends a new request beside a suspect of another thread while it has a choice', async () => {
  const { bench, worker: first, a, b, run } = await oneWorker({ slots: 1 })
  const suspect = await run(a, '/suspect')
  first.die()
  await until(() => a.lost.length > 0 && b.lost.length > 0)
  const [two, three] = [keeping(), keeping()]
  await bench.worker(2, 3, two.script)
  await two.runs('/suspect')
  await bench.worker(3, 3, three.script)
  const isSuspected = () => b.pool.workers.map(({ suspectSince }) => suspectSince > 0)
  assert.deepEqual(isSuspected(), [true, false])
  for (const path of ['/1', '/2', '/3']) {
    b.send({ path })
    await three.runs(path)
  }
  two.answer('/suspect')
  await suspect.over()
  assert.deepEqual(isSuspected(), [false, false])
})

test('of all threads, one says that a worker is spent', async () => {
  const { a, b, kept } = await oneWorker({ slots: 2, maxRequests: 3 })
  for (const [i, thread] of [a, b, a, b].entries()) {
    const exchange = thread.send({ path: `/${i}` })
    await kept.runs(`/${i}`)
    kept.answer(`/${i}`)
    await exchange.over()
  }
  assert.deepEqual([...a.spent, ...b.spent], [[1, 3]])
})

test('a worker is drained in each thread when that one has nothing on it', async () => {
  const { a, b, kept, run } = await oneWorker({ slots: 2 })
  await run(b, '/1')
  for (const { pool } of [a, b]) pool.drainWorker(1)
  assert.deepEqual([a.drained, b.drained], [[1], []])
  kept.answer('/1')
  await until(() => b.drained.length > 0)
})

test('a retired pool answers what waits in any thread before its last worker drains', async () => {
  const { a, b, kept, run } = await oneWorker({ slots: 1 })
  await run(a, '/1')
  const [waits, leaves] = [b.send({ path: '/2' }), b.send({ path: '/gone' })]
  await turn()
  for (const { pool } of [a, b]) {
    pool.retire(() => {})
    pool.drainWorker(1)
  }
  leaves.leave()
  kept.answer('/1')
  await kept.runs('/2')
  assert.deepEqual([a.drained, b.drained], [[1], []])
  kept.answer('/2')
  await waits.over()
  await until(() => b.drained.length > 0)
})

test('a retired pool drains when the clients of all that waits in a thread have gone', async () => {
  const { a, b, run } = await oneWorker({ slots: 1 })
  await run(a, '/1')
  const leaves = b.send()
  await turn()
  b.pool.retire(() => {})
  b.pool.drainWorker(1)
  leaves.leave()
  await until(() => b.drained.length > 0)
})

test('affinity: a client’s calls wait for its worker, whichever thread has the slot', async t => {
  const clock = new StoppedClock(t)
  const bench = new ThreadBench(2, { affinity: AFFINITY })
  const [a, b] = bench.threads as Two
  const kept = [keeping(), keeping()] as const
  for (const [i, { script }] of kept.entries()) await bench.worker(i + 1, 1, script)
  const mine = { headers: ['x-client', 'mine'] }
  a.send({ ...mine, path: '/1' })
  await until(() => kept.some(({ running }) => running.length > 0))
  const [home, other] = kept[0].running.length > 0 ? kept : [kept[1], kept[0]]
  b.send({ ...mine, path: '/2' })
  await turn()
  clock.pass(10)
  a.send({ ...mine, path: '/3' })
  await turn()
  assert.deepEqual(home.paths(), ['/1'])
  for (const [path, next] of [
    ['/1', '/2'],
    ['/2', '/3'],
  ] as const) {
    home.answer(path)
    await home.runs(next)
    assert.deepEqual(home.paths(), [next])
  }
  assert.deepEqual(other.paths(), [])
})

test('affinity: a client has one home in all threads, whatever workers came since', async () => {
  const bench = new ThreadBench(2, { affinity: AFFINITY })
  const [a, b] = bench.threads as Two
  const ask = async (thread: PoolThread, client: number) => {
    const exchange = thread.send({ headers: ['x-client', String(client)] })
    await exchange.over()
    return exchange.response.text
  }
  for (let id = 1; id <= 4; id++) {
    await bench.worker(id, 1, ({ link }) => link.respond(200, [], String(id)))
    if (id === 1) for (let client = 0; client < 8; client++) await ask(a, client)
  }
  for (let client = 0; client < 8; client++) assert.equal(await ask(b, client), '1')
})

test('affinity: workers take turns with new clients of a thread', async () => {
  const root = () => applicationRoot('', '')
  const bench = new ThreadBench(2, {
    affinity: { kind: 'cookie', name: 'home', app: 'shop', root, key: Buffer.alloc(32, 'k') },
  })
  const served = new Set<number>()
  for (let id = 1; id <= 4; id++)
    await bench.worker(id, 1, ({ link }) => {
      served.add(id)
      link.respond(200, [], '')
    })
  for (const thread of bench.threads) {
    served.clear()
    for (let client = 0; client < 4; client++) await thread.send().over()
    assert.equal(served.size, 4)
  }
})

test('affinity: calls of anyone and of a worker’s clients have one order over all threads', async t => {
  const clock = new StoppedClock(t)
  const { a, b, kept, run } = await oneWorker({ slots: 1, affinity: AFFINITY })
  await run(a, '/0')
  const mine = { headers: ['x-client', 'mine'] }
  for (const [thread, request, milliseconds] of [
    [b, { path: '/1' }, 80],
    [a, { path: '/2', ...mine }, 40],
    [b, { path: '/3', ...mine }, 20],
    [a, { path: '/4' }, 10],
  ] as const) {
    thread.send(request)
    await turn()
    clock.pass(milliseconds)
  }
  for (let i = 0; i < 4; i++) {
    kept.answer(`/${i}`)
    await kept.runs(`/${i + 1}`)
    assert.deepEqual(kept.paths(), [`/${i + 1}`])
  }
})

test('a slot of a thread that died is given back when its successor has a link to it, and not before', async t => {
  const clock = new StoppedClock(t)
  const { bench, worker, a: dead, b: other, kept, run } = await oneWorker({ slots: 1 })
  await run(dead, '/dead')
  const waits = other.send({ path: '/waits' })
  await turn()
  // The slot's thread still runs the request: it says no hello.
  const [slot] = worker.slots
  slot!.greeted = 0
  const linked = slot!.links.length
  bench.replace(0)
  await until(() => slot!.links.length > linked)
  clock.pass(3)
  await turn()
  await turn()
  assert.deepEqual(kept.paths(), ['/dead'])
  kept.answer('/dead')
  slot!.greet(slot!.links[linked]!)
  await kept.runs('/waits')
  kept.answer('/waits')
  await waits.over()
})

test('a slot whose client left a stream is nobody’s until its link is made again', async t => {
  const clock = new StoppedClock(t)
  const { worker, a, b, kept, run } = await oneWorker({ slots: 1 })
  const leaves = await run(a, '/stream')
  kept.running[0]!.request.link.begin()
  await until(() => leaves.response.state === 'started')
  b.send({ path: '/next' })
  const [slot] = worker.slots
  slot!.greeted = 0
  const linked = slot!.links.length
  leaves.leave()
  await until(() => slot!.links.length > linked)
  clock.pass(3)
  await turn()
  await turn()
  assert.deepEqual(kept.paths(), ['/stream'])
  kept.running.pop()
  slot!.greet(slot!.links[linked]!)
  await kept.runs('/next')
})

test('a thread that takes the only slot there is sends as much ahead as with one thread: what waits, up to 10 ms of work', async t => {
  const clock = new StoppedClock(t)
  const bench = new ThreadBench(2)
  const [a, b] = bench.threads as Two
  const seen: string[] = []
  const held: (() => void)[] = []
  await bench.worker(1, 1, ({ environ, link }) => {
    const path = environ.get('PATH_INFO')!
    seen.push(path)
    if (path === '/') link.respond(200, [], '')
    else held.push(() => link.respond(200, [], ''))
  })
  // Of 50 µs, as each of them says: twenty are 1 ms.
  for (let i = 0; i < 500; i++) await b.send().over()
  seen.length = 0
  a.send({ path: '/a' })
  await until(() => held.length === 1)
  const calls = Array.from({ length: 40 }, (_, i) => `/b${i}`)
  for (const path of calls) b.send({ path })
  await turn()
  clock.pass(1)
  a.send({ path: '/later' })
  await turn()
  held[0]!()
  await until(() => seen.length > calls.length)
  assert.deepEqual(seen, ['/a', ...calls])
})

test('short requests are sent ahead while no other thread waits, and not any more once one does', async t => {
  const clock = new StoppedClock(t)
  const bench = new ThreadBench(2)
  const [a, b] = bench.threads as Two
  let answers = true
  const seen: string[] = []
  const held: (() => void)[] = []
  await bench.worker(1, 1, ({ environ, link }) => {
    seen.push(environ.get('PATH_INFO')!)
    if (answers) link.respond(200, [], '')
    else held.push(() => link.respond(200, [], ''))
  })
  for (let i = 0; i < 300; i++) await a.send().over()
  answers = false
  seen.length = 0
  a.send({ path: '/1' })
  a.send({ path: '/2' })
  await until(() => seen.length === 2)
  b.send({ path: '/b' })
  await turn()
  clock.pass(10)
  a.send({ path: '/3' })
  await turn()
  await turn()
  assert.deepEqual(seen, ['/1', '/2'])
  for (const next of ['/2', '/b', '/3']) {
    held.shift()!()
    if (next !== '/2') await until(() => seen.at(-1) === next)
  }
  assert.deepEqual(seen, ['/1', '/2', '/b', '/3'])
})

test('ASGI: the places of a worker are one number for all threads; a stream gives its place back', async t => {
  const clock = new StoppedClock(t)
  const bench = new ThreadBench(2)
  const [a, b] = bench.threads as Two
  const running: FakeAsgiExchange[] = []
  await bench.asgiWorker(1, 2, exchange => running.push(exchange))
  a.send({ path: '/1' })
  b.send({ path: '/2' })
  const third = b.send({ path: '/3' })
  await until(() => running.length === 2)
  clock.pass(3)
  await turn()
  assert.equal(running.length, 2)
  const first = running.find(({ path }) => path === '/1')!
  first.begin()
  await until(() => running.length === 3)
  running[2]!.respond(200, [], 'three')
  await third.over()
  assert.equal(third.response.text, 'three')
})
