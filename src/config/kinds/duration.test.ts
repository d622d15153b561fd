import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDuration } from './duration.ts'

for (const [text, milliseconds] of [
  ['30', 30_000],
  ['30s', 30_000],
  ['1.5s', 1500],
  ['2m', 120_000],
  ['500ms', 500],
  ['1h', 3_600_000],
  ['0', 0],
] as const)
  test(`${text} is ${milliseconds} ms`, () => assert.deepEqual(parseDuration(text), { value: milliseconds }))

test('a duration that is not zero does not become zero, which would mean none', () => {
  assert.deepEqual(parseDuration('0.1ms'), { value: 1 })
})

for (const text of ['', 'soon', '-1', '1 s', '30S', '1e3', '.5', '5d', 'NaN', 'Infinity'])
  test(`'${text}' is no duration`, () => assert.ok('problem' in parseDuration(text)))

test('a duration that is too long for a timer is refused', () => {
  assert.deepEqual(parseDuration('2147483647ms'), { value: 2_147_483_647 })
  assert.ok('problem' in parseDuration('2147483648ms'))
})
