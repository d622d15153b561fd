import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AddressCounts, forgetAddressCounts, makeAddressCounts } from './address-counts.ts'

function threads(count: number, app = 'shop') {
  const memory = makeAddressCounts(count)
  return { memory, counts: Array.from({ length: count }, (_, thread) => new AddressCounts(memory, count, thread, app)) }
}

test('a network has one count in all threads', () => {
  const [one, other] = threads(2).counts
  assert.equal(one!.add('192.0.2.1'), 1)
  assert.equal(other!.add('192.0.2.1'), 2)
  one!.remove('192.0.2.1')
  assert.equal(other!.add('192.0.2.1'), 2)
})

test('applications and networks are counted by themselves', () => {
  // Two of them share a word once in ten thousand times: then the test tries another secret.
  const isApart = () => {
    const { memory, counts } = threads(2)
    const admin = new AddressCounts(memory, 2, 0, 'admin')
    return [counts[0]!.add('192.0.2.1'), counts[0]!.add('192.0.2.2'), admin.add('192.0.2.1')].every(one => one === 1)
  }
  assert.ok(isApart() || isApart() || isApart())
})

test('what a dead thread has counted is forgotten, and nothing of the others', () => {
  const { memory, counts } = threads(3)
  for (const one of counts) one.add('2001:db8:0:1')
  forgetAddressCounts(memory, 1)
  assert.equal(counts[0]!.add('2001:db8:0:1'), 3)
})
