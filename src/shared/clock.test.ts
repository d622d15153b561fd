import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { tickOf, ticksBetween } from './clock.ts'

test('ticks are 100 µs, never 0, and compare over their wrap', () => {
  const now = 12_345.67
  assert.equal(Math.abs(ticksBetween(tickOf(now), tickOf(now + 1000)) - 10_000) <= 1, true)
  for (let i = 0; i < 100; i++) assert.notEqual(tickOf(now + i / 20) | 0, 0)
  assert.equal(ticksBetween(2 ** 31 - 1, -(2 ** 31) + 1), 2)
  assert.equal(ticksBetween(-(2 ** 31) + 1, 2 ** 31 - 1), -2)
})

test('another thread has the same clock', async () => {
  const url = JSON.stringify(new URL('./clock.ts', import.meta.url))
  const worker = new Worker(
    `import(${url}).then(({ tickOf }) => require('node:worker_threads').parentPort.postMessage(tickOf(performance.now())))`,
    { eval: true },
  )
  const before = tickOf(performance.now())
  const there = await new Promise<number>(resolve => worker.once('message', resolve))
  const after = tickOf(performance.now())
  // wait: no measurement, the order of three moments
  assert.ok(ticksBetween(before, there) >= 0, 'not before the question')
  // wait: no measurement either
  assert.ok(ticksBetween(there, after) >= 0, 'not after the answer')
})
