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

test('one password at a time, in the order in which they came, and compression beside it', async () => {
  const pool = new PoolShares({ threads: 6, loops: 1 })
  const { started, job, end } = jobs()
  const first = pool.run('password', job('p1'))
  const second = pool.run('password', job('p2'))
  for (const name of ['c1', 'c2', 'c3']) void pool.run('compression', job(name))
  assert.deepEqual(started, ['p1', 'c1', 'c2'])
  assert.deepEqual([pool.waiting('password'), pool.waiting('compression')], [1, 1])
  end('p1')
  assert.equal(await first, 'p1')
  end('p2')
  assert.equal(await second, 'p2')
  assert.deepEqual(started, ['p1', 'c1', 'c2', 'p2'])
})

test('a job that fails gives its place to the next one', async () => {
  const pool = new PoolShares()
  const failed = pool.run('password', () => Promise.reject(new Error('wrong')))
  const next = pool.run('password', async () => 'right')
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
    for (let i = 0; i < 20; i++) void pool.run('compression', job(`c${i}`))
    assert.equal(started.length, share)
  }
})

test('more than so many that wait are refused at once', async () => {
  const pool = new PoolShares()
  const { job } = jobs()
  void pool.run('password', job('first'))
  for (let i = 0; i < 256; i++) void pool.run('password', job(`p${i}`))
  await assert.rejects(pool.run('password', job('last')), PoolBusyError)
  // The other use is not full.
  assert.equal(await pool.run('compression', async () => 1), 1)
})

test('over several event loops one password is checked at a time, and a loop that always has more lets the others in', async () => {
  let isTaken = false
  let running = 0
  const turn = {
    take: () => {
      if (isTaken) return false
      isTaken = true
      return true
    },
    give: () => {
      isTaken = false
    },
  }
  const [greedy, other] = [
    new PoolShares({ threads: 12, loops: 2 }, turn),
    new PoolShares({ threads: 12, loops: 2 }, turn),
  ]
  const job = async () => {
    assert.equal(++running, 1)
    await new Promise(setImmediate)
    running--
  }
  let isOver = false
  const more = (): Promise<void> => greedy.run('password', job).then(() => (isOver ? undefined : more()))
  const endless = Promise.all([more(), more(), more()])
  await other.run('password', job)
  isOver = true
  await endless
})
