import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_PRIORITY, parsePriority } from './priority.ts'

for (const [text, urgency, isIncremental] of [
  ['', 3, false],
  ['u=0', 0, false],
  ['u=7', 7, false],
  ['i', 3, true],
  ['i=?1', 3, true],
  ['i=?0', 3, false],
  ['u=1, i', 1, true],
  ['i,u=1', 1, true],
  ['u=1;x=2, i;y', 1, true],
  ['  u=5 ,\ti ', 5, true],
  ['u=1, u=2', 2, false],
  ['i, i=?0', 3, false],
  ['u=8', 3, false],
  ['u=-1', 3, false],
  ['u=1.0', 3, false],
  ['u=11', 3, false],
  ['u="1"', 3, false],
  ['u', 3, false],
  ['U=1, I', 3, false],
  ['i=1', 3, false],
  ['a=1, u=2, b', 2, false],
  [',,,=,;,u=4', 4, false],
] as const)
  test(`RFC9218§4: ${JSON.stringify(text)}`, () => assert.deepEqual(parsePriority(text), { urgency, isIncremental }))

test('one that is too long is none; the same priority is the same object', () => {
  assert.equal(parsePriority(`u=1,${' '.repeat(300)}`), DEFAULT_PRIORITY)
  assert.equal(parsePriority('u=1, i'), parsePriority('i, u=1'))
})
