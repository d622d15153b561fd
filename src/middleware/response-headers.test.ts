import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeExchange } from '../apps/testing/fake-exchange.ts'
import { responseHeaders } from './response-headers.ts'

test('headers stand in front of those of the response', () => {
  const exchange = new FakeExchange({})
  void responseHeaders(['Server', 'shop'])(one => {
    one.response.respond({ status: 200, reason: '', headers: ['Server', 'own'] }, Buffer.from('a'))
  })(exchange)
  assert.deepEqual(exchange.sent.head?.headers, ['Server', 'shop', 'Server', 'own'])
})
