/** What the words of an upstream mean. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHealthCheck } from './upstream-words.ts'

test('a health check has a path, and what differs from the usual', () => {
  const usual = { path: '/up', interval: 5000, timeout: 2000, fails: 2, passes: 2, leastStatus: 200, mostStatus: 399 }
  assert.deepEqual(parseHealthCheck('/up'), { value: usual })
  assert.deepEqual(parseHealthCheck(' /up?deep=1  interval=250ms timeout=1s fails=3 passes=1 status=204 '), {
    value: { path: '/up?deep=1', interval: 250, timeout: 1000, fails: 3, passes: 1, leastStatus: 204, mostStatus: 204 },
  })
})

for (const [text, problem] of [
  ['up', /begin with a path/],
  ['/up#x', /begin with a path/],
  ['/ü', /begin with a path/],
  ['', /begin with a path/],
  ['/up interval=0', /a time of 100ms and more as interval/],
  ['/up timeout=soon', /a time of 100ms and more as timeout/],
  ['/up fails=0', /a whole number from 1 to 100 as fails/],
  ['/up passes=101', /a whole number from 1 to 100 as passes/],
  ['/up status=20x', /a status or a range/],
  ['/up every=5s', /only interval=, timeout=, fails=, passes= or status=, not 'every=5s'/],
  ['/up constructor=1', /not 'constructor=1'/],
] as const)
  test(`'${text}' is no health check`, () => {
    const parsed = parseHealthCheck(text)
    assert.ok('problem' in parsed)
    assert.match(parsed.problem, problem)
  })
