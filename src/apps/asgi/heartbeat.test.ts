import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Heartbeat } from './heartbeat.ts'

test('a silent loop is pinged only while something is expected of it, until a sign of life', () => {
  const calls: string[] = []
  const heartbeat = new Heartbeat(3000, {
    ping: token => calls.push(`ping ${token}`),
    blocked: ms => calls.push(`blocked ${ms}`),
    stuck: ms => calls.push(`stuck ${ms}`),
  })
  const ticks = (count: number, isAwaited = true) => {
    for (let i = 0; i < count; i++) heartbeat.tick(500, isAwaited)
    return calls.splice(0)
  }
  assert.deepEqual(ticks(10, false), [])
  assert.deepEqual(ticks(1), [])
  heartbeat.heard()
  assert.deepEqual(ticks(2), [])
  assert.deepEqual(ticks(1), ['ping 1'])
  heartbeat.heard()
  assert.deepEqual(ticks(3), ['ping 2'])
  assert.deepEqual(ticks(5), ['blocked 2000'])
  assert.equal(heartbeat.isBlocked, true)
  heartbeat.heard()
  assert.equal(heartbeat.isBlocked, false)
  assert.deepEqual(ticks(1 + 2 + 6), ['ping 3', 'blocked 2000', 'stuck 4000'])
})
