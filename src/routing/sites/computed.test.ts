import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SplitPart } from '../../sites/model.ts'
import { murmurHash2 } from './splits.ts'
import { model, PLACE, prefix, site, sitesOf, text } from './testing/sites.ts'

const SHOWN = site({ root: prefix('', { rewrites: [text('$value')] }) })

test('geo: the longest prefix wins; what is no address counts as 255.255.255.255', () => {
  const networks = {
    '10.0.0.0/8': 'wide',
    '10.1.0.0/16': 'narrow',
    '10.1.2.3': 'one',
    '2001:db8::/32': 'six',
    '255.0.0.0/8': 'last',
  }
  const geo = { name: 'value', from: '$arg_a', default: 'none', networks, place: PLACE }
  const ask = sitesOf({ ...model(SHOWN), geos: [geo] })
  const of = (address: string) => ask(`/?a=${address}`).words.slice(4)
  assert.deepEqual(['10.9.0.0', '10.1.0.0', '10.1.2.3', '10.1.2.4', '11.0.0.0', '9.255.255.255'].map(of), [
    'wide',
    'narrow',
    'one',
    'narrow',
    'none',
    'none',
  ])
  assert.deepEqual(['2001:db8::1', '2001:db9::', '::ffff:10.1.2.3', 'unix:', ''].map(of), [
    'six',
    'none',
    'one',
    'last',
    'last',
  ])
})

test('a split has the hash and the bounds of nginx', () => {
  // As the algorithm says, computed elsewhere; `npm run test:sites` asks nginx.
  assert.deepEqual(
    ['', 'a', 'ab', 'abc', 'abcd', 'abcde', '\xff\xfe\xfd\xfc\xfb\xfa\xf9'].map(murmurHash2),
    [0, 0x92685f5e, 0x1aa14063, 0x13577c9b, 0x26873021, 0x5f09a8de, 0xf56e298f],
  )
  const parts = (...of: [number | null, string][]): SplitPart[] => of.map(([share, value]) => ({ share, value }))
  const ask = (...of: [number | null, string][]) => {
    const split = { name: 'value', from: '$arg_a', parts: parts(...of), place: PLACE }
    return sitesOf({ ...model(SHOWN), splits: [split] })
  }
  // 0x13577c9b is 7.555% of all, 0x92685f5e is 57.19%.
  const three = ask([756, 'low'], [5000, 'middle'], [null, 'rest'])
  assert.equal(three('/?a=abc').words, '200 low')
  assert.equal(three('/?a=a').words, '200 middle')
  assert.equal(ask([755, 'low'])('/?a=abc').words, '200 ')
  assert.equal(ask([10_000, 'all'])('/?a=abc').words, '200 all')
})

test('variables that nothing uses are no mistake, and one that needs itself ends', () => {
  const map = { from: '$value', default: '[$value]', exact: {}, suffixes: {}, prefixes: {}, patterns: [], place: PLACE }
  const ask = sitesOf({
    ...model(SHOWN),
    maps: [
      { ...map, name: 'value' },
      { ...map, name: 'unused' },
    ],
  })
  assert.equal(ask('/').words, '200 []')
})
