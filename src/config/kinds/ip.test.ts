import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAddressOrRange, isPlainIPv6 } from './ip.ts'

for (const text of ['10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', '::1', '::/0', 'fd00::/128', '::ffff:1.2.3.4'])
  test(`${text} is an address or a range`, () => assert.ok(isAddressOrRange(text)))

for (const text of ['', '10.0.0', '10.0.0.256', '01.2.3.4', '10.0.0.0/33', '10.0.0.0/08', '10.0.0.0/', '10.0.0.0/-1'])
  test(`'${text}' is none`, () => assert.ok(!isAddressOrRange(text)))

for (const text of ['::1/129', '::1/1.128', 'fe80::1%eth0', '::1/64/64', ' ::1', 'localhost', '1.2.3.4/a'])
  test(`'${text}' is none`, () => assert.ok(!isAddressOrRange(text)))

test('the name of an interface is no part of a plain address', () => {
  assert.ok(isPlainIPv6('fe80::1'))
  assert.ok(!isPlainIPv6('fe80::1%eth0'))
})
