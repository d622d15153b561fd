import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAffinity } from './affinity.ts'

test('how clients are known again', () => {
  assert.deepEqual(parseAffinity('off'), { value: null })
  assert.deepEqual(parseAffinity('cookie'), { value: { kind: 'cookie' } })
  assert.deepEqual(parseAffinity('address'), { value: { kind: 'address' } })
  assert.deepEqual(parseAffinity('header:X-Session'), { value: { kind: 'header', name: 'x-session' } })
})

test('what is no way to know a client is refused, with the words that are allowed', () => {
  for (const text of ['', 'on', 'Cookie', 'header', 'header:', 'header:x y', 'header:ä', `header:${'x'.repeat(101)}`])
    assert.match(
      (parseAffinity(text) as { problem: string }).problem,
      /must be off, cookie, address, or header:NAME/,
      text,
    )
  assert.match((parseAffinity('header:x_y') as { problem: string }).problem, /without an underscore/)
})
