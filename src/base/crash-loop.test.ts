import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CrashLoop } from './crash-loop.ts'

/** A process that starts as soon as it may, and dies `lifeMs` later without having served. Returns the wait before each start. */
function waits(deaths: number, lifeMs = 10, loop = new CrashLoop()): number[] {
  const found: number[] = []
  let now = 1000
  for (let i = 0; i < deaths; i++) {
    const start = Math.max(now, loop.notBefore)
    found.push(start - now)
    now = start + lifeMs
    loop.died(start, null, now)
  }
  return found
}

test('two early deaths are replaced at once, then the waits double up to half a minute', () => {
  assert.deepEqual(waits(10), [0, 0, 0, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
})

test('what fails for a reason that stays waits from the first time on', () => {
  assert.deepEqual(waits(4, 10, new CrashLoop(0)), [0, 1000, 2000, 4000])
})

test('workers that die together are one event', () => {
  const loop = new CrashLoop()
  for (let i = 0; i < 8; i++) loop.died(0, 50, 100 + i)
  assert.equal(loop.row, 1)
  assert.equal(loop.notBefore, 0)
})

test('a death after 5 s of service ends the row', () => {
  const loop = new CrashLoop()
  for (let i = 0; i < 6; i++) loop.died(i * 10_000, null, i * 10_000 + 1)
  assert.ok(loop.notBefore > 0)
  loop.died(100_000, 100_010, 105_010)
  assert.equal(loop.row, 0)
  assert.equal(loop.notBefore, 0)
})

test('a death within 5 s of service is early', () => {
  const loop = new CrashLoop()
  loop.died(0, 10, 5009)
  assert.equal(loop.row, 1)
})
