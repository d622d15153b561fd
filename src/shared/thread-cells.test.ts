import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DISK, FILES, MEMORY, makeThreadCells, ThreadCells } from './thread-cells.ts'

test('what one thread writes the others see, and no word is that of another thread', () => {
  const memory = makeThreadCells(3)
  const [mine, others] = [new ThreadCells(memory), new ThreadCells(memory)]
  assert.equal(others.threads, 3)
  for (let thread = 0; thread < 3; thread++) {
    mine.turned(thread, 10 + thread)
    mine.setConnections(thread, 20 + thread)
    for (const what of [MEMORY, DISK, FILES] as const) mine.setUsed(thread, what, 30 * what + thread)
  }
  mine.epoch = 7
  assert.equal(others.epoch, 7)
  for (let thread = 0; thread < 3; thread++) {
    assert.equal(others.lastTurn(thread), 10 + thread)
    assert.equal(others.connections(thread), 20 + thread)
    for (const what of [MEMORY, DISK, FILES] as const) assert.equal(others.used(thread, what), 30 * what + thread)
  }
})

test('clearing a dead thread leaves the others and the epoch as they are', () => {
  const cells = new ThreadCells(makeThreadCells(2))
  cells.epoch = 3
  cells.setConnections(0, 5)
  cells.setConnections(1, 6)
  cells.turned(0, 1)
  cells.setUsed(0, FILES, 9)
  cells.clear(0)
  assert.deepEqual([cells.epoch, cells.connections(0), cells.lastTurn(0), cells.used(0, FILES)], [3, 0, 0, 0])
  assert.equal(cells.connections(1), 6)
})
