import assert from 'node:assert/strict'
import { test } from 'node:test'
import { networkOf } from './network.ts'

for (const [address, network] of [
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['2001:db8:0:0:1::', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['2001:db8:1:2::', '2001:db8:1:2'],
  ['1::4:5:6:7:8', '1:0:0:4'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['2001:DB8:01::1', '2001:db8:1:0'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
] as const)
  test(`${address} counts as ${network}`, () => assert.equal(networkOf(address), network))
