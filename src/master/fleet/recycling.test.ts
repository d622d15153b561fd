import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import type { Recycle } from '../../config/types.ts'
import { readMemory } from '../host/memory.ts'
import { type Recyclable, Recycling } from './recycling.ts'

const OFF: Recycle = { maxRequests: 0, maxRequestsJitter: 0, maxAge: 0, maxMemory: 0 }

class Worker implements Recyclable {
  readonly pid: number
  readonly phase: string
  readonly servingSince: number = performance.now() - 3_600_000
  recycleAt: number = Number.POSITIVE_INFINITY
  reason = ''

  constructor(pid: number, phase = 'serving') {
    this.pid = pid
    this.phase = phase
  }

  recycle(reason: string): void {
    this.recycleAt = performance.now()
    this.reason = reason
  }
}

function draw(rules: Partial<Recycle>, random: number): Recycling {
  return new Recycling(
    { ...OFF, ...rules },
    () => [],
    () => {},
    readMemory,
    () => random,
  )
}

test('nothing is drawn where a rule is off', () => {
  assert.equal(draw({ maxRequestsJitter: 50 }, 0.9).drawRequests(), 0)
  assert.equal(draw({}, 0.9).drawAge(), Number.POSITIVE_INFINITY)
})

test('the number of requests is spread by the jitter, both ends included', () => {
  assert.equal(draw({ maxRequests: 1000, maxRequestsJitter: 50 }, 0).drawRequests(), 1000)
  assert.equal(draw({ maxRequests: 1000, maxRequestsJitter: 50 }, 0.9999).drawRequests(), 1050)
  assert.equal(draw({ maxRequests: 1 }, 0.9999).drawRequests(), 1)
})

test('the age is spread by a tenth and never more than was said', () => {
  assert.equal(draw({ maxAge: 1000 }, 0).drawAge(), 1000)
  assert.ok(Math.abs(draw({ maxAge: 1000 }, 0.9999).drawAge() - 900) < 1)
})

test('who is above the limit is due, with the reason; who cannot be looked at, or does not serve, is not', async () => {
  const sizes: Record<number, number> = { 1: 300, 2: 100, 3: 900, 5: 500 }
  const workers = [1, 2, 3, 4, 5].map(pid => new Worker(pid, pid === 3 ? 'draining' : 'serving'))
  let changes = 0
  const recycling = new Recycling(
    { ...OFF, maxMemory: 200 * 1024 * 1024 },
    () => workers,
    () => changes++,
    async pid => (pid in sizes ? { bytes: sizes[pid]! * 1024 * 1024, kind: 'PSS' } : null),
  )
  await recycling.sample()
  recycling.stop()
  assert.deepEqual(
    workers.map(worker => worker.reason),
    ['300 MB of memory, PSS (--max-memory 200 MB)', '', '', '', '500 MB of memory, PSS (--max-memory 200 MB)'],
  )
  assert.equal(changes, 2)
})

test('memory of a real process, and of one that is gone', async () => {
  const own = await readMemory(process.pid)
  assert.ok(own !== null && own.bytes > 1024 * 1024, JSON.stringify(own))
  const child = spawn('true')
  await once(child, 'exit')
  assert.equal(await readMemory(child.pid!), null)
})
