import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { applicationRoot } from '../../http/application-root.ts'
import { HttpError } from '../../http/errors.ts'
import type { FakeExchange, FakeRequest } from '../testing/fake-exchange.ts'
import { Bench, echo, holding, saying } from '../testing/pool-bench.ts'
import type { PoolAffinity } from './affinity.ts'

const key = Buffer.alloc(32, 'k')
const COOKIE: PoolAffinity = {
  kind: 'cookie',
  name: 'home',
  app: 'shop',
  root: () => applicationRoot('', '/shop'),
  key,
}
const HEADER: PoolAffinity = { kind: 'header', name: 'x-client', key }

/** A bench with workers that answer with their number. */
async function benchOf(affinity: PoolAffinity, workers: number): Promise<Bench> {
  const bench = new Bench({ affinity })
  for (let id = 1; id <= workers; id++) await bench.linkedWorker(id, 1, saying(String(id)))
  return bench
}

async function ask(bench: Bench, request: FakeRequest = {}): Promise<FakeExchange> {
  const exchange = bench.send(request)
  await exchange.over()
  return exchange
}

function setCookies({ sent }: FakeExchange): string[] {
  const headers = sent.head?.headers ?? []
  return headers.filter((_, i) => headers[i - 1] === 'Set-Cookie' && i % 2 === 1)
}

/** The request of a browser that keeps its cookie. */
function visit(last: FakeExchange, others: readonly string[] = []): FakeRequest {
  return { headers: [...others, 'cookie', setCookies(last).at(-1)!.split(';')[0]!] }
}

test('cookie: new clients are spread over idle workers, and each comes back to its own', async () => {
  const bench = await benchOf(COOKIE, 4)
  const first = [await ask(bench), await ask(bench), await ask(bench), await ask(bench)]
  assert.deepEqual(first.map(({ sent }) => sent.text).sort(), ['1', '2', '3', '4'])
  for (const one of first) {
    assert.match(setCookies(one)[0]!, /^home=1\.\d+\..*; Path=\/shop; HttpOnly; SameSite=Lax$/)
    for (let i = 0; i < 3; i++) {
      const again = await ask(bench, visit(one))
      assert.equal(again.sent.text, one.sent.text)
      assert.deepEqual(setCookies(again), [], 'the client has its cookie already')
    }
  }
})

