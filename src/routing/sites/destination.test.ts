/** Servers that requests choose: what is one, what is allowed, and what an attacker would write. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAllowedHost } from '../../config/kinds/allowed-host.ts'
import { HttpError } from '../../http/errors.ts'
import { canonicalAddress } from '../../http/special-addresses.ts'
import { chooseServer, compileAllowedHosts } from './destination.ts'
import type { SiteRequest } from './site-request.ts'

function allowing(...words: string[]): ReturnType<typeof compileAllowedHosts> {
  return compileAllowedHosts(
    words.map(word => {
      const parsed = parseAllowedHost(word)
      assert.ok('value' in parsed, `${word}: ${JSON.stringify(parsed)}`)
      return parsed.value
    }),
  )
}

/** The server that the text comes to; null: it is refused. */
function chosen(allowed: ReturnType<typeof compileAllowedHosts>, text: string): string | null {
  const found = chooseServer({ text: () => text, usualPort: 80, allowed }, {} as SiteRequest)
  if (found instanceof HttpError) {
    assert.equal(found.status, 403)
    assert.doesNotMatch(found.message, /internal/)
    return null
  }
  return found.kind === 'upstream' ? `upstream ${found.name}` : found.destination.label
}

const ALLOWED = ['api.test', '*.internal.test:8000-8099', 'one.test:80', '10.0.0.5:8000', '[2001:db8::1]:443', 'back']
const allowed = allowing(...ALLOWED)

test('names, what they end with, addresses and upstreams are allowed with their ports, in whatever spelling', () => {
  const good: readonly (readonly [string, string])[] = [
    ['back', 'upstream back'],
    ['a.internal.test:8000', 'a.internal.test:8000'],
    ['A.b.Internal.TEST.:8099', 'a.b.internal.test:8099'],
    ['one.test', 'one.test:80'],
    ['10.0.0.5:8000', '10.0.0.5:8000'],
    ['[2001:DB8:0:0::1]:443', '[2001:db8::1]:443'],
    ['[::ffff:10.0.0.5]:8000', '10.0.0.5:8000'],
    ['[::ffff:a00:5]:8000', '10.0.0.5:8000'],
  ]
  for (const [text, label] of good) assert.equal(chosen(allowed, text), label, text)
})

test('what nobody allows, and what others may read in another way, is refused', () => {
  const bad = [
    ...['', '.', ':80', 'internal.test:8000', '.internal.test:8000', 'xinternal.test:8000', 'a.internal.test'],
    ...['a.internal.test:7999', 'a.internal.test:8100', 'a.internal.test:0', 'a.internal.test:08000'],
    ...['a.internal.test:65536', 'a.internal.test:', 'a.internal.test:8000:8000', 'a.internal.test:8000/x'],
    ...['a..internal.test:8000', 'a.internal.test..:8000', 'a.internal.test.evil.test:8000', '-a.internal.test:8000'],
    ...['user@a.internal.test:8000', 'evil.test#.internal.test:8000', 'evil.test?.internal.test:8000'],
    ...['evil.test/.internal.test:8000', 'evil.test\\.internal.test:8000', 'a%2einternal.test:8000'],
    ...['evil.test\0.internal.test:8000', 'evil.test\r\n.internal.test:8000', 'evil.test .internal.test:8000'],
    ...['\xe9.internal.test:8000', `${'a'.repeat(64)}.internal.test:8000`, `${'a.'.repeat(130)}internal.test:8000`],
    ...['10.0.0.05:8000', '012.0.0.5:8000', '0xa.0.0.5:8000', '167772165:8000', '0x0a000005:8000', '10.0.5:8000'],
    ...['10.0.0.5.:80', '10.0.0.5', '10.0.0.6:8000', '[10.0.0.5]:8000', '[2001:db8::1%eth0]:443', '[2001:db8::1]x:443'],
    ...['2001:db8::1:443', '[2001:db8::2]:443', '[::1]:443', '[]:443', 'api.test', 'unix:/run/x.sock', 'BACK'],
  ].filter(text => text !== 'api.test')
  for (const text of bad) assert.equal(chosen(allowed, text), null, text)
  assert.equal(chosen(allowing('*.7.test:80'), 'x.7'), null)
})

test('a name of the list that leads to this machine, its link or no machine is refused, unless the address is in the list', () => {
  const special = [
    ...['127.0.0.1', '127.9.9.9', '0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255', '::1', '::', 'fe80::1'],
    ...['fe80::1%eth0', 'ff02::1', '::ffff:127.0.0.1', '::ffff:a9fe:a9fe', '::127.0.0.1', '64:ff9b::127.0.0.1'],
    ...['64:ff9b::a9fe:a9fe', 'fd00:ec2::254', 'nonsense', ''],
  ]
  for (const address of special) assert.equal(allowed.isAllowedAddress(address, 80), false, address)
  for (const address of ['10.0.0.9', '192.0.2.1', '2001:db8::5', 'fd12::1', '64:ff9b::a00:5'])
    assert.equal(allowed.isAllowedAddress(address, 80), true, address)
  const local = allowing('*.test:8000', '127.0.0.1:8000', '[::1]:8000')
  assert.deepEqual(
    [
      local.isAllowedAddress('127.0.0.1', 8000),
      local.isAllowedAddress('::ffff:127.0.0.1', 8000),
      local.isAllowedAddress('0:0::1', 8000),
      local.isAllowedAddress('127.0.0.1', 8001),
      local.isAllowedAddress('127.0.0.2', 8000),
    ],
    [true, true, true, false, false],
  )
})

test('an address has one form', () => {
  assert.equal(canonicalAddress('2001:DB8:0:0:0:0:0:1'), '2001:db8::1')
  assert.equal(canonicalAddress('::ffff:7f00:1'), '127.0.0.1')
  assert.equal(canonicalAddress('127.0.0.01'), null)
})

test('words of the list that are no servers are refused', () => {
  const bad = [
    ...[
      '*:80',
      '*.:80',
      'a.*.test:80',
      'api.test:0',
      'api.test:80-79',
      'api.test:1-65536',
      '10.0.0.1',
      '::1',
      '::1:80',
    ],
    ...['[::1%eth0]:80', 'http://a.test:80', 'a.test:80/x', '127.1:80', '0x7f.0x1:80', 'a b:80', '', '10.0.0.0/8:80'],
  ]
  for (const word of bad) assert.ok('problem' in parseAllowedHost(word), word)
})
