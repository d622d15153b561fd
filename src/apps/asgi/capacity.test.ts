import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Capacity } from './capacity.ts'

test('each of several links to a worker has its share of the places for streams', () => {
  const capacity = new Capacity<{ holdsSlot: boolean }>(1, 4)
  const streams = Array.from({ length: 4 }, () => ({ holdsSlot: false }))
  const taken = streams.map(one => {
    capacity.enter(one)
    return capacity.becomeStream(one)
  })
  assert.deepEqual(taken, [true, true, true, false])
  assert.deepEqual([capacity.inFlight, capacity.streams], [1, 3])
})
