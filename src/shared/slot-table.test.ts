import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QueueOrder } from '../config/types.ts'
import { type Cells, SharedCells, sharedWords } from './cells.ts'
import { forgetPoolWaits, PoolWaits, poolWords } from './pool-waits.ts'
import { forgetSlotWaits, KEPT, NONE, SlotTable, slotWords } from './slot-table.ts'

const NOW = 1_000_001

interface View {
  readonly pool: PoolWaits
  readonly table: SlotTable
}

class Threads {
  readonly poolCells: Cells
  readonly workerCells: Cells
  readonly views: View[]
  readonly #threads: number
  readonly #places: number
  readonly #order: QueueOrder

  constructor(threads: number, places: number, order: QueueOrder = 'fifo') {
    this.#threads = threads
    this.#places = places
    this.#order = order
    this.poolCells = new SharedCells(sharedWords(poolWords(threads)))
    this.workerCells = new SharedCells(sharedWords(slotWords(threads, places)))
    this.views = Array.from({ length: threads }, (_, thread) => this.view(thread))
  }

  /** As a new thread has it. */
  view(thread: number): View {
    const pool = new PoolWaits(this.poolCells, this.#threads, thread, this.#order)
    const table = new SlotTable(this.workerCells, pool, this.#places)
    table.publish(0)
    return { pool, table }
  }

  waits(thread: number, first: number, newest = first): void {
    this.views[thread]!.pool.publish(first, newest)
  }
}

test('a place has one owner', () => {
  const threads = new Threads(2, 2)
  const [{ table: a }, { table: b }] = threads.views as [View, View]
  assert.equal(a.take(0, NOW), true)
  assert.equal(a.take(0, NOW), false)
  assert.equal(b.take(0, NOW), false)
  assert.deepEqual([a.owns(0), b.owns(0), a.busy, b.busy], [true, false, 1, 1])
  assert.equal(b.take(1, NOW), true)
  assert.equal(a.release(0, NOW, false), NONE)
  assert.equal(b.isFree(0, NOW), true)
  assert.equal(a.busy, 1)
})

test('a place goes to the thread whose call has waited longest, and stays where another one has waited little longer', () => {
  const threads = new Threads(3, 1)
  const [{ table }] = threads.views as [View]
  table.take(0, NOW)
  threads.waits(0, NOW - 100)
  threads.waits(1, NOW - 102)
  threads.waits(2, NOW - 90)
  assert.equal(table.release(0, NOW, true), KEPT)
  threads.waits(1, NOW - 127)
  assert.equal(table.release(0, NOW, true), KEPT)
  threads.waits(1, NOW - 129)
  assert.equal(table.release(0, NOW, true), 1)
  assert.deepEqual(
    threads.views.map(view => view.table.isFree(0, NOW + 8)),
    [false, true, false],
  )
  assert.equal(threads.views[1]!.table.take(0, NOW + 8), true)
})

test('a thread without a link to the worker gets none of its places', () => {
  const threads = new Threads(3, 1)
  const [{ table }, { table: unlinked }] = threads.views as [View, View]
  table.take(0, NOW)
  threads.waits(1, NOW - 100)
  threads.waits(2, NOW - 50)
  unlinked.withdraw()
  assert.equal(table.release(0, NOW, false), 2)
})

test('a call that waits for this very worker has its turn among those that wait for any', () => {
  const threads = new Threads(3, 1)
  const [{ table }, { table: home }] = threads.views as [View, View]
  table.take(0, NOW)
  threads.waits(2, NOW - 50)
  home.publish(NOW - 60)
  assert.equal(table.release(0, NOW, false), 1)
})

test('a grant that is not needed goes on to the next thread', () => {
  const threads = new Threads(3, 1)
  const [{ table }, { table: gone }, { table: next }] = threads.views as [View, View, View]
  table.take(0, NOW)
  threads.waits(1, NOW - 100)
  table.release(0, NOW, false)
  threads.waits(1, 0)
  threads.waits(2, NOW - 10)
  assert.equal(gone.isGranted(0), true)
  assert.equal(gone.pass(0, NOW), 2)
  assert.equal(next.take(0, NOW), true)
  assert.equal(gone.pass(0, NOW), NONE, 'it has nothing to pass on')
})

test('a grant that is not taken is taken by another thread after a millisecond', () => {
  const threads = new Threads(3, 1)
  const [{ table: a }, , { table: c }] = threads.views as [View, View, View]
  a.take(0, NOW)
  threads.waits(1, NOW - 100)
  assert.equal(a.release(0, NOW, false), 1)
  assert.equal(c.take(0, NOW + 8), false)
  assert.equal(c.take(0, NOW + 10), true)
})

test('a thread to which a message is under way gets no further place: when it looks it takes what is idle', () => {
  const threads = new Threads(3, 2)
  const [{ table, pool }, { table: roused, pool: its }, { table: next }] = threads.views as [View, View, View]
  table.take(0, NOW)
  table.take(1, NOW)
  threads.waits(1, NOW - 100)
  assert.equal(table.release(0, NOW, false), 1)
  assert.equal(pool.rouse(1), true)
  assert.equal(table.release(1, NOW, false), NONE)
  assert.equal(roused.isFree(1, NOW), true)
  table.take(1, NOW)
  assert.equal(table.isWanted(NOW), true, 'its call waits all the same')
  threads.waits(2, NOW - 10)
  assert.equal(table.release(1, NOW, false), 2)
  next.take(1, NOW)
  threads.waits(2, 0)
  its.awake()
  assert.equal(next.release(1, NOW, false), 1)
})

test('the age of a grant wraps: it is young only for a moment', () => {
  for (const start of [NOW, 2 ** 31 - 5, -(2 ** 31) + 1]) {
    const threads = new Threads(3, 1)
    const [{ table }, , { table: other }] = threads.views as [View, View, View]
    table.take(0, start)
    threads.waits(1, (start - 2) | 0)
    table.release(0, start, false)
    assert.equal(other.isFree(0, (start - 4) | 0), false, 'a clock that was read before the grant')
    assert.equal(other.isFree(0, (start + 8) | 0), false)
    for (let age = 10; age < 2 ** 24 - 10; age += 9998) assert.equal(other.isFree(0, (start + age) | 0), true)
  }
})

test('newest first: once the oldest of all has waited for a second, the newest goes first; calls that come back before it', () => {
  const threads = new Threads(3, 1, 'newest-first')
  const [{ table }] = threads.views as [View]
  table.take(0, NOW)
  threads.waits(1, NOW - 9000, NOW - 100)
  threads.waits(2, NOW - 8000, NOW - 50)
  assert.equal(table.release(0, NOW, false), 1)
  threads.views[1]!.table.take(0, NOW)
  threads.waits(1, NOW - 12_000, NOW - 100)
  threads.waits(0, NOW - 11_000, NOW - 70)
  assert.equal(threads.views[1]!.table.release(0, NOW, true), 2)
  threads.views[2]!.table.take(0, NOW)
  threads.waits(0, NOW - 11_000, 0)
  assert.equal(threads.views[2]!.table.release(0, NOW, true), 0)
})

test('a thread that replaces a dead one has its places to give back', () => {
  const threads = new Threads(2, 2)
  const [{ table: other }, dead] = threads.views as [View, View]
  dead.table.take(1, NOW)
  dead.table.suspect(NOW)
  dead.pool.publish(NOW - 100, 0)
  dead.pool.count = 7
  forgetPoolWaits(threads.poolCells, 1)
  forgetSlotWaits(threads.workerCells, 1)
  other.take(0, NOW)
  assert.equal(other.release(0, NOW, false), NONE, 'the dead one waits no more')
  assert.deepEqual([other.suspectSince(NOW), threads.views[0]!.pool.othersWaiting], [0, 0])
  const { table } = threads.view(1)
  assert.deepEqual([table.owns(0), table.owns(1), table.busy], [false, true, 1])
  assert.equal(table.release(1, NOW, false), NONE)
  assert.equal(other.busy, 0)
})

test('all threads know of a suspect, until its thread acquits the worker', () => {
  const threads = new Threads(2, 1)
  const [{ table: a }, { table: b }] = threads.views as [View, View]
  assert.equal(b.suspectSince(NOW), 0)
  a.suspect(NOW)
  assert.equal(b.suspectSince(NOW + 500), NOW)
  b.acquit()
  assert.equal(b.suspectSince(NOW), NOW)
  a.acquit()
  assert.equal(b.suspectSince(NOW), 0)
})

test('places of a condemned worker go to nobody, and exactly one thread counts to the last request', () => {
  const threads = new Threads(2, 1)
  const [{ table: a }, { table: b }] = threads.views as [View, View]
  a.take(0, NOW)
  threads.waits(1, NOW - 100)
  b.condemn()
  assert.equal(a.isCondemned, true)
  assert.equal(a.release(0, NOW, false), NONE)
  assert.deepEqual([a.countAnswered(), b.countAnswered(), a.countAnswered()], [1, 2, 3])
})

test('the queue of all threads is counted, and one message is enough to rouse a thread', () => {
  const threads = new Threads(2, 1)
  const [{ pool: a }, { pool: b }] = threads.views as [View, View]
  a.count = 3
  b.count = 4
  assert.deepEqual([a.othersWaiting, b.othersWaiting], [4, 3])
  assert.deepEqual([a.rouse(1), a.rouse(1)], [true, false])
  b.awake()
  assert.equal(a.rouse(1), true)
})
