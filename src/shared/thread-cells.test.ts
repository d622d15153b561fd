import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DISK, FILES, MEMORY, makeThreadCells, ThreadCells } from './thread-cells.ts'

test('what one thread writes the others see, and no word is that of another thread', () => {
  const memory = makeThreadCells(3)
  const [mine, others] = [new ThreadCells(memory), new ThreadCells(memory)]
  assert.equal(others.threads, 3)
  for (let thread = 0; thread < 3; thread++) {
    mine.turned(thread, 10 + thread)
    for (const what of [MEMORY, DISK, FILES] as const) mine.setUsed(thread, what, 30 * what + thread)
  }
  mine.epoch = 7
  assert.equal(others.epoch, 7)
  for (let thread = 0; thread < 3; thread++) {
    assert.equal(others.lastTurn(thread), 10 + thread)
    for (const what of [MEMORY, DISK, FILES] as const) assert.equal(others.used(thread, what), 30 * what + thread)
  }
})

test('clearing a dead thread leaves the others and the epoch as they are', () => {
  const cells = new ThreadCells(makeThreadCells(2))
  cells.epoch = 3
  for (const thread of [0, 1]) cells.turned(thread, 1)
  cells.setUsed(0, FILES, 9)
  cells.clear(0)
  assert.deepEqual([cells.epoch, cells.lastTurn(0), cells.used(0, FILES), cells.lastTurn(1)], [3, 0, 0, 1])
})

test('what the connections of all threads do: of one that has died stays what it has answered', () => {
  const cells = new ThreadCells(makeThreadCells(3))
  const traffic = { accepted: 7, requests: 5_000_000_000, reading: 1, writing: 2, waiting: 3 }
  for (const thread of [0, 1, 2]) {
    cells.turned(thread, 4)
    cells.tellTraffic(thread, traffic)
  }
  assert.deepEqual(cells.trafficOfOthers(1), { accepted: 14, requests: 1e10, reading: 2, writing: 4, waiting: 6 })
  cells.clear(0)
  cells.clear(0)
  assert.deepEqual(cells.trafficOfOthers(1), { accepted: 14, requests: 1e10, reading: 1, writing: 2, waiting: 3 })
  assert.deepEqual([cells.epoch, cells.lastTurn(1), cells.used(1, FILES)], [0, 4, 0])
})
