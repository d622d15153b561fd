import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Exchange } from './exchange.ts'
import { acceptRequestId, makeRequestId } from './request-id.ts'
import { trustedProxies } from './trusted-proxies.ts'

const trusted = trustedProxies(['10.0.0.0/8'])

function idOf(socketAddress: string, ...values: string[]): string {
  const exchange = {
    id: 'own',
    request: { headers: values.flatMap(value => ['x-request-id', value]) },
    peer: { socketAddress },
  } as unknown as Exchange
  acceptRequestId(exchange, trusted)
  return exchange.id
}

test('ids that we make are short, different, and have the syntax that we accept', () => {
  const ids = Array.from({ length: 1000 }, makeRequestId)
  assert.equal(new Set(ids).size, 1000)
  for (const id of ids) assert.equal(idOf('10.1.2.3', id), id)
  assert.ok(ids.every(id => id.length <= 12))
})

test('the id of a trusted proxy is taken, the last one of several; nobody else’s is', () => {
  assert.equal(idOf('10.1.2.3', 'abc-1'), 'abc-1')
  assert.equal(idOf('10.1.2.3', 'from-the-client', 'from-the-proxy'), 'from-the-proxy')
  assert.equal(idOf('192.0.2.1', 'abc-1'), 'own')
})

test('an id that could forge a log line, or is too long, is replaced', () => {
  for (const id of ['', 'a b', 'a"b', 'a\x1bb', 'a,b', 'é', 'x'.repeat(129), '\x1f', '%0a'])
    assert.equal(idOf('10.1.2.3', id), 'own', JSON.stringify(id))
  assert.equal(idOf('10.1.2.3', 'x'.repeat(128)), 'x'.repeat(128))
})
