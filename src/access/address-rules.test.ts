import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AddressRule, compileAddressRules, ruleFor } from './address-rules.ts'

const rules = (...texts: string[]): AddressRule[] =>
  texts.map(text => ({ allows: text.startsWith('allow'), from: text.split(' ')[1]! }))

test('the first rule that has the address decides, also among neighbours that say the same', () => {
  const decide = compileAddressRules(
    rules('deny 10.0.0.1', 'allow 10.0.0.0/8', 'allow fd00::/8', 'deny unix', 'deny 10.0.0.2', 'allow all'),
  )!
  assert.equal(decide('10.0.0.1'), false)
  assert.equal(decide('10.0.0.2'), true)
  assert.equal(decide('fd00::1'), true)
  assert.equal(decide(''), false)
  assert.equal(decide('192.0.2.1'), true)
})

test('an address that no rule has is nobody the rules speak of', () => {
  const decide = compileAddressRules(rules('allow 10.0.0.0/8', 'deny 192.0.2.0/24'))!
  assert.equal(decide('203.0.113.1'), null)
  assert.equal(decide(''), null)
  assert.equal(compileAddressRules([]), null)
})

test('an IPv4 address in the form of IPv6 is that address (RFC4291§2.5.5.2)', () => {
  const decide = compileAddressRules(rules('deny 192.0.2.0/24', 'allow all'))!
  assert.equal(decide('::ffff:192.0.2.9'), false)
  assert.equal(decide('::ffff:192.0.3.9'), true)
})

test('what is no address is in no range, and all is everybody', () => {
  assert.equal(compileAddressRules(rules('allow 0.0.0.0/0', 'allow ::/0'))!('nobody'), null)
  assert.equal(compileAddressRules(rules('deny all'))!('nobody'), false)
})

test('the single rule is known for an explanation', () => {
  const all = rules('deny 10.0.0.1', 'deny 10.0.0.2', 'allow all')
  assert.equal(ruleFor(all, '10.0.0.2'), all[1])
  assert.equal(ruleFor(all, '10.0.0.3'), all[2])
  assert.equal(ruleFor(all.slice(0, 2), '10.0.0.3'), null)
})
