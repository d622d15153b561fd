import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CallQueue, type Queued } from './queue.ts'

class Item implements Queued {
  previous: Queued | null = null
  next: Queued | null = null
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
