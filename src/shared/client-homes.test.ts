import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SharedCells } from './cells.ts'
import { ClientHomes, poolMemory } from './client-homes.ts'
import { PoolWaits } from './pool-waits.ts'

const MINUTE = 600_000

test('what one thread knows of a client all of them know', () => {
  const memory = poolMemory(3)
  const [one, other] = [0, 1].map(() => new ClientHomes(new SharedCells(memory), 3)) as [ClientHomes, ClientHomes]
  assert.equal(one.get('client', 1), 0)
  one.set('client', 7, 1)
  assert.equal(other.get('client', 1), 7)
  other.set('client', 0x1_8005, 1)
  assert.equal(one.get('client', 1), 0x8005)
  const waits = new PoolWaits(new SharedCells(memory), 3, 2, 'fifo')
  waits.publish(0, 0)
  assert.equal(one.get('client', 1), 0x8005, 'who waits has words of its own')
})

test('clients that come are remembered, those that have been silent for longest are forgotten', () => {
  const homes = new ClientHomes(new SharedCells(poolMemory(1)), 1)
  const known = (prefix: string, now: number) => {
    let count = 0
    for (let i = 0; i < 20_000; i++) if (homes.get(`${prefix}${i}`, now) === 9) count++
    return count
  }
  for (const [prefix, minute] of [
    ['a', 1],
    ['b', 10],
  ] as const)
    for (let i = 0; i < 20_000; i++) homes.set(`${prefix}${i}`, 9, minute * MINUTE)
  assert.ok(known('a', 20 * MINUTE) > 18_500)
  for (let i = 0; i < 20_000; i++) homes.set(`c${i}`, 9, 30 * MINUTE)
  assert.equal(known('c', 30 * MINUTE) > 19_900, true)
  assert.ok(known('a', 30 * MINUTE) > known('b', 30 * MINUTE), 'they came again before the new ones')
})
