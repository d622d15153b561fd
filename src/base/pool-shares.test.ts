import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PoolBusyError, PoolShares } from './pool-shares.ts'

/** Jobs that are over when the test says so, and the names of those that have started. */
function jobs() {
  const started: string[] = []
  const ends = new Map<string, () => void>()
  return {
    started,
    job: (name: string) => () => {
      started.push(name)
      const { promise, resolve } = Promise.withResolvers<string>()
      ends.set(name, () => resolve(name))
      return promise
    },
    end: (name: string) => ends.get(name)!(),
  }
}

test('as many jobs as the share has places run at a time, and start in the order in which they came', async () => {
  const pool = new PoolShares({ threads: 6, loops: 1 })
  const { started, job, end } = jobs()
  const [first, , third] = ['c1', 'c2', 'c3', 'c4'].map(name => pool.run(job(name)))
  assert.deepEqual(started, ['c1', 'c2'])
  assert.equal(pool.waiting, 2)
  end('c1')
  assert.equal(await first, 'c1')
  assert.deepEqual(started, ['c1', 'c2', 'c3'])
  end('c3')
  assert.equal(await third, 'c3')
  assert.deepEqual(started, ['c1', 'c2', 'c3', 'c4'])
  assert.equal(pool.waiting, 0)
})

test('a job that fails gives its place to the next one', async () => {
  const pool = new PoolShares({ threads: 3, loops: 1 })
  const failed = pool.run(() => Promise.reject(new Error('wrong')))
  const next = pool.run(async () => 'right')
  await assert.rejects(failed, /wrong/)
  assert.equal(await next, 'right')
})

test('the share of an event loop is smaller where there are several, and never nothing', () => {
  for (const [threads, loops, share] of [
    [6, 1, 2],
    [24, 4, 2],
    [24, 1, 8],
    [1, 1, 1],
  ] as const) {
    const pool = new PoolShares({ threads, loops })
    const { started, job } = jobs()
    for (let i = 0; i < 20; i++) void pool.run(job(`c${i}`))
    assert.equal(started.length, share)
  }
})

test('more than so many that wait are refused at once', async () => {
  const pool = new PoolShares({ threads: 3, loops: 1 })
  const { job } = jobs()
  void pool.run(job('first'))
  for (let i = 0; i < 256; i++) void pool.run(job(`c${i}`))
  await assert.rejects(pool.run(job('last')), PoolBusyError)
})
