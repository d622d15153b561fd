import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GradualClose } from './gradual-close.ts'

test('all members are ended within the span, a few at a time, and so are late ones', t => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const members = new Set(Array.from({ length: 100 }, (_, i) => i))
  const close = new GradualClose(
    () => [...members],
    member => members.delete(member),
  )
  close.start(1000, 1000)
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
  close.stop()
  members.add(8)
  t.mock.timers.tick(1000)
  assert.equal(members.size, 1)
})
