import assert from 'node:assert/strict'
import { STATUS_CODES } from 'node:http'
import { test } from 'node:test'
import { reasonPhrase } from './status.ts'

test('each status has the phrase that Node gives it, and an unknown one has none', () => {
  for (let status = 100; status < 600; status++) assert.equal(reasonPhrase(status), STATUS_CODES[status] ?? '')
})
