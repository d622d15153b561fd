/** Which requests count for the limit of their client's address: those that wait for a worker, or for more of their content. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryBudget } from '../../base/memory-budget.ts'
import { TemporarySpace } from '../../base/temporary-space.ts'
import { testApp } from '../../config/testing/config.ts'
import { appHandler } from '../../handlers/app.ts'
import { ClientGoneError, HttpError } from '../../http/errors.ts'
import { AddressCount } from '../testing/address-count.ts'
import { FakeExchange, type FakeRequest } from '../testing/fake-exchange.ts'
import { Bench, directory, echo, holding } from '../testing/pool-bench.ts'
import type { PoolAffinity } from './affinity.ts'

const AFFINITY: PoolAffinity = { kind: 'header', name: 'x-client', key: Buffer.alloc(32, 'k') }
const [CLIENT, OTHER] = ['192.0.2.1', '192.0.2.2']

/** `send`: to the handler of the application, which collects content. */
function limited(limit: number, { affinity, isLive = false }: { affinity?: PoolAffinity; isLive?: boolean } = {}) {
  const perAddress = new AddressCount(limit)
  const bench = new Bench({ perAddress, ...(affinity && { affinity }) })
  const handler = appHandler(bench.pool, {
    requestBuffering: !isLive,
    limits: testApp({ limits: { memoryBuffer: 100_000 } }).limits,
    space: new TemporarySpace(directory),
    memory: new MemoryBudget(),
    perAddress,
    onError: FakeExchange.failed,
  })
  const send = (request: FakeRequest = {}) => {
    const exchange = new FakeExchange(request)
    void handler(exchange)
    return exchange
  }
  return { bench, perAddress, send }
}

function isRefused({ error }: FakeExchange): boolean {
  return error instanceof HttpError && error.status === 429 && error.retryAfter! >= 1
}

for (const affinity of [undefined, AFFINITY])
  test(`one address may have so many requests in the queue, and others wait behind them${affinity ? ', with affinity' : ''}`, async () => {
    const { bench, perAddress, send } = limited(2, affinity && { affinity })
    const waiting = [send(), send()]
    const refused = send()
    assert.ok(isRefused(refused))
    const other = send({ address: OTHER })
    assert.deepEqual([perAddress.of(CLIENT), perAddress.of(OTHER), bench.pool.waiting], [2, 1, 3])
    waiting[0]!.leave()
    const later = send()
    assert.equal(later.error, null)
    await bench.linkedWorker(1, 1, echo)
    await Promise.all([waiting[1]!.over(), other.over(), later.over()])
    assert.deepEqual([perAddress.of(CLIENT), perAddress.of(OTHER)], [0, 0])
  })

test('a request that gets a worker at once is not counted, with content or without', async () => {
  const { bench, perAddress, send } = limited(1)
  await bench.linkedWorker(1, 1, echo)
  for (const body of [Buffer.alloc(0), Buffer.from('hello')]) await send({ body }).over()
  assert.equal(perAddress.added, 0)
})

test('a request that a worker runs does not count any more', async () => {
  const { bench, perAddress, send } = limited(1)
  const held = holding()
  const first = send()
  await bench.linkedWorker(1, 1, held.script)
  await held.until(1)
  assert.equal(perAddress.of(CLIENT), 0)
  const second = send()
  assert.equal(second.error, null)
  assert.ok(isRefused(send()))
  for (const count of [1, 2]) {
    await held.until(count)
    echo(held.requests[count - 1]!)
  }
  await Promise.all([first.over(), second.over()])
})

for (const size of [1000, 80_000])
  test(`content of ${size} bytes that does not come: its request counts, and goes on in the queue`, async () => {
    const { bench, perAddress, send } = limited(1)
    const slow = send({ method: 'POST', body: Buffer.alloc(size), chunkSize: 500, stopsAfter: 500 })
    assert.equal(perAddress.of(CLIENT), 1)
    const refused = send({ method: 'POST', body: Buffer.alloc(size), chunkSize: 500, stopsAfter: 500 })
    assert.ok(isRefused(refused))
    assert.ok(isRefused(send()))
    assert.equal(send({ address: OTHER }).error, null)
    slow.goOn()
    assert.deepEqual([perAddress.of(CLIENT), bench.pool.waiting], [1, 2])
    await bench.linkedWorker(1, 1, echo)
    await slow.over()
    assert.equal(perAddress.of(CLIENT), 0)
  })

test('long content is refused before a byte of it is asked for', () => {
  const { send } = limited(1)
  send()
  const refused = send({ method: 'POST', body: Buffer.alloc(80_000) })
  assert.ok(isRefused(refused))
  assert.equal(refused.body.isPulled, false)
})

test('a client that leaves in the middle of its content counts no more', () => {
  const { perAddress, send } = limited(1)
  const gone = { method: 'POST', body: Buffer.alloc(1000), chunkSize: 500, stopsAfter: 500 }
  for (const isAtOnce of [true, false]) {
    const exchange = send({ ...gone, ...(isAtOnce && { stopsAfter: 1000 }), bodyError: new ClientGoneError() })
    exchange.goOn()
    assert.equal(perAddress.of(CLIENT), 0)
  }
})

test('content that goes to its worker while it comes: its request counts until all of it has come', async () => {
  const { bench, perAddress, send } = limited(1, { isLive: true })
  await bench.linkedWorker(1, 2, echo)
  const slow = send({ method: 'POST', body: Buffer.alloc(100_000), stopsAfter: 50_000 })
  while (!slow.body.isPulled) await new Promise(resolve => setImmediate(resolve))
  assert.equal(perAddress.of(CLIENT), 1)
  assert.ok(isRefused(send({ method: 'POST', body: Buffer.alloc(100_000) })))
  slow.goOn()
  await slow.over()
  assert.equal(perAddress.of(CLIENT), 0)
  const early = send({ method: 'POST', body: Buffer.alloc(100_000), stopsAfter: 50_000 })
  while (!early.body.isPulled) await new Promise(resolve => setImmediate(resolve))
  early.leave()
  assert.equal(perAddress.of(CLIENT), 0)
})

test('whatever ends a request that waits ends its count', () => {
  const { bench, perAddress, send } = limited(5)
  send()
  send({ method: 'POST', body: Buffer.from('hello') })
  bench.pool.close()
  assert.equal(perAddress.of(CLIENT), 0)
})
