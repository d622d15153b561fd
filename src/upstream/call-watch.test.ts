/** Which calls are watched, whatever the order in which they end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Place } from '../base/line.ts'
import { callWatch, type WatchedCall } from './call-watch.ts'

test('those that have not ended hear of a drain, once each', () => {
  const heard: string[] = []
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(name =>
    callWatch.add({ tick() {}, drain: () => void heard.push(name) }),
  ) as [Place<WatchedCall>, Place<WatchedCall>, Place<WatchedCall>, Place<WatchedCall>]
  callWatch.delete(a)
  callWatch.delete(d)
  callWatch.delete(d)
  const again = callWatch.add(a.item)
  callWatch.delete(b)
  callWatch.drain()
  assert.deepEqual(heard.toSorted(), ['a', 'c'])
  for (const place of [again, c]) callWatch.delete(place)
  heard.length = 0
  callWatch.drain()
  assert.deepEqual(heard, [])
})
