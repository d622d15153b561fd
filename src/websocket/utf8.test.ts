import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { Utf8Check } from './utf8.ts'

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 12 }).map(text => Buffer.from(text)),
  fc.array(fc.constantFrom(0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xc2, 0xe0, 0xa0, 0xed, 0xef, 0xf0, 0x90, 0xf4, 0xf8), {
    maxLength: 12,
  }),
)

/** Cuts the data into pieces of these sizes and a rest. */
function judged(check: Utf8Check, all: Buffer, cuts: readonly number[]): boolean {
  let at = 0
  for (const size of [...cuts, all.length]) {
    if (!check.push(all.subarray(at, at + size))) return false
    at += size
  }
  return check.end()
}

test('cut anywhere, a text is what isUtf8 says of the whole', () => {
  const check = new Utf8Check()
  fc.assert(
    fc.property(bytes, fc.array(fc.nat({ max: 5 }), { maxLength: 8 }), (given, cuts) => {
      const all = Buffer.from(given)
      const isRight = judged(check, all, cuts)
      assert.equal(isRight, isUtf8(all))
      // After a refusal the check is not used again.
      if (!isRight) while (!check.end());
    }),
    { numRuns: 2000 },
  )
})

test('what is wrong is found with its last byte', () => {
  const check = new Utf8Check()
  assert.equal(check.push(Buffer.from([0x61, 0xe2])), true)
  assert.equal(check.push(Buffer.from([0x28])), false)
})
