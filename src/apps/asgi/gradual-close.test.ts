import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Farewell } from './gradual-close.ts'

test('ends everyone within its span, a few at a time, and those who join late', t => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const members = new Set(Array.from({ length: 100 }, (_, i) => i))
  const farewell = new Farewell(
    () => [...members],
    member => members.delete(member),
  )
  farewell.start(1000, 1000)
  t.mock.timers.tick(999)
  assert.equal(members.size, 100)
  t.mock.timers.tick(1)
  assert.equal(members.size, 90)
  t.mock.timers.tick(500)
  assert.equal(members.size, 40)
  t.mock.timers.tick(400)
  assert.equal(members.size, 0)
  members.add(7)
  t.mock.timers.tick(100)
  assert.equal(members.size, 0)
  farewell.stop()
  members.add(8)
  t.mock.timers.tick(1000)
  assert.equal(members.size, 1)
})
