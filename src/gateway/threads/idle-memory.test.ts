import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IdleMemory } from './idle-memory.ts'

test('the heap is shrunk once when a thread has become idle, and not again before it has worked', () => {
  const shrunk: number[] = []
  let second = 0
  const memory = new IdleMemory(() => shrunk.push(second))
  const pass = (...busy: number[]) => {
    for (const ms of busy) {
      second++
      memory.check(ms)
    }
  }
  pass(500, 3, 900, 2, 0)
  assert.deepEqual(shrunk, [5])
  pass(40, 0, 0, 9, 0, 0)
  assert.deepEqual(shrunk, [5], 'the collection itself is no work')
  pass(11, 0, 0)
  assert.deepEqual(shrunk, [5, 14])
})
