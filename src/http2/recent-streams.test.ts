import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RecentStreams } from './recent-streams.ts'

test('the last streams are known, as many as were asked for, and no others', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.nat(300), (most, many) => {
      const recent = new RecentStreams(most)
      for (let i = 0; i < many; i++) recent.add(2 * i + 1)
      for (let i = 0; i < many; i++) assert.equal(recent.has(2 * i + 1), i >= many - most)
      assert.ok(!recent.has(2 * many + 1))
    }),
  )
})
