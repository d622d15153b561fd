import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SharedCells, sharedWords } from './cells.ts'
import { HandedConnections, handedWords, TakenConnections } from './handed-connections.ts'

test('each close is read once and in order, also when the ring is full and goes round', () => {
  const cells = new SharedCells(sharedWords(handedWords(3)))
  const [main, thread] = [new HandedConnections(cells, 3), new TakenConnections(cells, 3)]
  const read = () => {
    const indices: number[] = []
    main.readClosed(index => indices.push(index))
    return indices
  }
  assert.deepEqual(read(), [])
  for (let round = 0; round < 20; round++) {
    const indices = Array.from({ length: (round % 3) + 1 }, (_, i) => (round + i) % 3)
    for (const index of indices) thread.closed(index)
    assert.deepEqual(read(), indices)
    assert.deepEqual(read(), [])
  }
})

test('a thread that is about to take a connection has begun one more than it has taken', () => {
  const cells = new SharedCells(sharedWords(handedWords(1)))
  const [main, thread] = [new HandedConnections(cells, 1), new TakenConnections(cells, 1)]
  thread.begin()
  assert.deepEqual([main.begun, main.taken], [1, 0])
  thread.taken()
  assert.deepEqual([main.begun, main.taken], [1, 1])
})

test('how busy a thread is', () => {
  const cells = new SharedCells(sharedWords(handedWords(1)))
  new TakenConnections(cells, 1).setBusy(0.25)
  assert.equal(new HandedConnections(cells, 1).busy, 0.25)
})
