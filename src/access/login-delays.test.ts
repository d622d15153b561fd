import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoginDelays } from './login-delays.ts'

test('what runs of a network that was forgotten meanwhile gives it no more room than others have', () => {
  const delays = new LoginDelays()
  const [eve, now] = ['192.0.2.1', 1000]
  const before = Array.from({ length: 4 }, () => delays.begin(eve, now)!)
  assert.equal(delays.begin(eve, now), null)
  // A flood of other networks: it is forgotten.
  for (let i = 0; i < 5000; i++) delays.begin(`10.${i >> 8}.${i & 255}.1`, now)
  const again = delays.begin(eve, now)!
  for (const begun of before) delays.ended(begun, eve, true, now)
  for (let i = 0; i < 3; i++) assert.notEqual(delays.begin(eve, now), null)
  assert.equal(delays.begin(eve, now), null, 'four at once')
  delays.ended(again, eve, true, now)
  assert.notEqual(delays.begin(eve, now), null)
})

test('a wrong password counts for its network, though it was forgotten meanwhile', () => {
  const delays = new LoginDelays()
  const now = 1000
  const begun = delays.begin('192.0.2.1', now)!
  for (let i = 0; i < 5000; i++) delays.begin(`10.${i >> 8}.${i & 255}.1`, now)
  delays.ended(begun, '192.0.2.1', false, now)
  for (let i = 0; i < 4; i++) delays.ended(delays.begin('192.0.2.1', now)!, '192.0.2.1', false, now)
  assert.equal(delays.begin('192.0.2.1', now)!.delay, 250)
})

/** One wrong password. Returns how long it waited; null: it was refused. */
function guess(delays: LoginDelays, address: string, now: number): number | null {
  const begun = delays.begin(address, now)
  if (begun !== null) delays.ended(begun, address, false, now)
  return begun?.delay ?? null
}

test('a flood of wrong passwords from one provider of IPv6 pushes out no other network', () => {
  const delays = new LoginDelays()
  for (let i = 0; i < 6; i++) {
    guess(delays, '192.0.2.1', 1000)
    guess(delays, '2001:db9:1:1::1', 1000)
  }
  for (let i = 0; i < 10_000; i++) guess(delays, `2001:db8:${i.toString(16)}:${(i & 7).toString(16)}::1`, 1001)
  assert.equal(delays.begin('192.0.2.1', 1002)!.delay, 500)
  assert.equal(delays.begin('2001:db9:1:1::2', 1002)!.delay, 500)
})

test('who has a /48 has no more tries for it: its networks wait together, later than each for itself', () => {
  const delays = new LoginDelays()
  const waited = Array.from({ length: 60 }, (_, i) => guess(delays, `2001:db8:7:${i.toString(16)}::1`, 1000))
  assert.deepEqual(waited.slice(0, 50), new Array(50).fill(0))
  assert.deepEqual(waited.slice(50), [250, 500, 1000, 2000, 4000, 8000, 8000, 8000, 8000, 8000])
  assert.equal(guess(delays, '2001:db8:8::1', 1000), 0, 'a neighbour')
  assert.equal(guess(delays, '2001:db8:7:ffff::1', 1000 + 5 * 60_000 + 1), 0, 'forgotten')
})

test('many networks of one provider cannot fill the queue of all', () => {
  const delays = new LoginDelays()
  const begun = (address: string) => delays.begin(address, 1000) !== null
  const count = (addressOf: (i: number) => string) =>
    Array.from({ length: 1000 }, (_, i) => begun(addressOf(i))).filter(Boolean).length
  assert.equal(
    count(i => `2001:db8:7:${i.toString(16)}::1`),
    16,
    'of one /48',
  )
  assert.equal(
    count(i => `2001:db8:${(8 + i).toString(16)}::1`),
    16,
    'of one /32, with those',
  )
  assert.ok(begun('2001:db9::1'))
  assert.ok(begun('192.0.2.1'))
})
