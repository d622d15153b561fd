/** Which calls are watched, whatever the order in which they end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callWatch, type WatchedCall } from './call-watch.ts'

test('those that have not ended hear of a drain, once each', () => {
  const heard: string[] = []
  const calls = ['a', 'b', 'c', 'd'].map(
    (name): WatchedCall => ({ watchedAt: -1, tick() {}, drain: () => void heard.push(name) }),
  )
  for (const call of calls) callWatch.add(call)
  const [a, b, , d] = calls as [WatchedCall, WatchedCall, WatchedCall, WatchedCall]
  callWatch.delete(a)
  callWatch.delete(d)
  callWatch.delete(d)
  callWatch.add(a)
  callWatch.delete(b)
  callWatch.drain()
  assert.deepEqual(heard.toSorted(), ['a', 'c'])
  for (const call of calls) callWatch.delete(call)
  heard.length = 0
  callWatch.drain()
  assert.deepEqual(heard, [])
})
