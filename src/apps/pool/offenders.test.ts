import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Offenders } from './offenders.ts'

test('requests with the same method and the same beginning of the path are alike, for a minute', () => {
  const offenders = new Offenders()
  assert.equal(offenders.has('GET', '/orders/17', 0), false)
  assert.equal(offenders.convict('GET', '/orders/17', 1000), 'GET /orders/…')
  assert.equal(offenders.has('GET', '/orders/18', 60_999), true)
  assert.equal(offenders.has('PUT', '/orders/18', 2000), false)
  assert.equal(offenders.has('GET', '/orders', 2000), false)
  assert.equal(offenders.has('GET', '/', 2000), false)
  assert.equal(offenders.has('GET', '/orders/18', 61_000), false)
  assert.equal(offenders.has('GET', '/orders/18', 2000), false, 'it is remembered for good')
})

test('a path of one segment is a kind of its own; of a long path the first two segments count', () => {
  const offenders = new Offenders()
  assert.equal(offenders.convict('GET', '/report', 0), 'GET /report')
  assert.equal(offenders.has('GET', '/reports', 1), false)
  assert.equal(offenders.convict('GET', '/api/orders/17', 0), 'GET /api/orders/…')
  assert.equal(offenders.has('GET', '/api/orders/18/pdf/large', 1), true)
  assert.equal(offenders.has('GET', '/api/users/1', 1), false)
})

test('no more than a hundred kinds are remembered, and no more of a path than fits into a log line', () => {
  const offenders = new Offenders()
  for (let i = 0; i < 150; i++) offenders.convict('GET', `/${i}`, 0)
  const remembered = Array.from({ length: 150 }, (_, i) => i).filter(i => offenders.has('GET', `/${i}`, 1))
  assert.deepEqual(
    remembered,
    Array.from({ length: 100 }, (_, i) => 50 + i),
  )
  assert.ok(offenders.convict('GET', `/${'x'.repeat(8000)}`, 0).length <= 200)
})

test('another thread learns what one has convicted', () => {
  const other = new Offenders()
  const offenders = new Offenders(kind => other.learn(kind, 0))
  offenders.convict('GET', '/orders/17', 0)
  assert.equal(other.has('GET', '/orders/18', 1), true)
  assert.equal(other.has('POST', '/orders/18', 1), false)
})
