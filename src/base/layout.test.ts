import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { twoColumns, wrap } from './layout.ts'

test('the right side is wrapped into its column', () => {
  assert.deepEqual(twoColumns(' -w', 'one two three', { width: 15, column: 6 }), [' -w   one two', '      three'])
})

test('a left side that is too long has a line of its own', () => {
  assert.deepEqual(twoColumns('--long', 'text', { width: 20, column: 7 }), ['--long', '       text'])
  assert.deepEqual(twoColumns('--lon', 'text', { width: 20, column: 7 }), ['--lon  text'])
})

test('the style is for the left side, and adds no width', () => {
  const style = (text: string) => `<${text}>`
  assert.deepEqual(twoColumns('-w', 'text', { width: 20, column: 5, style }), ['<-w>   text'])
})

test('wrapping keeps every word in order and every line within the width, unless a word alone is longer', () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 })
  fc.assert(
    fc.property(words, fc.integer({ min: 1, max: 40 }), (all, width) => {
      const lines = wrap(all.join(' '), width)
      assert.equal(lines.join(' '), all.join(' '))
      for (const line of lines) assert.ok(line.length <= width || !line.includes(' '))
    }),
  )
})