test('cookie: the application’s own cookies stay, and a response that is shared is not changed', async () => {
  const bench = new Bench({ affinity: COOKIE })
  await bench.linkedWorker(1, 1, ({ link }) => link.respond(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'], ''))
  const [one, two] = [await ask(bench), await ask(bench)]
  for (const exchange of [one, two]) {
    assert.deepEqual(setCookies(exchange).slice(0, 2), ['a=1', 'b=2'])
    assert.equal(setCookies(exchange).length, 3)
    assert.notEqual(exchange.sent.head!.comesAgain, true)
  }
  assert.notEqual(setCookies(one)[2], setCookies(two)[2])
  assert.deepEqual(setCookies(await ask(bench, visit(one))), ['a=1', 'b=2'])
})

test('cookie: none on a response that caches may give to everybody', async () => {
  const later = new Date(Date.now() + 60_000).toUTCString()
  for (const headers of [
    ['cache-control', 'public, max-age=60'],
    ['cache-control', 'max-age=1,S-MAXAGE=60'],
    // RFC9111§3: any cache may keep it, for nothing says that it is private.
    ['Cache-Control', 'max-age=60'],
    ['cache-control', 'must-revalidate', 'Cache-Control', 'Max-Age="60"'],
    ['expires', later],
    ['cdn-cache-control', 'max-age=60', 'cache-control', 'private, no-store'],
    ['Surrogate-Control', 'max-age=60'],
  ])
    assert.deepEqual(await cookiesWith(headers), [], headers.join(' '))
})

test('cookie: a response that no shared cache keeps has one', async () => {
  for (const headers of [
    ['cache-control', 'private, max-age=60'],
    ['cache-control', 'max-age=0, no-cache, no-store, must-revalidate, private', 'expires', new Date().toUTCString()],
    ['cache-control', 'max-age=0'],
    ['expires', '0'],
    ['cdn-cache-control', 'no-store'],
  ])
    assert.equal((await cookiesWith(headers)).length, 1, headers.join(' '))
})

/** What a new client gets with a response that has these headers. */
async function cookiesWith(headers: string[]): Promise<string[]> {
  const bench = new Bench({ affinity: COOKIE })
  await bench.linkedWorker(1, 1, ({ link }) => link.respond(200, headers, ''))
  return setCookies(await ask(bench))
}

test('cookie: a forged one counts as none', async () => {
  const bench = await benchOf(COOKIE, 2)
  const first = await ask(bench)
  const [cookie] = setCookies(first)
  const other = first.sent.text === '1' ? '2' : '1'
  const forged = cookie!.split(';')[0]!.replace(/=1\.\d/, `=1.${other}`)
  const answer = await ask(bench, { headers: ['cookie', forged] })
  assert.equal(setCookies(answer).length, 1)
})

test('cookie: when its worker dies, all requests of a client move to one other worker, and its cookie follows', async () => {
  const bench = new Bench({ affinity: COOKIE })
  const workers = []
  for (let id = 1; id <= 4; id++) workers.push(await bench.linkedWorker(id, 1, saying(String(id))))
  const first = await ask(bench)
  const lost = once(bench.events, 'lost')
  workers[Number(first.sent.text) - 1]!.die()
  await lost
  const moved = [await ask(bench, visit(first)), await ask(bench, visit(first)), await ask(bench, visit(first))]
  assert.equal(new Set(moved.map(({ sent }) => sent.text)).size, 1)
  assert.notEqual(moved[0]!.sent.text, first.sent.text)
  const after = await ask(bench, visit(moved[0]!))
  assert.deepEqual([after.sent.text, setCookies(after)], [moved[0]!.sent.text, []])
})

test('cookie: no answer of ours for a lost worker names it', async () => {
  const bench = new Bench({ affinity: COOKIE })
  const held = holding()
  const worker = await bench.linkedWorker(1, 1, held.script)
  const exchange = bench.send({ method: 'POST' })
  await held.until(1)
  const lost = once(bench.events, 'lost')
  worker.die()
  await lost
  assert.equal((exchange.error as HttpError).status, 502)
  exchange.response.respond({ status: 502, reason: '', headers: [] }, Buffer.alloc(0))
  assert.deepEqual(setCookies(exchange), [])
})

test('header: each value has its worker; a request without the header goes to any', async () => {
  const bench = await benchOf(HEADER, 4)
  const homes = new Map<string, string>()
  for (let round = 0; round < 3; round++)
    for (let i = 0; i < 40; i++) {
      const { sent } = await ask(bench, { headers: ['x-client', `c${i}`] })
      assert.equal(sent.text, homes.get(`c${i}`) ?? sent.text)
      homes.set(`c${i}`, sent.text)
      assert.deepEqual(sent.head!.headers, [])
    }
  assert.equal(new Set(homes.values()).size, 4)
  const free = [await ask(bench), await ask(bench), await ask(bench), await ask(bench)]
  assert.equal(new Set(free.map(({ sent }) => sent.text)).size, 4)
})

test('address: the requests of one client go to one worker', async () => {
  const bench = await benchOf({ kind: 'address', key }, 4)
  const answers = []
  for (let i = 0; i < 8; i++) answers.push((await ask(bench)).sent.text)
  assert.equal(new Set(answers).size, 1)
})

test('header: clients keep their worker when another one comes, and find it again after the gateway has crashed', async () => {
  const homes = async (bench: Bench) => {
    const found: string[] = []
    for (let i = 0; i < 30; i++) found.push((await ask(bench, { headers: ['x-client', `c${i}`] })).sent.text)
    return found
  }
  const bench = await benchOf(HEADER, 3)
  const before = await homes(bench)
  assert.deepEqual(await homes(await benchOf(HEADER, 3)), before)
  await bench.linkedWorker(4, 1, saying('4'))
  assert.deepEqual(await homes(bench), before)
})

/** Two workers that hold their requests, and a client of each. */
async function twoHomes(bench: Bench) {
  const held = [holding(), holding()]
  const workers = [await bench.linkedWorker(1, 1, held[0]!.script), await bench.linkedWorker(2, 1, held[1]!.script)]
  const clientOf: string[] = []
  for (let i = 0; clientOf[0] === undefined || clientOf[1] === undefined; i++) {
    const before = held.map(({ requests }) => requests.length)
    const exchange = bench.send({ headers: ['x-client', `c${i}`], path: '/probe' })
    while (exchange.servedBy === null) await new Promise(setImmediate)
    const at = exchange.servedBy.worker - 1
    await held[at]!.until(before[at]! + 1)
    held[at]!.requests.at(-1)!.link.respond(200, [], '')
    await exchange.over()
    clientOf[at] ??= `c${i}`
  }
  const send = (home: number, path: string, method = 'GET') =>
    bench.send({ headers: ['x-client', clientOf[home - 1]!], path, method })
  return { held, workers, send }
}

test('a request waits for its worker while another one is free', async () => {
  const bench = new Bench({ affinity: HEADER })
  const { held, send } = await twoHomes(bench)
  const probes = held[0]!.requests.length
  const running = send(1, '/running')
  const waiting = send(1, '/waiting')
  await held[0]!.until(probes + 1)
  assert.deepEqual([waiting.servedBy, bench.stats().queued], [null, 1])
  held[0]!.requests.at(-1)!.link.respond(200, [], '')
  await held[0]!.until(probes + 2)
  held[0]!.requests.at(-1)!.link.respond(200, [], '')
  await Promise.all([running.over(), waiting.over()])
  assert.equal(waiting.servedBy!.worker, 1)
})

for (const how of ['dies', 'drains'] as const)
  test(`when a worker ${how}, what waits for it is sent to another one, in order`, async () => {
    const bench = new Bench({ affinity: HEADER })
    const { held, workers, send } = await twoHomes(bench)
    const [first, second] = held as [(typeof held)[0], (typeof held)[0]]
    const probes = first.requests.length
    send(1, '/running', 'POST')
    const waiting = ['/a', '/b', '/c'].map(path => send(1, path))
    await first.until(probes + 1)
    const served: string[] = []
    second.requests.length = 0
    workers[1]!.script = request => {
      served.push(request.environ.get('PATH_INFO')!)
      echo(request)
    }
    if (how === 'dies') workers[0]!.die()
    else bench.pool.drainWorker(1)
    for (const exchange of waiting) await exchange.over()
    assert.deepEqual(served, ['/a', '/b', '/c'])
  })

test('the limit of the queue counts what waits for all workers together', async () => {
  const bench = new Bench({ affinity: HEADER, limits: { queue: 2 } })
  const { send } = await twoHomes(bench)
  for (const home of [1, 2]) send(home, '/running')
  const waiting = [send(1, '/a'), send(2, '/b')]
  const refused = send(1, '/c')
  assert.ok(refused.error instanceof HttpError && refused.error.status === 503)
  assert.deepEqual(
    waiting.map(({ error }) => error),
    [null, null],
  )
})

test('without a worker a client’s requests wait, and go to one worker when there are some', async () => {
  const bench = new Bench({ affinity: HEADER })
  const waiting = Array.from({ length: 6 }, () => bench.send({ headers: ['x-client', 'early'] }))
  assert.equal(bench.stats().queued, 6)
  await Promise.all([bench.linkedWorker(1, 1, saying('1')), bench.linkedWorker(2, 1, saying('2'))])
  for (const exchange of waiting) await exchange.over()
  assert.equal(new Set(waiting.map(({ sent }) => sent.text)).size, 1)
})

test('a reload moves clients to the new workers', async () => {
  const bench = await benchOf(HEADER, 2)
  bench.pool.serve(1)
  const ids = [3, 4]
  for (const id of ids) {
    const linked = once(bench.events, 'linked')
    await bench.worker(id, 1, saying(String(id)), undefined, 0, 2)
    await linked
  }
  const before = await ask(bench, { headers: ['x-client', 'c'] })
  assert.ok(['1', '2'].includes(before.sent.text))
  bench.pool.serve(2)
  for (const id of [1, 2]) bench.pool.drainWorker(id)
  const after = await ask(bench, { headers: ['x-client', 'c'] })
  assert.ok(['3', '4'].includes(after.sent.text))
})

test('after a crash of the gateway clients wait for their worker until its link is open', async () => {
  const bench = new Bench({ affinity: HEADER })
  const workers = []
  for (const id of [1, 2, 3]) {
    const worker = await bench.worker(id, 1, saying(String(id)), undefined, 0, 1, [], true)
    if (id > 1) worker.greeted = 0
    workers.push(worker)
  }
  await once(bench.events, 'linked')
  const exchanges = Array.from({ length: 12 }, (_, i) => bench.send({ headers: ['x-client', `c${i}`] }))
  for (const worker of workers.slice(1)) {
    if (worker.links.length === 0) await once(worker.events, 'link')
    worker.greet(worker.links[0]!)
  }
  for (const exchange of exchanges) await exchange.over()
  const settled = await benchOf(HEADER, 3)
  for (const [i, { sent }] of exchanges.entries())
    assert.equal(sent.text, (await ask(settled, { headers: ['x-client', `c${i}`] })).sent.text)
})

test('after a crash of the gateway requests that come before the workers are known find their workers', async () => {
  const before = await benchOf(COOKIE, 3)
  const first = [await ask(before), await ask(before), await ask(before)]
  const bench = new Bench({ affinity: COOKIE })
  const exchanges = first.map(one => bench.send(visit(one)))
  const workers = []
  for (const id of [1, 2, 3]) {
    const worker = await bench.worker(id, 1, saying(String(id)), undefined, 0, 1, [], true)
    worker.greeted = 0
    workers.push(worker)
    bench.send(visit(first[2]!))
  }
  for (const worker of workers) {
    if (worker.links.length === 0) await once(worker.events, 'link')
    worker.greet(worker.links[0]!)
  }
  for (const [i, exchange] of exchanges.entries()) {
    await exchange.over()
    assert.deepEqual([exchange.sent.text, setCookies(exchange)], [first[i]!.sent.text, []])
  }
})

test('development: requests wait, or get the error, whoever their worker is', async () => {
  const bench = await benchOf(HEADER, 2)
  bench.pool.hold()
  const held = ['a', 'b', 'c'].map(client => bench.send({ headers: ['x-client', client] }))
  assert.equal(bench.stats().queued, 3)
  bench.pool.refuse(new HttpError(500, 'The code does not load', 'application'))
  assert.deepEqual(
    held.map(({ error }) => (error as HttpError).status),
    [500, 500, 500],
  )
  bench.pool.release(1)
  assert.equal((await ask(bench, { headers: ['x-client', 'a'] })).sent.status, 200)
})
