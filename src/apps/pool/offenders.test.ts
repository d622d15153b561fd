import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Culprits } from './offenders.ts'

test('requests alike are those of the same method and the same beginning of the path, for a minute', () => {
  const culprits = new Culprits()
  assert.equal(culprits.has('GET', '/orders/17', 0), false)
  assert.equal(culprits.convict('GET', '/orders/17', 1000), 'GET /orders/…')
  assert.equal(culprits.has('GET', '/orders/18', 60_999), true)
  assert.equal(culprits.has('PUT', '/orders/18', 2000), false)
  assert.equal(culprits.has('GET', '/orders', 2000), false)
  assert.equal(culprits.has('GET', '/', 2000), false)
  assert.equal(culprits.has('GET', '/orders/18', 61_000), false)
  assert.equal(culprits.size, 0)
})

test('a path of one segment stands for itself, a long one for its first two', () => {
  const culprits = new Culprits()
  assert.equal(culprits.convict('GET', '/report', 0), 'GET /report')
  assert.equal(culprits.has('GET', '/reports', 1), false)
  assert.equal(culprits.convict('GET', '/api/orders/17', 0), 'GET /api/orders/…')
  assert.equal(culprits.has('GET', '/api/orders/18/pdf/large', 1), true)
  assert.equal(culprits.has('GET', '/api/users/1', 1), false)
})

test('no more than a hundred are remembered, and no more of a path than a line has room for', () => {
  const culprits = new Culprits()
  for (let i = 0; i < 150; i++) culprits.convict('GET', `/${i}`, 0)
  assert.equal(culprits.size, 100)
  assert.equal(culprits.has('GET', '/49', 1), false)
  assert.equal(culprits.has('GET', '/50', 1), true)
  assert.ok(culprits.convict('GET', `/${'x'.repeat(8000)}`, 0).length <= 200)
})
