import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Account, MemoryBudget } from './memory-budget.ts'

function budget(limit: number) {
  const evicted: string[] = []
  const made = new MemoryBudget({ limit, onEvict: (what, bytes) => evicted.push(`${what} ${bytes}`) })
  return { budget: made, evicted }
}

/** Evictions come at the end of the running callback. */
const turn = () => new Promise<void>(resolve => setImmediate(resolve))

test('it counts what open accounts hold, and nothing of closed ones', () => {
  const { budget: memory } = budget(100)
  const [a, b] = [memory.open('a', null), memory.open('b', null)]
  a.set(10)
  b.set(20)
  a.set(5)
  assert.deepEqual([memory.used, memory.accounts], [25, 2])
  a.close()
  a.close()
  a.set(50)
  a.pin()
  assert.deepEqual([memory.used, memory.accounts], [20, 1])
  b.close()
  assert.deepEqual([memory.used, memory.accounts], [0, 0])
})

test('near the limit: above a quarter of it', () => {
  let told = 0
  const memory = new MemoryBudget({ limit: 100, onEvict() {}, onNear: () => told++ })
  const account = memory.open('a', null)
  account.set(25)
  assert.deepEqual([memory.isNear, told], [false, 0])
  account.set(26)
  assert.deepEqual([memory.isNear, told], [true, 1])
  account.set(50)
  assert.equal(told, 1)
  account.set(0)
  assert.equal(memory.isNear, false)
  assert.equal(new MemoryBudget().isNear, false)
})

test('above the limit the largest accounts are evicted, and no more of them than needed', async () => {
  const { budget: memory, evicted } = budget(1000)
  const gone: string[] = []
  for (const [what, bytes] of [
    ['small', 100],
    ['large', 500],
    ['middle', 250],
    ['last', 200],
  ] as const)
    memory.open(what, () => gone.push(what)).set(bytes)
  assert.deepEqual(gone, [], 'nobody goes while somebody works')
  await turn()
  assert.deepEqual([gone, evicted], [['large'], ['large 500']])
  assert.deepEqual([memory.used, memory.accounts], [550, 3])
})

test('within one callback it may go above the limit and back', async () => {
  const { budget: memory, evicted } = budget(100)
  const account = memory.open('a', () => assert.fail('evicted'))
  account.set(150)
  account.set(50)
  await turn()
  assert.deepEqual(evicted, [])
})

test('an account that is pinned, or was opened without evict, is counted and stays', async () => {
  const { budget: memory, evicted } = budget(100)
  memory.open('fixed', null).set(80)
  const pinned = memory.open('pinned', () => assert.fail('evicted'))
  pinned.set(70)
  pinned.pin()
  memory.open('other', () => {}).set(1)
  await turn()
  assert.deepEqual([evicted, memory.used], [['other 1'], 150])
})

test('an owner may close, and open others, while it is evicted', async () => {
  const { budget: memory, evicted } = budget(100)
  const second = memory.open('second', () => {})
  const first = memory.open('first', () => {
    first.close()
    second.close()
    memory.open('third', null).set(1)
  })
  first.set(90)
  second.set(20)
  await turn()
  assert.deepEqual([evicted, memory.used, memory.accounts], [['first 90'], 1, 1])
})

test('after any changes the sum is exact, and after evictions it is within the limit', async () => {
  const limit = 2 ** 34
  const change = fc.record({ at: fc.nat({ max: 19 }), bytes: fc.oneof(fc.nat(), fc.nat({ max: 2 ** 35 })) })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(change)), async turns => {
      const { budget: memory, evicted } = budget(limit)
      const open = new Map<number, Account>()
      for (const changes of turns) {
        for (const { at, bytes } of changes) {
          const account = open.get(at) ?? memory.open('', () => open.delete(at))
          open.set(at, account)
          account.set(bytes)
          if (bytes % 7 === 0) {
            account.close()
            open.delete(at)
          }
        }
        const sum = () => [...open.values()].reduce((total, { bytes }) => total + bytes, 0)
        assert.deepEqual([memory.used, memory.accounts], [sum(), open.size])
        const before = new Set(open.keys())
        evicted.length = 0
        await null
        assert.equal(memory.used, sum())
        assert.ok(memory.used <= limit)
        assert.equal(before.size - open.size, evicted.length)
        // The largest are evicted, exact to a factor of two.
        const least = Math.min(...evicted.map(text => Number(text)))
        for (const { bytes } of open.values()) assert.ok(bytes < 2 * least)
      }
    }),
  )
})
