import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trustedProxies } from './trusted-proxies.ts'

test('a wrong entry in the list of trusted proxies is named', () => {
  for (const entry of [
    'localhost',
    '',
    '10.0.0.1/',
    '10.0.0.0/33',
    '10.0.0.0/8/9',
    '::/129',
    '1.2.3.4/x',
    'fe80::1%lo',
  ])
    assert.throws(() => trustedProxies([entry]), { message: `not an address, a range or 'unix': ${entry}` })
})

test('ranges of both families; an IPv4 address in IPv6 form is the same address', () => {
  const { isTrusted } = trustedProxies(['10.1.0.0/16', '2001:db8::/32', '0.0.0.0/32'])
  for (const address of ['10.1.2.3', '2001:db8::1', '::ffff:10.1.2.3']) assert.ok(isTrusted(address), address)
  for (const address of ['10.2.0.0', '2001:db9::1', 'nonsense', '']) assert.ok(!isTrusted(address), address)
})

test('a Unix socket is trusted only if the list names it', () => {
  assert.equal(trustedProxies(['unix']).isTrusted(''), true)
  assert.equal(trustedProxies(['127.0.0.1']).isTrusted(''), false)
})
