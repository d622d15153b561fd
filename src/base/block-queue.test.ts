import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BLOCK, BlockQueue, blocksOf } from './block-queue.ts'
import { MemoryBudget } from './memory-budget.ts'

/** Bytes that tell which queue they belong to and where they stand. */
const bytesOf = (owner: number, from: number, length: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (owner * 64 + (from + i)) & 255))

test('bytes come out in order and are never those of another queue, whatever is appended, moved, taken and dropped', () => {
  const sizes = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 3 * BLOCK }))
  const step = fc.record({
    owner: fc.integer({ min: 0, max: 2 }),
    what: fc.constantFrom('append', 'append', 'text', 'push', 'move', 'take', 'drop', 'blocks', 'clear', 'forget'),
    size: sizes,
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const memory = new MemoryBudget()
      const owners = [0, 1, 2].map(() => ({ queue: new BlockQueue(memory), from: 0, to: 0 }))
      const shared = Buffer.alloc(3 * BLOCK)
      for (const { owner, what, size } of steps) {
        const one = owners[owner]!
        const { queue } = one
        const waits = Math.min(size, queue.bytes)
        const coming = bytesOf(owner, one.to, size)
        const check = (bytes: Buffer) => {
          assert.ok(bytes.equals(bytesOf(owner, one.from, bytes.length)))
          one.from += bytes.length
        }
        if (what === 'append') queue.append(shared.subarray(0, coming.copy(shared)))
        else if (what === 'text') queue.appendLatin1(coming.toString('latin1'))
        else if (what === 'push') queue.push(coming)
        else if (what === 'blocks') {
          const blocks = Array.from({ length: Math.ceil(size / BLOCK) }, () => blocksOf(memory).take())
          for (const [i, block] of blocks.entries()) coming.copy(block, 0, i * BLOCK)
          queue.pushBlocks(blocks, size)
        } else if (what === 'move') {
          const target = Buffer.alloc(size + 1)
          assert.equal(queue.moveTo(target, 1, size), waits)
          check(target.subarray(1, 1 + waits))
        } else if (what === 'take')
          queue.take(size, bytes => {
            assert.ok(bytes.length <= size)
            // Others may use what is free, and the queue itself may be used.
            queue.append(bytesOf(owner, one.to, 10))
            one.to += 10
            owners[(owner + 1) % 3]!.queue.take(BLOCK, other => {
              owners[(owner + 1) % 3]!.from += other.length
            })
            new BlockQueue(memory).append(Buffer.alloc(BLOCK, 0xee))
            check(bytes)
          })
        else if (what === 'drop') {
          queue.drop(waits)
          one.from += waits
        } else {
          if (what === 'clear') queue.clear()
          else queue.forget()
          one.from = one.to
        }
        if (['append', 'text', 'push', 'blocks'].includes(what)) one.to += size
        shared.fill(0xdd)
        for (const { queue: each, from, to } of owners) {
          assert.equal(each.bytes, to - from)
          assert.ok(each.memory >= each.bytes)
        }
      }
      for (const [owner, { queue, from, to }] of owners.entries()) {
        const rest = Buffer.concat(queue.front(Number.POSITIVE_INFINITY))
        assert.ok(rest.equals(bytesOf(owner, from, to - from)))
        for (let at = 0; at < rest.length; ) {
          const view = queue.view(at)
          assert.ok(view.equals(rest.subarray(at, at + view.length)))
          at += view.length
        }
        queue.clear()
        assert.deepEqual([queue.bytes, queue.memory], [0, 0])
      }
    }),
    { numRuns: 100 },
  )
})

test('a block is used again when its bytes are dropped, and not before', () => {
  const memory = new MemoryBudget()
  const queue = new BlockQueue(memory)
  queue.append(Buffer.alloc(BLOCK + 20_000, 'a'))
  const [first, second] = queue.front(Number.POSITIVE_INFINITY)
  assert.equal(memory.used, 0)
  queue.drop(BLOCK - 1)
  assert.equal(memory.used, 0)
  queue.drop(1)
  assert.equal(memory.used, BLOCK)
  const other = new BlockQueue(memory)
  other.append(Buffer.alloc(BLOCK, 'b'))
  assert.equal(other.first!.buffer, first!.buffer)
  assert.notEqual(other.first!.buffer, second!.buffer)
})

test('of what somebody may still read no block is used again', () => {
  const memory = new MemoryBudget()
  const queue = new BlockQueue(memory)
  queue.append(Buffer.alloc(3 * BLOCK, 'a'))
  const views = queue.front(Number.POSITIVE_INFINITY)
  queue.forget()
  assert.deepEqual([memory.used, queue.bytes], [0, 0])
  const other = new BlockQueue(memory)
  other.append(Buffer.alloc(3 * BLOCK, 'b'))
  for (const view of views) assert.ok(view.equals(Buffer.alloc(view.length, 'a')))
})

test('single bytes cost about their own size', () => {
  const queue = new BlockQueue(new MemoryBudget())
  for (let i = 0; i < 100; i++) queue.append(Buffer.from([i]))
  assert.ok(queue.memory < 20_000, `${queue.memory}`)
})
