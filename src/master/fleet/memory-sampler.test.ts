import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import type { Recycle } from '../../config/types.ts'
import { readMemory } from '../host/memory.ts'
import { MemorySampler, type SampledWorker } from './memory-sampler.ts'

const OFF: Recycle = { maxRequests: 0, maxRequestsJitter: 0, maxAge: 0, maxMemory: 0 }

class Worker implements SampledWorker {
  readonly pid: number
  readonly phase: string
  readonly linkedSince: number = performance.now() - 3_600_000
  recycleAt: number = Number.POSITIVE_INFINITY
  reason = ''

  constructor(pid: number, phase = 'linked') {
    this.pid = pid
    this.phase = phase
  }

  recycle(reason: string): void {
    this.recycleAt = performance.now()
    this.reason = reason
  }
}

test('a worker above the limit is due, with the reason; one that cannot be read, or does not serve, is not', async () => {
  const sizes: Record<number, number> = { 1: 300, 2: 100, 3: 900, 5: 500 }
  const workers = [1, 2, 3, 4, 5].map(pid => new Worker(pid, pid === 3 ? 'draining' : 'linked'))
  let changes = 0
  const sampler = new MemorySampler(
    { ...OFF, maxMemory: 200 * 1024 * 1024 },
    () => workers,
    () => changes++,
    async pid => (pid in sizes ? { bytes: sizes[pid]! * 1024 * 1024, kind: 'PSS' } : null),
  )
  await sampler.sample()
  sampler.stop()
  assert.deepEqual(
    workers.map(worker => worker.reason),
    ['300 MB of memory, PSS (--max-memory 200 MB)', '', '', '', '500 MB of memory, PSS (--max-memory 200 MB)'],
  )
  assert.equal(changes, 2)
})

test('it samples when a limit is set later, and no more when the limit is taken away', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let looks = 0
  const workers = () => {
    looks++
    return []
  }
  const sampler = new MemorySampler(OFF, workers, () => {})
  t.mock.timers.tick(60_000)
  assert.equal(looks, 0)
  sampler.configure({ ...OFF, maxMemory: 1 })
  t.mock.timers.tick(5000)
  assert.equal(looks, 1)
  sampler.configure(OFF)
  t.mock.timers.tick(60_000)
  assert.equal(looks, 1)
})

test('memory of a real process, and of one that is gone', async () => {
  const own = await readMemory(process.pid)
  assert.ok(own !== null && own.bytes > 1024 * 1024, JSON.stringify(own))
  const child = spawn('true')
  await once(child, 'exit')
  assert.equal(await readMemory(child.pid!), null)
})
