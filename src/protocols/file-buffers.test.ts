import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryBudget } from '../base/memory-budget.ts'
import { FileBuffers } from './file-buffers.ts'

const SIZE = 100_000
const SPARE = 128 * 1024

function take(buffers: FileBuffers, count: number): Buffer[] {
  return Array.from({ length: count }, () => buffers.take(SIZE))
}

function giveBack(buffers: FileBuffers, taken: readonly Buffer[]): void {
  for (const buffer of taken) buffers.giveBack(buffer)
}

test('some are kept, the memory budget counts them, and not those that are in use', () => {
  const memory = new MemoryBudget()
  const buffers = new FileBuffers(memory)
  const taken = take(buffers, 200)
  assert.equal(memory.used, 0)
  giveBack(buffers, taken)
  assert.equal(memory.used, 96 * SPARE)
  const again = take(buffers, 200)
  assert.equal(again.filter(buffer => taken.includes(buffer)).length, 96)
  assert.deepEqual([memory.used, memory.accounts], [0, 0])
})

test('small and large ones are not kept', () => {
  const memory = new MemoryBudget()
  const buffers = new FileBuffers(memory)
  for (const size of [1000, 500_000]) buffers.giveBack(buffers.take(size))
  assert.equal(memory.used, 0)
})

test('those that nobody needs go', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const memory = new MemoryBudget()
  const buffers = new FileBuffers(memory)
  giveBack(buffers, take(buffers, 10))
  // They came in this second.
  t.mock.timers.tick(1000)
  assert.equal(memory.used, 10 * SPARE)
  giveBack(buffers, take(buffers, 3))
  t.mock.timers.tick(1000)
  assert.equal(memory.used, 3 * SPARE)
  t.mock.timers.tick(1000)
  assert.deepEqual([memory.used, memory.accounts], [0, 0])
})

test('near the limit of memory none is kept; above it all go', async () => {
  const evicted: string[] = []
  const memory = new MemoryBudget({ limit: 20 * SPARE, onEvict: what => evicted.push(what) })
  const buffers = new FileBuffers(memory)
  giveBack(buffers, take(buffers, 20))
  assert.equal(memory.used, 6 * SPARE)
  const other = memory.open('', null)
  other.set(19 * SPARE)
  await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual(evicted, ['buffers for files were freed'])
  assert.equal(memory.used, 19 * SPARE)
  giveBack(buffers, take(buffers, 1))
  assert.equal(memory.used, 19 * SPARE)
  other.close()
  giveBack(buffers, take(buffers, 2))
  assert.equal(memory.used, 2 * SPARE)
})

test('while much of files is in memory, reads are small', () => {
  const buffers = new FileBuffers(new MemoryBudget())
  const taken: Buffer[] = []
  while (buffers.readBytes > 32 * 1024) taken.push(buffers.take(buffers.readBytes))
  assert.equal(taken.length, 64)
  buffers.lose(taken[0]!)
  assert.equal(buffers.readBytes, 512 * 1024)
})
