import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefusalLog } from './refusal-log.ts'

test('one line a second, with the number of those that were not said', t => {
  let now = 5000
  t.mock.method(performance, 'now', () => now)
  const lines: string[] = []
  const log = new RefusalLog((_level, message) => lines.push(message))
  for (let i = 0; i < 10; i++) log.report('refused')
  now += 1500
  log.report('refused')
  assert.deepEqual(lines, ['refused', 'refused; and 9 others before it'])
})
