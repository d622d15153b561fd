import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { closeSync, fstatSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, test } from 'node:test'
import { TemporarySpace } from '../base/temporary-space.ts'
import type { Limits, QueueOrder, Timeouts } from '../config/types.ts'
import { HttpError } from '../http/errors.ts'
import { RequestBody } from './body.ts'
import { AppPool } from './pool.ts'
import { OVERLOADED_MS } from './queue.ts'
import { FakeExchange, type FakeRequest } from './testing/fake-exchange.ts'
import {
  type FakeLink,
  FakeWorker,
  type FakeWorkerRequest,
  fileFrame,
  frame,
  type Script,
  u32,
} from './testing/fake-worker.ts'
import { FrameType } from './wire/frames.ts'

const directory = mkdtempSync(join(tmpdir(), 'jumak-pool-'))
after(() => rmSync(directory, { recursive: true }))

const limits: Limits = {
  requestLine: 8192,
  headerBytes: 65536,
  headerCount: 100,
  body: 1 << 30,
  memoryBuffer: 64 * 1024,
  responseBuffer: 512 * 1024,
  connections: 100,
  connectionsPerAddress: 0,
  temporaryBytes: null,
  openFiles: 100,
  bodyRate: 0,
  sendRate: 0,
  queue: 100,
  websocketMessage: 1 << 20,
}
const timeouts: Timeouts = {
  head: 0,
  body: 0,
  keepAlive: 0,
  send: 0,
  request: 0,
  requestFor: [],
  streamIdle: 0,
  queue: 0,
  graceful: 0,
  websocketPing: 0,
  websocketPong: 0,
}

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

let nextSocket = 0

class Bench {
  readonly events = new EventEmitter()
  readonly logs: string[] = []
  readonly lost: [number, string][] = []
  readonly stuck: [number, string][] = []
  readonly drained: number[] = []
  readonly spent: [number, number][] = []
  readonly cold: [number, string][] = []
  readonly pool: AppPool

  constructor(
    changes: {
      limits?: Partial<Limits>
      timeouts?: Partial<Timeouts>
      queueOrder?: QueueOrder
      beforeDispatch?: () => void
    } = {},
  ) {
    this.pool = new AppPool({
      limits: { ...limits, ...changes.limits },
      timeouts: { ...timeouts, ...changes.timeouts },
      queueOrder: changes.queueOrder ?? 'fifo',
      space: new TemporarySpace(directory),
      build: 'b1',
      onError: FakeExchange.failed,
      beforeDispatch: changes.beforeDispatch,
      events: {
        linked: id => this.events.emit('linked', id),
        drained: id => {
          this.drained.push(id)
          this.events.emit('drained')
        },
        lost: (id, reason) => {
          this.lost.push([id, reason])
          this.events.emit('lost')
        },
        stuck: (id, note) => {
          this.stuck.push([id, note])
          this.events.emit('stuck')
        },
        warming: id => this.events.emit('warming', id),
        cold: (id, note) => {
          this.cold.push([id, note])
          this.events.emit('cold')
        },
        spent: (id, requests) => this.spent.push([id, requests]),
        blocked: () => {},
        log: (_, message) => this.logs.push(message),
      },
    })
    cleanups.push(() => this.pool.close())
  }

  async worker(
    id: number,
    slots: number,
    script: Script,
    build?: string,
    maxRequests = 0,
    generation = 1,
    warmup: readonly string[] = [],
  ): Promise<FakeWorker> {
    const worker = await new FakeWorker(join(directory, `w${nextSocket++}.sock`), id, script, build).listen()
    cleanups.push(() => worker.die())
    this.pool.addWorker({
      worker: id,
      pid: process.pid,
      socket: worker.path,
      slots,
      generation,
      maxRequests,
      interface: 'wsgi',
      warmup: warmup.map(target => ({ scheme: 'https', authority: 'shop.example', target })),
    })
    return worker
  }

  async linkedWorker(id: number, slots: number, script: Script, maxRequests = 0): Promise<FakeWorker> {
    const linked = once(this.events, 'linked')
    const worker = await this.worker(id, slots, script, undefined, maxRequests)
    await linked
    return worker
  }

  send(request: FakeRequest = {}): FakeExchange {
    const exchange = new FakeExchange(request)
    if (request.body === undefined) {
      this.pool.handle(exchange, null)
      return exchange
    }
    const body = new RequestBody({
      space: new TemporarySpace(directory),
      memoryBytes: limits.memoryBuffer,
      onRoom: () => {},
      onError: error => FakeExchange.failed(exchange, error),
    })
    for (let at = 0; at < request.body.length; at += 10_000) body.append(request.body.subarray(at, at + 10_000))
    body.seal(() => this.pool.handle(exchange, body))
    return exchange
  }
}

