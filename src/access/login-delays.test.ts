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
  for (const { network } of before) delays.ended(network, eve, true, now)
  for (let i = 0; i < 3; i++) assert.notEqual(delays.begin(eve, now), null)
  assert.equal(delays.begin(eve, now), null, 'four at once')
  delays.ended(again.network, eve, true, now)
  assert.notEqual(delays.begin(eve, now), null)
})

test('a wrong password counts for its network, though it was forgotten meanwhile', () => {
  const delays = new LoginDelays()
  const now = 1000
  const begun = delays.begin('192.0.2.1', now)!
  for (let i = 0; i < 5000; i++) delays.begin(`10.${i >> 8}.${i & 255}.1`, now)
  delays.ended(begun.network, '192.0.2.1', false, now)
  for (let i = 0; i < 4; i++) delays.ended(delays.begin('192.0.2.1', now)!.network, '192.0.2.1', false, now)
  assert.equal(delays.begin('192.0.2.1', now)!.delay, 250)
})
