/** Addresses that a name which somebody else may change must not lead to. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalAddress, isSpecialAddress } from './special-addresses.ts'

test('this machine, its link and the metadata of clouds are special, in whatever form', () => {
  for (const text of [
    ...['127.0.0.1', '0.0.0.0', '169.254.169.254', '100.100.100.200', '168.63.129.16', '192.0.0.192', '224.0.0.1'],
    ...['::1', '::', '::ffff:127.0.0.1', '::127.0.0.1', '::ffff:0:7f00:1', 'fe80::1', 'ff02::1'],
    ...['64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::7f00:1', '2002:7f00:1::', '2002:a9fe:a9fe::1'],
    ...['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254'],
  ])
    assert.equal(isSpecialAddress(canonicalAddress(text)!), true, text)
  for (const text of ['10.0.0.1', '192.168.1.1', '203.0.113.1', '2001:db8::1', 'fd00::1', '2002:a00:1::'])
    assert.equal(isSpecialAddress(canonicalAddress(text)!), false, text)
})
