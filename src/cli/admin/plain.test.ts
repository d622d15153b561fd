import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plain, plainJson } from './plain.ts'

const HOSTILE = 'a\u001b[2Jb\u009b31mc\u202ed\u2066e\u007ff'

test('a terminal obeys nothing in a text of others', () => {
  assert.equal(plain(HOSTILE), 'a\\x1b[2Jb\\x9b31mc\\x202ed\\x2066e\\x7ff')
})

test('nor in JSON, which means the same afterwards', () => {
  const line = JSON.stringify({ problem: HOSTILE, 한국: ['é', '\u2028'] })
  const shown = plainJson(line)
  assert.match(shown, /^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$/)
  assert.deepEqual(JSON.parse(shown), JSON.parse(line))
})
