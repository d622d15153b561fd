/** Budgets of several threads, in one process, on the words that they share. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryBudget } from '../base/memory-budget.ts'
import { OpenFiles } from '../base/open-files.ts'
import { TemporarySpace } from '../base/temporary-space.ts'
import { Shares, unitOf } from './shares.ts'
import { DISK, FILES, MEMORY, makeThreadCells, type SharedUse, ThreadCells } from './thread-cells.ts'

const KIB = 1024
/** As in the budget: a thread may grow by so much without a look at the others. */
const LOOK_BYTES = 32 * KIB

type Wake = (thread: number) => void

function makeShares(threads: number, what: SharedUse, unit: number, wake: Wake = () => {}): Shares[] {
  const memory = makeThreadCells(threads)
  return Array.from({ length: threads }, (_, thread) => {
    return new Shares({ cells: new ThreadCells(memory), thread, what, unit, wake })
  })
}

function makeBudgets(threads: number, limit: number, wake: Wake = () => {}) {
  const evicted: string[] = []
  const budgets = makeShares(threads, MEMORY, unitOf(limit), wake).map(
    (others, thread) =>
      new MemoryBudget({ limit, others, onEvict: (_what, bytes) => evicted.push(`${thread}: ${bytes / KIB}`) }),
  )
  const hold = (thread: number, kib: number) => {
    const account = budgets[thread]!.open('', () => {})
    account.set(kib * KIB)
    return account
  }
  return { budgets, evicted, hold }
}

/** Evictions come at the end of the running callback. */
const turn = () => new Promise<void>(resolve => setImmediate(resolve))

test('a limit of any size fits into a word', () => {
  assert.equal(unitOf(KIB), KIB)
  assert.equal(unitOf(2 ** 40), KIB)
  assert.equal(unitOf(2 ** 50), 2 ** 20)
  const [mine, other] = makeShares(2, DISK, unitOf(2 ** 50)) as [Shares, Shares]
  mine.tell(2 ** 49 + 1)
  assert.equal(other.used(), 2 ** 49 + 2 ** 20)
  mine.tell(2 ** 60)
  assert.ok(other.used() > 2 ** 50)
})

test('each thread sees what the others use together, and not its own', () => {
  const [a, b, c] = makeShares(3, MEMORY, KIB) as [Shares, Shares, Shares]
  a.tell(1)
  b.tell(10 * KIB)
  assert.deepEqual([a.used(), b.used(), c.used()], [10 * KIB, KIB, 11 * KIB])
  b.tell(0)
  assert.equal(c.used(), KIB)
})

test('memory is near the limit when all together are', () => {
  const { budgets, hold } = makeBudgets(2, 1024 * KIB)
  hold(0, 200)
  assert.deepEqual(
    budgets.map(({ isNear }) => isNear),
    [false, false],
  )
  hold(1, 100)
  assert.equal(budgets[1]!.isNear, true)
  budgets[0]!.check()
  assert.equal(budgets[0]!.isNear, true)
})

test('the thread with more than its share evicts its largest, whoever grew last', async () => {
  const woken: number[] = []
  const { budgets, evicted, hold } = makeBudgets(2, 1024 * KIB, thread => {
    woken.push(thread)
    budgets[thread]!.check()
  })
  hold(0, 400)
  hold(0, 300)
  hold(1, 150)
  await turn()
  assert.deepEqual([evicted, woken], [[], []])
  hold(1, 150)
  await turn()
  assert.deepEqual([evicted, woken], [['0: 400'], [0]])
})

test('a thread that is asked and does not turn costs the others what they read above the limit', async () => {
  const woken: number[] = []
  const { evicted, hold } = makeBudgets(2, 1024 * KIB, thread => woken.push(thread))
  hold(0, 900)
  hold(1, 80)
  await turn()
  hold(1, 40)
  await turn()
  assert.deepEqual([evicted, woken], [[], [0]], 'asked once, and nobody goes below the limit')
  hold(1, 10)
  await turn()
  assert.deepEqual([evicted, woken], [['1: 80'], [0]])
})

test('what others use counts at the next check', async () => {
  const { budgets, evicted, hold } = makeBudgets(3, 1024 * KIB)
  hold(0, 600)
  hold(1, 200)
  hold(2, 200)
  await turn()
  assert.deepEqual(evicted, [])
  budgets[0]!.check()
  assert.deepEqual(evicted, ['0: 600'])
})

test('the sum never stays above the limit by more than a look for each thread; below it only large threads evict', async () => {
  const limit = 4096 * KIB
  const change = fc.record({ thread: fc.nat({ max: 2 }), at: fc.nat({ max: 5 }), kib: fc.nat({ max: 1500 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(change, { maxLength: 5 })), async turns => {
      const asked = new Set<number>()
      const { budgets, evicted } = makeBudgets(3, limit, thread => asked.add(thread))
      const sum = () => budgets.reduce((total, { used }) => total + used, 0)
      const accounts = new Map<string, ReturnType<MemoryBudget['open']>>()
      for (const changes of turns) {
        for (const { thread, at, kib } of changes) {
          const key = `${thread} ${at}`
          const account = accounts.get(key) ?? budgets[thread]!.open('', () => accounts.delete(key))
          accounts.set(key, account)
          account.set(kib * KIB)
        }
        await null
        assert.ok(sum() <= limit + 3 * LOOK_BYTES, `${sum()}`)
        for (const thread of asked) {
          evicted.length = 0
          const isSmall = budgets[thread]!.used <= (limit * (15 / 16)) / 3 && sum() <= limit
          budgets[thread]!.check()
          if (isSmall) assert.deepEqual(evicted, [])
        }
        asked.clear()
        budgets.forEach(budget => void budget.check())
        assert.ok(sum() <= limit * (15 / 16), `${sum()}`)
      }
    }),
  )
})

test('room on the disk is for all threads together, and given back to all', () => {
  const limit = 1000 * KIB
  let told = 0
  const spaces = makeShares(2, DISK, unitOf(limit)).map(
    others => new TemporarySpace('/nowhere', { bytes: limit, files: new OpenFiles(), others, onFull: () => told++ }),
  )
  const [a, b] = spaces as [TemporarySpace, TemporarySpace]
  a.take(600 * KIB)
  assert.ok(b.hasRoomFor(400 * KIB))
  assert.ok(!b.hasRoomFor(401 * KIB))
  b.take(400 * KIB)
  assert.deepEqual([a.hasRoom, b.hasRoom, told], [false, false, 1])
  a.take(-600 * KIB)
  assert.ok(b.hasRoomFor(600 * KIB))
})

test('open files are counted over all threads', () => {
  const [a, b] = makeShares(2, FILES, 1).map(others => new OpenFiles(3, others)) as [OpenFiles, OpenFiles]
  a.add()
  a.add()
  assert.ok(b.hasRoom)
  b.add()
  assert.deepEqual([a.hasRoom, b.hasRoom], [false, false])
  a.remove()
  assert.ok(b.hasRoom)
})

test('what a dead thread had is free', () => {
  const memory = makeThreadCells(2)
  const cells = new ThreadCells(memory)
  const [dead, other] = [0, 1].map(
    thread => new Shares({ cells: new ThreadCells(memory), thread, what: FILES, unit: 1, wake() {} }),
  ) as [Shares, Shares]
  dead.tell(5)
  cells.clear(0)
  assert.equal(other.used(), 0)
})
