/** The oracle is this table, made from RFC9110§14: the parts of a representation of some length for a Range header. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseRange } from './range.ts'

type Parts = readonly (readonly [number, number])[]

const CASES: readonly (readonly [header: string, length: number, expected: Parts | 'unsatisfiable' | null])[] = [
  // The examples of RFC9110§14.1.2, for a representation of 10000 bytes.
  ['bytes=0-499', 10_000, [[0, 499]]],
  ['bytes=500-999', 10_000, [[500, 999]]],
  ['bytes=-500', 10_000, [[9500, 9999]]],
  ['bytes=9500-', 10_000, [[9500, 9999]]],
  [
    'bytes=0-0,-1',
    10_000,
    [
      [0, 0],
      [9999, 9999],
    ],
  ],
  [
    'bytes= 0-999, 4500-5499, -1000',
    10_000,
    [
      [0, 999],
      [4500, 5499],
      [9000, 9999],
    ],
  ],
  ['bytes=500-600,601-999', 10_000, [[500, 999]]],
  ['bytes=500-700,601-999', 10_000, [[500, 999]]],
  // The last position is cut to the length, a suffix to the whole (RFC9110§14.1.2).
  ['bytes=0-', 5, [[0, 4]]],
  ['bytes=4-4', 5, [[4, 4]]],
  ['bytes=0-5', 5, [[0, 4]]],
  ['bytes=2-9223372036854775807', 5, [[2, 4]]],
  ['bytes=-5', 5, [[0, 4]]],
  ['bytes=-6', 5, [[0, 4]]],
  ['bytes=-99999999999999999999999', 5, [[0, 4]]],
  ['BYTES=1-2', 5, [[1, 2]]],
  ['bytes=1-2,', 5, [[1, 2]]],
  ['bytes=,\t1-2 , ,', 5, [[1, 2]]],
  // The range is outside: 416 (RFC9110§15.5.17). Of several ranges, those inside are sent.
  ['bytes=5-', 5, 'unsatisfiable'],
  ['bytes=5-5', 5, 'unsatisfiable'],
  ['bytes=-0', 5, 'unsatisfiable'],
  ['bytes=99999999999999999999-', 5, 'unsatisfiable'],
  ['bytes=7-8,-0', 5, 'unsatisfiable'],
  ['bytes=7-8,1-1', 5, [[1, 1]]],
  // Malformed, or of another unit: ignored (RFC9110§14.2).
  ['bytes=3-2', 5, null],
  ['bytes=0-1,3-2', 5, null],
  ['bytes=-', 5, null],
  ['bytes=', 5, null],
  ['bytes=,', 5, null],
  ['bytes=a-b', 5, null],
  ['bytes=1 - 2', 5, null],
  ['bytes=+1-2', 5, null],
  ['bytes=0x1-2', 5, null],
  ['bytes=1-2;q=1', 5, null],
  ['bytes =1-2', 5, null],
  ['bytes 1-2', 5, null],
  ['lines=1-2', 5, null],
  ['', 5, null],
  // An empty file has no range.
  ['bytes=0-', 0, null],
  ['bytes=-1', 0, null],
  // In the order asked for, unless some are joined.
  [
    'bytes=7-8,0-1',
    10,
    [
      [7, 8],
      [0, 1],
    ],
  ],
  [
    'bytes=7-8,0-1,1-2',
    10,
    [
      [0, 2],
      [7, 8],
    ],
  ],
  // More than ten are not served as ranges (RFC9110§14.2, CVE-2011-3192).
  [`bytes=${Array.from({ length: 10 }, (_, i) => `${2 * i}-${2 * i}`).join()}`, 100, tenSingles()],
  [`bytes=${Array.from({ length: 11 }, (_, i) => `${2 * i}-${2 * i}`).join()}`, 100, null],
  [`bytes=${'0-,'.repeat(10_000)}`, 100, null],
  ['bytes=0-,0-,0-,0-,0-,0-,0-,0-,0-,0-', 100, [[0, 99]]],
]

function tenSingles(): Parts {
  return Array.from({ length: 10 }, (_, i) => [2 * i, 2 * i] as const)
}

for (const [header, length, expected] of CASES) {
  test(`RFC9110§14.1.2: ${JSON.stringify(header.slice(0, 60))} of ${length} bytes`, () => {
    const found = parseRange(header, length)
    assert.deepEqual(Array.isArray(found) ? found.map(({ first, last }) => [first, last]) : found, expected)
  })
}

test('RFC9110§14.2: whatever is asked for, the parts lie within, do not overlap, and are never more than the whole', () => {
  const piece = fc.oneof(fc.nat(30), fc.constant('')).map(String)
  const specs = fc.array(fc.tuple(piece, piece), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(specs, fc.nat(25), (pairs, length) => {
      const found = parseRange(`bytes=${pairs.map(pair => pair.join('-')).join()}`, length)
      if (!Array.isArray(found)) return
      const taken = new Set<number>()
      for (const { first, last } of found) {
        assert.ok(first >= 0 && first <= last && last < length)
        for (let i = first; i <= last; i++) {
          assert.ok(!taken.has(i))
          taken.add(i)
        }
      }
      assert.ok(found.length >= 1 && found.length <= 10)
    }),
  )
})
