import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteQueue } from './byte-queue.ts'

test('bytes come out in order, however they go in and are taken', () => {
  const step = fc.oneof(
    fc.record({
      action: fc.constant('push'),
      size: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 9000 })),
    }),
    fc.record({ action: fc.constantFrom('shift', 'drop', 'peek'), size: fc.nat(20_000) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), steps => {
      const queue = new ByteQueue()
      let model = Buffer.alloc(0)
      let next = 0
      for (const { action, size } of steps) {
        if (action === 'push') {
          const chunk = Buffer.from(Array.from({ length: size }, () => next++ & 255))
          model = Buffer.concat([model, chunk])
          queue.push(chunk)
        } else if (action === 'shift') {
          const chunk = queue.shift() ?? Buffer.alloc(0)
          assert.ok(model.subarray(0, chunk.length).equals(chunk))
          model = model.subarray(chunk.length)
        } else if (action === 'peek' && queue.bytes > 0) {
          const front = queue.peek(size)
          assert.deepEqual(Buffer.concat(queue.front(size)), front)
          assert.ok(front.length > 0 && model.subarray(0, front.length).equals(front))
        } else if (action === 'drop') {
          const length = Math.min(size, queue.bytes)
          queue.drop(length)
          model = model.subarray(length)
        }
        assert.equal(queue.bytes, model.length)
      }
      assert.ok(queue.takeAll().equals(model))
    }),
  )
})

test('many small chunks become few large ones', () => {
  const queue = new ByteQueue()
  for (let i = 0; i < 100_000; i++) queue.push(Buffer.from('x'))
  let chunks = 0
  while (queue.shift() !== undefined) chunks++
  assert.ok(chunks < 10, `${chunks} chunks`)
})
