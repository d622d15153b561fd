import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryBudget } from '../base/memory-budget.ts'
import { SendQueue } from './send-queue.ts'

const KIB = 1024

test('content waits for the window; windows may be negative', () => {
  const queue = new SendQueue(10, new MemoryBudget())
  assert.deepEqual([queue.isEmpty, queue.sendable, queue.isStalled], [true, 0, false])
  queue.push(Buffer.from('hello and more'))
  assert.deepEqual([queue.bytes, queue.sendable, queue.isStalled], [14, 10, false])
  queue.take(10).drop(10)
  assert.deepEqual([queue.window, queue.bytes, queue.sentBytes, queue.isStalled], [0, 4, 10, true])
  assert.ok(queue.grow(-5))
  assert.ok(queue.sendable < 0 && queue.isStalled)
  assert.ok(queue.grow(6))
  assert.equal(queue.sendable, 1)
})

test('its writer waits above 64 KiB, and goes on at 16 KiB; sooner while memory is short', () => {
  const memory = new MemoryBudget({ limit: 1000, onEvict() {} })
  const queue = new SendQueue(1_000_000, memory)
  queue.push(Buffer.alloc(64 * KIB))
  assert.ok(!queue.isFull)
  queue.push(Buffer.alloc(1))
  assert.ok(queue.isFull && !queue.isRelieved)
  queue.take(48 * KIB).drop(48 * KIB)
  assert.ok(!queue.isRelieved)
  queue.take(1).drop(1)
  assert.ok(queue.isRelieved)
  memory.open('', null).set(500)
  queue.clear()
  queue.push(Buffer.alloc(16 * KIB + 1))
  assert.ok(queue.isFull)
})

test('a window that is too large', () => {
  const queue = new SendQueue(0x7fff_ffff, new MemoryBudget())
  assert.ok(!queue.grow(1))
})

test('what has left without waiting counts', () => {
  const queue = new SendQueue(10, new MemoryBudget())
  queue.sent(7)
  assert.deepEqual([queue.window, queue.sentBytes, queue.bytes], [3, 7, 0])
  queue.clear()
})
