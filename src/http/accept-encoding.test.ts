import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CODINGS, preferCoding } from './accept-encoding.ts'

for (const [header, expected] of [
  [undefined, null],
  ['', null],
  ['gzip', 'gzip'],
  ['GZip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['gzip, deflate, br, zstd', 'br'],
  ['gzip, deflate, zstd', 'zstd'],
  ['gzip;q=1, br;q=0.5', 'gzip'],
  ['gzip ; q=0.5 , br ; Q=0.6', 'br'],
  ['br;q=0', null],
  ['br;q=0, *', 'zstd'],
  ['*', 'br'],
  ['*;q=0', null],
  ['*;q=0, gzip', 'gzip'],
  ['identity', null],
  ['identity;q=1, gzip;q=0.5', null],
  ['identity;q=0.5, gzip;q=0.5', 'gzip'],
  ['identity;q=0', null],
  ['identity;q=0, gzip;q=0.001', 'gzip'],
  ['deflate', null],
  ['br;q=2', null],
  ['br;q=abc, gzip', 'gzip'],
  ['constructor, __proto__', null],
] as const) {
  test(`RFC9110§12.5.3: ${JSON.stringify(header)} prefers ${expected}`, () => {
    // Twice: first parsed, then remembered.
    assert.equal(preferCoding(header, CODINGS), expected)
    assert.equal(preferCoding(header, CODINGS), expected)
  })
}

test('only an available coding is chosen', () => {
  assert.equal(preferCoding('br, gzip;q=0.5', ['gzip']), 'gzip')
  assert.equal(preferCoding('br', ['gzip']), null)
  assert.equal(preferCoding('br', []), null)
})
