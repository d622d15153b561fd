import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeExchange } from '../apps/testing/fake-exchange.ts'
import { trustedProxies } from '../http/trusted-proxies.ts'
import { respondWithError } from './errors/error-response.ts'
import { createServe } from './serve.ts'

test('a request that contradicts itself is answered 400 before any handler, and reported', () => {
  const told: string[] = []
  const serve = createServe({
    entry: { handler: () => assert.fail('no handler is asked') },
    trusted: trustedProxies(['192.0.2.1']),
    forwardedHeaders: ['x-forwarded-proto', 'x-forwarded-ssl'],
    respond: respondWithError,
    onRefused: (exchange, error) => told.push(`${exchange.response.state} ${error.message}`),
    onBug: error => assert.fail(error),
  })
  const exchange = new FakeExchange({ headers: ['x-forwarded-proto', 'https', 'x-forwarded-ssl', 'off'] })
  serve(exchange)
  assert.equal(exchange.response.status, 400)
  assert.deepEqual(told, ['idle x-forwarded-proto: https contradicts x-forwarded-ssl: off'])
})
