import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppPool } from '../apps/pool/pool.ts'
import { Reports } from './report.ts'

/** A pool that has answered so many requests. */
function fakePool(answered: number): AppPool & { answered: number } {
  return { answered, waiting: 3, workers: [] } as unknown as AppPool & { answered: number }
}

test('each pool has its name, what waits, what was answered, and the rate of the last ten seconds', () => {
  let now = 1000
  const pool = fakePool(100)
  const pools = [{ app: 'shop', name: 'export', pool }]
  const reports = new Reports(
    () => pools,
    () => ({ connections: 7, http2Connections: 2, streams: 40 }),
    () => now,
  )
  const rate = () => reports.make().pools[0]!.perSecond
  assert.equal(rate(), 0)
  for (let second = 0; second < 60; second += 0.5) {
    reports.sample()
    now += 500
    pool.answered += second < 40 ? 50 : 1
  }
  assert.equal(rate(), 2)
  assert.deepEqual(reports.make(), {
    connections: 7,
    http2Connections: 2,
    streams: 40,
    pools: [{ app: 'shop', pool: 'export', waiting: 3, answered: pool.answered, perSecond: 2 }],
    workers: [],
  })
})

test('a pool that is new has no rate yet, and one that was removed is forgotten', () => {
  let pools = [{ app: 'a', name: '', pool: fakePool(1) }]
  const reports = new Reports(
    () => pools,
    () => ({ connections: 0, http2Connections: 0, streams: 0 }),
    () => 0,
  )
  reports.sample()
  pools = [{ app: 'b', name: '', pool: fakePool(9) }]
  assert.deepEqual(
    reports.make().pools.map(({ app, perSecond }) => [app, perSecond]),
    [['b', 0]],
  )
})
