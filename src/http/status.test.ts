import assert from 'node:assert/strict'
import { STATUS_CODES } from 'node:http'
import { test } from 'node:test'
import { reasonPhrase } from './status.ts'

test('each status has the phrase that Node gives it, and an unknown one has none', () => {
  const codes = Array.from({ length: 500 }, (_, at) => 100 + at)
  assert.deepEqual(
    codes.map(reasonPhrase),
    codes.map(code => STATUS_CODES[code] ?? ''),
  )
})
