import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hasher } from './hasher.ts'

test('passwords are checked in a thread, in order, and no more wait than there is room for', async t => {
  const hasher = new Hasher()
  t.after(() => hasher.close())
  const order: number[] = []
  const all = Array.from({ length: 64 }, (_, i) =>
    hasher.check(Buffer.from(`${i % 2}`), '{PLAIN}1').then(isRight => {
      order.push(i)
      return isRight
    }),
  )
  assert.equal(hasher.isFull, true)
  assert.throws(() => hasher.check(Buffer.from('1'), '{PLAIN}1'), /too many/)
  assert.deepEqual(
    await Promise.all(all),
    all.map((_, i) => i % 2 === 1),
  )
  assert.deepEqual(
    order,
    all.map((_, i) => i),
  )
  assert.equal(hasher.isFull, false)
})

test('who waits is told when the thread ends, and the next one starts another', async t => {
  const hasher = new Hasher()
  t.after(() => hasher.close())
  const waiting = hasher.check(Buffer.from('1'), '{PLAIN}1')
  hasher.close()
  await assert.rejects(waiting, /was ended/)
  assert.equal(await hasher.check(Buffer.from('1'), '{PLAIN}1'), true)
})
