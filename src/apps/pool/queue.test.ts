import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CallQueue, OVERLOADED_MS, type Queued } from './queue.ts'

class Item implements Queued {
  previous: Queued | null = null
  next: Queued | null = null
  waitsSince: number
  isReturned = false

  constructor(waitsSince = 0) {
    this.waitsSince = waitsSince
  }
}

test('push, unshift and remove anywhere do what an array does', () => {
  const step = fc.tuple(fc.constantFrom('push', 'unshift', 'remove'), fc.nat())
  fc.assert(
    fc.property(fc.array(step), steps => {
      const queue = new CallQueue<Item>()
      const model: Item[] = []
      for (const [action, number] of steps) {
        if (action === 'remove') {
          if (model.length === 0) continue
          queue.remove(model.splice(number % model.length, 1)[0]!)
        } else {
          const item = new Item()
          queue[action as 'push' | 'unshift'](item)
          model[action as 'push' | 'unshift'](item)
        }
        assert.equal(queue.length, model.length)
        assert.equal(queue.first, model[0] ?? null)
      }
      for (const item of model) {
        assert.equal(queue.first, item)
        queue.remove(item)
      }
      assert.equal(queue.first, null)
    }),
  )
})

/** A queue whose calls have waited for these times. */
function waiting(order: 'fifo' | 'newest-first', ...milliseconds: number[]) {
  const now = performance.now()
  const queue = new CallQueue<Item>(order)
  const items = milliseconds.map(ms => new Item(now - ms))
  for (const item of items) queue.push(item)
  return { queue, items }
}

test('newest-first: it is first come, first served until the oldest has waited too long', () => {
  const { queue, items } = waiting('newest-first', OVERLOADED_MS / 2, 0)
  assert.equal(queue.turn, items[0])
  assert.equal(queue.replaceable, null)
})

test('newest-first: while the oldest has waited too long the newest is served, and the oldest makes room', () => {
  const { queue, items } = waiting('newest-first', OVERLOADED_MS + 1, OVERLOADED_MS / 2, 0)
  assert.equal(queue.turn, items[2])
  assert.equal(queue.replaceable, items[0])
  queue.remove(items[2]!)
  assert.equal(queue.turn, items[1])
  queue.remove(items[0]!)
  assert.equal(queue.turn, items[1], 'nobody has waited too long any more')
})

test('newest-first: a call that comes back has its turn, and does not make room for another', () => {
  const { queue } = waiting('newest-first', OVERLOADED_MS + 1, 0)
  const returned = new Item(performance.now() - 2 * OVERLOADED_MS)
  queue.unshift(returned)
  assert.equal(queue.turn, returned)
  assert.equal(queue.replaceable, null)
})

test('fifo: the oldest is served, however long it has waited', () => {
  const { queue, items } = waiting('fifo', OVERLOADED_MS * 10, 0)
  assert.equal(queue.turn, items[0])
  assert.equal(queue.replaceable, null)
})

test('in an empty queue it is nobody’s turn', () => {
  for (const order of ['fifo', 'newest-first'] as const) assert.equal(new CallQueue(order).turn, null)
})

test('merged calls take their places by the time for which they have waited; what came back stays first, what has just come last', () => {
  const item = (waitsSince: number, isReturned = false) => Object.assign(new Item(waitsSince), { isReturned })
  const own = [item(900, true), item(10), item(30), item(0)]
  const others = [item(950, true), item(5), item(20), item(30), item(40), item(0)]
  const queue = new CallQueue<Item>()
  for (const one of own) queue.push(one)
  queue.merge(others)
  assert.equal(queue.length, 10)
  const merged = queue.takeAll()
  assert.deepEqual(
    merged.map(({ waitsSince, isReturned }) => (isReturned ? `returned ${waitsSince}` : waitsSince)),
    ['returned 900', 'returned 950', 5, 10, 20, 30, 30, 40, 0, 0],
  )
  assert.deepEqual(
    merged.filter(one => others.includes(one)),
    others,
  )
  assert.deepEqual([queue.length, queue.first, queue.last], [0, null, null])
})
