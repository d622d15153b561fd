import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Sample, trendOf } from './trend.ts'

const series = (value: (i: number) => number): Sample[] =>
  Array.from({ length: 100 }, (_, i) => ({ seconds: i * 6, value: value(i) }))

test('what goes up and down is flat, outliers do not make a trend', () => {
  assert.equal(trendOf(series(i => 100 + 30 * (i % 7 === 0 ? 1 : 0))).isFlat, true)
  assert.equal(trendOf(series(i => 100 + (i % 10) * 3)).isFlat, true)
})

test('what grows by a fifth is not, however it goes up and down', () => {
  const leak = trendOf(series(i => 100 + i * 0.2 + (i % 10) * 3))
  assert.equal(leak.isFlat, false)
  assert.ok(Math.abs(leak.growth - 20) < 5, `${leak.growth}`)
})

test('no samples are no trend', () => {
  assert.deepEqual(trendOf([]), { mean: 0, growth: 0, isFlat: true })
})
