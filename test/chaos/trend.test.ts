import assert from 'node:assert/strict'
import { test } from 'node:test'
import { floorOf, type Sample, trendOf } from './trend.ts'

const series = (value: (i: number) => number): Sample[] =>
  Array.from({ length: 100 }, (_, i) => ({ seconds: i * 6, value: value(i) }))

test('what goes up and down does not grow, outliers do not make a trend', () => {
  assert.ok(Math.abs(trendOf(series(i => 100 + 30 * (i % 7 === 0 ? 1 : 0))).growth) < 5)
  assert.ok(Math.abs(trendOf(series(i => 100 + (i % 10) * 3)).growth) < 5)
})

test('one step is no growth', () => {
  assert.equal(trendOf(series(i => (i < 70 ? 100 : 130))).growth, 0)
})

test('what grows by a fifth is seen, however it goes up and down', () => {
  const { growth } = trendOf(series(i => 100 + i * 0.2 + (i % 10) * 3))
  assert.ok(Math.abs(growth - 20) < 5, `${growth}`)
})

test('the floor is where a sawtooth begins, and a leak lifts it', () => {
  const flat = floorOf(
    series(i => 100 + (i % 5) * 3),
    5,
  )
  assert.deepEqual(new Set(flat.slice(4).map(({ value }) => value)), new Set([100]))
  const { growth } = trendOf(
    floorOf(
      series(i => 100 + i * 0.2 + (i % 5) * 3),
      5,
    ),
  )
  assert.ok(Math.abs(growth - 20) < 2, `${growth}`)
})

test('no samples are no trend', () => {
  assert.deepEqual(trendOf([]), { mean: 0, growth: 0 })
})
