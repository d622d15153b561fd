/** WSGI workers that die, break the rules and stream, and clients that leave: no exchange is lost or answered twice. */

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { MemoryBudget } from '../../base/memory-budget.ts'
import { TemporarySpace } from '../../base/temporary-space.ts'
import { withoutSpares } from '../../base/testing/spare-blocks.ts'
import { testApp } from '../../config/testing/config.ts'
import { applicationRoot } from '../../http/application-root.ts'
import { linkFactory } from '../links.ts'
import { AddressCount } from '../testing/address-count.ts'
import { FakeExchange } from '../testing/fake-exchange.ts'
import { FakeWorker, type FakeWorkerRequest } from '../testing/fake-worker.ts'
import { numbers } from '../testing/numbers.ts'
import { PoolReader } from '../testing/pool-stats.ts'
import type { PoolAffinity } from './affinity.ts'
import { RequestBody } from './body.ts'
import { AppPool } from './pool.ts'

const directory = mkdtempSync(join(tmpdir(), 'jumak-chaos-'))
after(() => rmSync(directory, { recursive: true }))

const turn = () => new Promise(resolve => setImmediate(resolve))

/** Every answer has the request's path in it: an answer to the wrong exchange is noticed. */
function act(worker: FakeWorker, request: FakeWorkerRequest, dice: (below: number) => number): void {
  const { link, environ, body } = request
  const path = environ.get('PATH_INFO')!
  const roll = dice(200)
  if (roll === 0) worker.die()
  else if (roll === 1) link.respond(200, ['bad name', 'x'], '')
  else if (roll < 40) {
    link.begin()
    link.chunk(`${path}:`)
    setImmediate(() => {
      link.chunk(String(body.length))
      link.finish()
    })
  } else link.respond(200, [], `${path}:${body.length}`)
}

async function run(seed: number, affinity: PoolAffinity = null): Promise<void> {
  const dice = numbers(seed)
  let workers = 0
  let draining = 0
  const drained: number[] = []
  const alive = new Map<number, FakeWorker>()
  const start = async () => {
    const id = ++workers
    const path = join(directory, `${affinity?.kind ?? 'any'}-${seed}-${id}.sock`)
    const slots = 1 + dice(3)
    const worker = await new FakeWorker(path, id, request => act(worker, request, dice), 'b1', slots).listen()
    alive.set(id, worker)
    pool.addWorker({
      worker: id,
      pid: process.pid,
      socket: path,
      slots,
      generation: 1 + dice(2),
      maxRequests: 0,
      isApart: false,
      interface: 'wsgi',
    })
  }
  const replace = (id: number) => {
    alive.get(id)?.die()
    alive.delete(id)
    void start()
  }
  const memory = new MemoryBudget()
  const reader = new PoolReader()
  const { limits, timeouts } = testApp({
    limits: { memoryBuffer: 50_000, responseBuffer: 100_000, queue: 1000 },
    timeouts: { request: 0, streamIdle: 0, queue: 0 },
  })
  const perAddress = new AddressCount(40)
  const pool = new AppPool({
    limits,
    timeouts,
    links: reader.links(
      linkFactory({ limits, timeouts, space: new TemporarySpace(directory), memory, build: 'b1', rootPath: '' }),
    ),
    onError: FakeExchange.failed,
    affinity,
    perAddress,
    events: {
      linked: () => {},
      lost: replace,
      stuck: () => assert.fail('nothing is ever stuck'),
      warming: () => {},
      cold: () => {},
      spent: () => {},
      drained: id => {
        drained.push(id)
        replace(id)
      },
      blocked: () => {},
      log: () => {},
    },
  })
  await start()
  await start()
  const all: { exchange: FakeExchange; path: string; length: number; overs: number; left: boolean }[] = []
  for (let i = 0; i < 600; i++) {
    const length = [0, 0, 0, 10, 70_000, 300_000][dice(6)]!
    const path = `/${i}`
    const exchange = new FakeExchange({
      method: ['GET', 'POST', 'PUT'][dice(3)]!,
      path,
      address: `192.0.2.${dice(4)}`,
      body: Buffer.alloc(length),
      headers: ['x-client', String(dice(20))],
    })
    const entry = { exchange, path, length, overs: 0, left: false }
    exchange.sent.events.on('over', () => entry.overs++)
    all.push(entry)
    const body = new RequestBody({
      space: new TemporarySpace(directory),
      memory,
      expected: undefined,
      memoryBytes: 50_000,
      onRoom: () => {},
      onError: error => assert.fail(error.message),
    })
    if (length > 0) body.append(Buffer.alloc(length))
    if (length === 0) pool.handle(exchange, null)
    else body.seal(() => pool.handle(exchange, body))
    if (dice(4) === 0) await turn()
    const leaver = all[dice(all.length)]!
    if (dice(10) === 0 && leaver.overs === 0 && leaver.exchange.error === null) {
      leaver.left = true
      leaver.exchange.leave()
    }
    if (dice(100) === 0) {
      const id = [...alive.keys()][0]!
      draining++
      pool.drainWorker(id)
    }
  }
  for (const { exchange } of all) await exchange.over()
  for (const { exchange, path, length, overs, left } of all) {
    assert.equal(overs, 1, `${path} ended ${overs} times`)
    if (exchange.error === null && !left) assert.equal(exchange.sent.text, `${path}:${length}`)
  }
  assert.ok(all.some(({ exchange }) => exchange.error === null))
  assert.equal(reader.stats(pool).queued, 0)
  assert.ok(drained.length <= draining)
  assert.equal(perAddress.total, 0, 'requests are counted that do not wait')
  pool.close()
  withoutSpares(memory)
  assert.deepEqual([memory.used, memory.accounts], [0, 0], 'memory is counted that nobody holds')
  for (const worker of alive.values()) worker.die()
  while (readdirSync(directory).some(name => name.startsWith('jumak-'))) await turn()
}

for (const seed of [1, 2, 3, 4, 5])
  test(`each exchange ends exactly once, with its own answer (seed ${seed})`, () => run(seed))

const key = Buffer.alloc(32, 'k')
for (const affinity of [
  { kind: 'header', name: 'x-client', key },
  { kind: 'cookie', name: 'home', app: 'shop', root: () => applicationRoot('', ''), key },
] as const)
  for (const seed of [1, 2, 3])
    test(`each exchange ends exactly once, with affinity by ${affinity.kind} (seed ${seed})`, () => run(seed, affinity))