/** A script that keeps requests until the test answers them. */
function holding() {
  const requests: FakeWorkerRequest[] = []
  const events = new EventEmitter()
  const script: Script = request => {
    requests.push(request)
    events.emit('request')
  }
  const until = async (count: number) => {
    while (requests.length < count) await once(events, 'request')
  }
  return { requests, script, until }
}

const echo: Script = ({ environ, body, link }) =>
  link.respond(200, ['X-Path', environ.get('PATH_INFO')!, 'X-Length', String(body.length)], body)
const saying =
  (word: string): Script =>
  ({ link }) =>
    link.respond(200, [], Buffer.from(word))

test('a request is answered with head and content', async () => {
  const bench = new Bench()
  await bench.linkedWorker(1, 1, echo)
  const exchange = bench.send({ method: 'POST', path: '/a%20b', body: Buffer.from('hello') })
  await exchange.over()
  assert.deepEqual(exchange.response.head, { status: 200, reason: 'OK', headers: ['X-Path', '/a b', 'X-Length', '5'] })
  assert.equal(exchange.response.text, 'hello')
  assert.equal(exchange.response.state, 'ended')
})

test('an exchange tells how long it waited, how long it ran, and where', async () => {
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

test('a streamed response tells its run time as well', async () => {
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

test('a request that found no worker in time tells how long it waited', async () => {
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
  assert.equal(bench.pool.stats().queued, 1)
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

test('a worker may answer before it has the body; the slot is free when all of it went through', async () => {
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

test('when the queue is full a request is refused at once with Retry-After', async () => {
  const bench = new Bench({ limits: { queue: 1 } })
  bench.send()
  const refused = bench.send()
  assert.ok(refused.error instanceof HttpError)
  assert.equal(refused.error.status, 503)
  assert.ok(refused.error.retryAfter! >= 1)
})

test('newest-first, while the oldest has waited too long: it makes room in a full queue, and the newest is served first', async t => {
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
  assert.equal(bench.pool.stats().queued, 0)
})

test('a client that leaves the queue never reaches a worker', async () => {
  const bench = new Bench()
  const gone = bench.send({ path: '/gone' })
  const stays = bench.send({ path: '/stays' })
  gone.leave()
  assert.equal(bench.pool.stats().queued, 1)
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

test('a complete answer for a client that has gone is discarded and the link stays', async () => {
  const bench = new Bench()
  const held = holding()
  const worker = await bench.linkedWorker(1, 1, held.script)
  const gone = bench.send()
  await held.until(1)
  gone.leave()
  held.requests[0]!.link.respond(200, [], 'late')
  const next = bench.send()
  await held.until(2)
  held.requests[1]!.link.respond(200, [], 'ok')
  await next.over()
  assert.equal(gone.response.text, '')
  assert.equal(next.response.text, 'ok')
  assert.equal(worker.links.length, 1)
})

test('a stream for a client that has gone is cut, and the slot links anew', async () => {
  const bench = new Bench()
  const held = holding()
  const worker = await bench.linkedWorker(1, 1, held.script)
  const gone = bench.send()
  await held.until(1)
  gone.leave()
  const closed = once(worker.links[0]!.socket, 'close')
  const relinked = once(worker.events, 'link')
  held.requests[0]!.link.begin()
  await closed
  await relinked
  worker.script = echo
  const next = bench.send()
  await next.over()
  assert.equal(next.response.status, 200)
  assert.deepEqual(bench.lost, [])
})

test('a client that leaves a running stream ends it at once', async () => {
  const bench = new Bench()
  const held = holding()
  const worker = await bench.linkedWorker(1, 1, held.script)
  const exchange = bench.send()
  await held.until(1)
  held.requests[0]!.link.begin()
  held.requests[0]!.link.chunk('one')
  await once(exchange.response.events, 'write')
  const closed = once(worker.links[0]!.socket, 'close')
  exchange.leave()
  await closed
})

test('an interim response, chunks and the end arrive in order', async () => {
  const bench = new Bench()
  await bench.linkedWorker(1, 1, ({ link }) => {
    const inform = Buffer.concat([Buffer.from([103, 0]), Buffer.from('Early Hints\0Link\0</a.css>')])
    link.socket.write(frame(FrameType.INFORM, inform))
    link.begin()
    link.chunk('a')
    link.chunk('b')
    link.finish()
  })
  const exchange = bench.send()
  await exchange.over()
  assert.deepEqual(exchange.response.informed[0]!.headers, ['Link', '</a.css>'])
  assert.equal(exchange.response.text, 'ab')
})

test('a slow client costs no worker: the slot is free while memory and a file hold the response', async () => {
  const bench = new Bench()
  const big = Buffer.alloc(400_000, 'response ')
  await bench.linkedWorker(1, 1, request => {
    if (request.environ.get('PATH_INFO') !== '/big') return echo(request)
    request.link.begin()
    for (let i = 0; i < big.length; i += 50_000) request.link.chunk(big.subarray(i, i + 50_000))
    request.link.finish()
  })
  const slow = bench.send({ path: '/big' })
  slow.response.accepts = false
  const next = bench.send({ path: '/next' })
  await next.over()
  assert.equal(slow.response.bytesWritten, 50_000)
  assert.equal(slow.response.state, 'started')
  slow.response.accepts = true
  slow.response.drain()
  await slow.over()
  assert.ok(Buffer.concat(slow.response.chunks).equals(big))
})

test('past the bound of the buffers the worker is held back, and goes on when the client does', async () => {
  const bench = new Bench()
  const big = Buffer.alloc(8_000_000, 'response ')
  let finished = false
  await bench.linkedWorker(1, 1, ({ link }) => {
    link.begin()
    for (let i = 0; i < big.length; i += 500_000) link.chunk(big.subarray(i, i + 500_000))
    link.socket.write(frame(FrameType.END, u32(1)), () => {
      finished = true
    })
  })
  const slow = bench.send()
  slow.response.accepts = false
  await once(slow.response.events, 'write')
  // Several turns in which it would read on if it were not held.
  for (let i = 0; i < 50; i++) await new Promise(resolve => setImmediate(resolve))
  assert.equal(finished, false)
  slow.response.accepts = true
  slow.response.drain()
  await slow.over()
  assert.ok(Buffer.concat(slow.response.chunks).equals(big))
})

test('a file that a worker offers is sent by the gateway, and the worker is free', {
  skip: process.platform !== 'linux',
}, async () => {
  const bench = new Bench()
  const path = join(directory, 'file.txt')
  writeFileSync(path, '0123456789')
  const fd = openSync(path, 'r')
  const stat = fstatSync(fd, { bigint: true })
  await bench.linkedWorker(1, 1, ({ link, environ }) => {
    const wrong = environ.get('PATH_INFO') === '/wrong'
    link.begin()
    link.socket.write(fileFrame(fd, 2, wrong ? 100 : 5, stat.dev, stat.ino))
    link.events.once('file-opened', answer => {
      if (answer === 0) link.chunk('from the worker')
      link.finish()
    })
  })
  const exchange = bench.send()
  await exchange.over()
  assert.equal(exchange.response.text, '23456')
  const wrong = bench.send({ path: '/wrong' })
  await wrong.over()
  assert.equal(wrong.response.text, 'from the worker')
  closeSync(fd)
})

test('an application that fails before the head is a 500 without its reason, after it a cut', async () => {
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

test('a GET whose worker dies is tried again by another worker, a POST is a 502', async () => {
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
  assert.equal(bench.pool.stats().workers, 1)
})

test('a request takes two workers with it at most', async () => {
  const bench = new Bench()
  const exchange = bench.send({ method: 'PUT', body: Buffer.alloc(100_000) })
  const kill: Script = ({ link }) => link.socket.destroy()
  await bench.linkedWorker(1, 1, kill)
  await bench.linkedWorker(2, 1, kill)
  await exchange.over()
  assert.equal((exchange.error as HttpError).status, 502)
  assert.equal(bench.lost.length, 2)
})

test('who shared a worker with a request that costs two of them is answered all the same', async () => {
  const bench = new Bench()
  const held = holding()
  const first = await bench.linkedWorker(1, 2, held.script)
  const innocent = bench.send({ path: '/innocent' })
  const killer = bench.send({ path: '/killer' })
  await held.until(2)
  first.die()
  const second: FakeWorker = await bench.linkedWorker(2, 2, request => {
    if (request.environ.get('PATH_INFO') === '/killer') second.die()
    // Long enough for the other one to come, if it did.
    else setTimeout(() => request.link.respond(200, [], 'answered'), 20)
  })
  await killer.over()
  assert.equal((killer.error as HttpError).status, 502)
  await bench.linkedWorker(3, 1, echo)
  await innocent.over()
  assert.equal(innocent.error, null)
  assert.equal(innocent.response.head!.status, 200)
})

test('the log names what a lost worker held, and counts it when it is much', async () => {
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

test('after a request has cost two workers its like is not sent again', async () => {
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
    interface: 'wsgi',
  })
  await lost
  assert.match(bench.lost[0]![1], /ENOENT/)
  assert.equal(bench.pool.stats().workers, 0)
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

test('a request past its deadline is a 504, its worker is reported stuck and gets nothing new; its other slots go on', async () => {
  const bench = new Bench({ timeouts: { request: 100 } })
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
  assert.equal(bench.pool.stats().queued, 1)
  clearInterval(alive)
  link.finish()
  await stream.over()
  assert.equal(stream.response.state, 'ended')
  later.leave()
  stuckWorker.die()
  assert.deepEqual(bench.lost, [])
})

test('a path has the deadline of its prefix, one request after another on one link', async () => {
  const requestFor = [
    { prefix: '/quick/', timeout: 100 },
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
  // Neither of them has what the link had armed before.
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

test('a worker that has answered its number of requests is reported spent, once, and serves on', async () => {
  const bench = new Bench()
  await bench.linkedWorker(1, 2, echo, 3)
  for (let i = 0; i < 5; i++) await bench.send().over()
  assert.deepEqual(bench.spent, [[1, 3]])
})

test('a request whose client left it half-way counts too', async () => {
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

test('no more content is sent ahead than the kernel keeps, and the rest follows', async () => {
  const bench = new Bench()
  const worker = await bench.linkedWorker(1, 1, echo)
  for (let i = 0; i < 600; i++) await bench.send().over()
  const held = holding()
  worker.script = held.script
  const body = Buffer.alloc(20_000)
  const exchanges = Array.from({ length: 20 }, () => bench.send({ method: 'PUT', body }))
  await held.until(1)
  assert.equal(bench.pool.stats().queued, 20 - 9)
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

test('closing the pool answers what waits and cuts what runs', async () => {
  const bench = new Bench()
  const held = holding()
  await bench.linkedWorker(1, 1, held.script)
  const running = bench.send()
  await held.until(1)
  held.requests[0]!.link.begin()
  await once(running.response.events, 'start')
  const waiting = bench.send()
  bench.pool.close()
  assert.equal(running.response.state, 'aborted')
  assert.equal((waiting.error as HttpError).status, 503)
})

test('a generation that comes up gets nothing, linked as it is, until it takes over', async () => {
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

test('a generation that comes up gets what waits when nobody else is left', async () => {
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

test('while developing: what was held goes to the released generation only', async () => {
  const bench = new Bench()
  bench.pool.hold()
  await bench.linkedWorker(1, 1, saying('old'))
  const exchange = bench.send()
  assert.equal(bench.pool.stats().queued, 1)
  bench.pool.release(2)
  assert.equal(bench.pool.stats().queued, 1)
  const linked = once(bench.events, 'linked')
  await bench.worker(2, 1, saying('new'), undefined, 0, 2)
  await linked
  await exchange.over()
  assert.equal(exchange.response.text, 'new')
})

test('while developing: whoever looks at the code before a dispatch may hold it', async () => {
  let isChanged = false
  const bench = new Bench({ beforeDispatch: () => isChanged && bench.pool.hold() })
  await bench.linkedWorker(1, 1, saying('code'))
  const first = bench.send()
  await first.over()
  isChanged = true
  const second = bench.send()
  assert.equal(bench.pool.stats().queued, 1)
  isChanged = false
  bench.pool.release(1)
  await second.over()
  assert.equal(second.response.status, 200)
})

test('while developing: code that does not load answers all with its error, until it is released', async () => {
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

test('a worker answers its warm-up requests, in order, before it gets any other', async () => {
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
  // A stream is an answer when it has ended.
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

test('a worker that fails in its warm-up gets no request: by status, by its end, by time', async () => {
  const bench = new Bench({ timeouts: { request: 60 } })
  const scripts: readonly (readonly [Script, string])[] = [
    [({ link }) => link.respond(503, [], 'no database'), 'GET /a answered 503 Service Unavailable'],
    [({ link }) => link.socket.destroy(), 'GET /a was not answered: The application ended without an answer'],
    [() => {}, 'GET /a was not answered: The application took too long'],
  ]
  for (const [index, [script, note]] of scripts.entries()) {
    const cold = once(bench.events, 'cold')
    await bench.worker(index, 1, script, undefined, 0, 1, ['/a', '/never'])
    await cold
    assert.deepEqual(bench.cold.at(-1), [index, note])
  }
  assert.equal(bench.pool.stats().workers, 0)
  assert.deepEqual(
    [bench.lost.map(([id]) => id), bench.stuck.map(([id]) => id)],
    [[1], [2]],
    'what else was wrong is told as ever',
  )
})
