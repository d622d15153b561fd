import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Addresses, OwnCounts } from './addresses.ts'

test('an address gets connections up to the limit, and another one after one has closed', () => {
  const addresses = new Addresses(2, () => false)
  assert.deepEqual(
    ['192.0.2.1', '192.0.2.1', '192.0.2.1'].map(one => addresses.add(one)),
    ['192.0.2.1', '192.0.2.1', null],
  )
  assert.equal(addresses.add('192.0.2.2'), '192.0.2.2')
  addresses.remove('192.0.2.1')
  assert.equal(addresses.add('192.0.2.1'), '192.0.2.1')
})

test('addresses of one IPv6 network count together', () => {
  const addresses = new Addresses(1, () => false)
  assert.notEqual(addresses.add('2001:db8::1'), null)
  assert.equal(addresses.add('2001:db8::2'), null)
})

test('exempt addresses and Unix sockets are never refused, and nobody is without a limit', () => {
  const addresses = new Addresses(1, address => address === '192.0.2.1')
  const more = (one: Addresses, address: string) => [one.add(address), one.add(address)].every(added => added !== null)
  assert.ok(more(addresses, '192.0.2.1'))
  assert.ok(more(addresses, ''))
  assert.ok(more(new Addresses(0, () => false), '192.0.2.9'))
})

test('nothing is kept of addresses that have left', () => {
  const counts = new OwnCounts()
  const addresses = new Addresses(5, () => false, counts)
  const networks = Array.from({ length: 100 }, (_, i) => addresses.add(`192.0.2.${i}`)!)
  assert.equal(counts.size, 100)
  for (const network of networks) addresses.remove(network)
  assert.equal(counts.size, 0)
})
