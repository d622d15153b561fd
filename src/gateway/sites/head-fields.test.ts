/** Heads of applications that come again: what a location adds to them is made once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeExchange } from '../../apps/testing/fake-exchange.ts'
import type { ResponseHead } from '../../http/exchange.ts'
import { compileSites } from '../../routing/sites/compile.ts'
import { SiteRequest } from '../../routing/sites/site-request.ts'
import { model, prefix, SETTINGS, site } from '../../routing/sites/testing/sites.ts'
import { withHeadFields } from './head-fields.ts'

const HEAD: ResponseHead = Object.freeze({ status: 200, reason: '', headers: ['Vary', 'Cookie'], comesAgain: true })

/** What is sent for a head, for requests to a location that adds `$arg_kind`. */
function location(): (head: ResponseHead, kind: string) => ResponseHead {
  const addHeaders = [
    { name: 'X-Kind', value: '$arg_kind', always: false },
    { name: 'X-Always', value: '1', always: true },
  ]
  const one = site({ root: prefix('', { settings: { ...SETTINGS, addHeaders } }) })
  const [compiled] = compileSites(model(one)).sites
  return (head, kind) => {
    const exchange = new FakeExchange({ query: `kind=${kind}` })
    return withHeadFields(new SiteRequest(exchange, compiled!, '/'), head)
  }
}

test('the same head with the same values is one object, which comes again', () => {
  const sent = location()
  const [first, second, third] = [sent(HEAD, 'a'), sent(HEAD, 'a'), sent(HEAD, 'a')]
  assert.deepEqual(first, { status: 200, reason: '', headers: ['Vary', 'Cookie', 'X-Kind', 'a', 'X-Always', '1'] })
  assert.deepEqual(second, { ...first, comesAgain: true })
  assert.equal(third, second)
})

test('another value, another head, and a head that does not come again are made anew', () => {
  const sent = location()
  for (let i = 0; i < 3; i++) sent(HEAD, 'a')
  const other = sent(HEAD, 'b%0d')
  assert.deepEqual(other.headers, ['Vary', 'Cookie', 'X-Kind', 'b%0d', 'X-Always', '1'])
  assert.equal(other.comesAgain, undefined)
  const missing = Object.freeze({ ...HEAD, status: 404 })
  assert.deepEqual(sent(missing, 'b%0d').headers, ['Vary', 'Cookie', 'X-Always', '1'])
  assert.deepEqual(sent(missing, 'b%0d'), { ...missing, headers: ['Vary', 'Cookie', 'X-Always', '1'] })
  const { comesAgain: _, ...once } = HEAD
  for (let i = 0; i < 3; i++) assert.equal(sent(once, 'a').comesAgain, undefined)
})
