import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isPort, memberFromRight, parseForwarded, parseNode, parsePrefix } from './forwarded-fields.ts'

test('addresses with and without a port', () => {
  for (const [text, address, port] of [
    ['192.0.2.1', '192.0.2.1', 0],
    [' 192.0.2.1:80\t', '192.0.2.1', 80],
    ['2001:db8::1', '2001:db8::1', 0],
    ['[2001:db8::1]', '2001:db8::1', 0],
    ['[2001:db8::1]:65535', '2001:db8::1', 65_535],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1', 0],
  ] as const)
    assert.deepEqual(parseNode(text), { address, port }, text)
})

test('no addresses: hidden, unknown, of another machine, nonsense', () => {
  for (const text of [
    ...['', 'unknown', '_hidden', 'fe80::1%eth0', '<script>', 'localhost', '192.0.2', '192.0.2.1:'],
    ...['192.0.2.1:x', '192.0.2.1:70000', '192.0.2.1:123456', '[192.0.2.1]', '[::1', '::1]', '[::1]8', '[::1]:'],
    ...['[]', ':80', `192.0.2.1:${'0'.repeat(90)}80`],
  ])
    assert.equal(parseNode(text), null, text)
})

test('the port of an authority', () => {
  for (const text of ['1', '80', '65535']) assert.ok(isPort(text), text)
  for (const text of ['', '0', '080', '65536', '100000', '-1', '8a', '１']) assert.ok(!isPort(text), text)
})

test('a member of a list, counted from its right end; the first one of a shorter list', () => {
  const at = (list: string) => [0, 1, 2, Number.POSITIVE_INFINITY].map(distance => memberFromRight(list, distance))
  assert.deepEqual(at('a'), ['a', 'a', 'a', 'a'])
  assert.deepEqual(at('https , http'), ['http', 'https', 'https', 'https'])
  assert.deepEqual(at('a,,b,'), ['', 'b', '', 'a'])
  assert.deepEqual(at(''), ['', '', '', ''])
})

test('memberFromRight finds the member that a split would find', () => {
  const lists = fc.array(fc.stringMatching(/^[ab ]{0,3}$/), { minLength: 1 })
  fc.assert(
    fc.property(lists, fc.nat(12), (members, distance) => {
      const trimmed = members.map(member => member.trim())
      assert.equal(memberFromRight(members.join(','), distance), trimmed.at(-1 - distance) ?? trimmed[0])
    }),
  )
})

test('a prefix is a plain path', () => {
  for (const [text, prefix] of [
    ['/shop', '/shop'],
    ['/shop/eu/', '/shop/eu'],
    ['/caf%C3%A9', '/caf%C3%A9'],
    ['/caf\xc3\xa9', '/caf\xc3\xa9'],
  ])
    assert.equal(parsePrefix(text!), prefix)
  for (const text of [
    ...['', '/', '//', 'shop', '//evil.example', '/a//b', '/a/..', '/../a', '/./a', '/a b', '/a?b', '/a#b'],
    ...['/a, /b', '/a\\b', '/a\tb', 'https://evil.example/', '/a\x7f'],
  ])
    assert.equal(parsePrefix(text), '', text)
})

const parsed = (line: string) => parseForwarded(line).map(element => element && Object.fromEntries(element))

test('Forwarded: elements, pairs, quotes, empty ones (RFC7239§4)', () => {
  assert.deepEqual(parsed('For="[2001:db8::7]:4711";proto=https;HOST="shop.example:8443" , for=10.0.0.1'), [
    { for: '[2001:db8::7]:4711', proto: 'https', host: 'shop.example:8443' },
    { for: '10.0.0.1' },
  ])
  assert.deepEqual(parsed('for=192.0.2.1:80;by=[::1]'), [{ for: '192.0.2.1:80', by: '[::1]' }])
  assert.deepEqual(parsed(',; for="a\\"\\\\,b" ;;,'), [{ for: 'a"\\,b' }])
  assert.deepEqual(parsed('host=""'), [{ host: '' }])
  for (const line of ['', ' ', ',', ';']) assert.deepEqual(parsed(line), [])
})

test('Forwarded: a malformed element does not hide the one behind it', () => {
  const good = { for: '192.0.2.1', proto: 'https' }
  for (const bad of [
    'a',
    '=a',
    'a=',
    'a=b c',
    'a="',
    'a="\\',
    'a="b"c',
    'a=b;a=c',
    'a =b',
    'a= b',
    'ä=b',
    '"',
    'a=b"',
    ']',
  ])
    assert.deepEqual(parsed(`for=6.6.6.6, ${bad}, for=192.0.2.1;proto=https`), [{ for: '6.6.6.6' }, null, good], bad)
  // The client's quote ends where the proxy's own begins. The element behind it is still read.
  assert.deepEqual(parsed('a=", for="[::1]:80";proto=http'), [null, { for: '[::1]:80', proto: 'http' }])
})

test('reading any line ends, and elements that are written are read back', () => {
  const token = fc.stringMatching(/^[a-z0-9._]{1,6}$/)
  const element = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z-]{1,4}$/), fc.oneof(token, fc.string())), {
    minLength: 1,
    maxLength: 4,
    selector: ([name]) => name,
  })
  fc.assert(
    fc.property(fc.array(element), elements => {
      const write = (value: string) => `"${value.replace(/["\\]/g, '\\$&')}"`
      const line = elements.map(pairs => pairs.map(([name, value]) => `${name}=${write(value)}`).join(';')).join(',')
      assert.deepEqual(
        parseForwarded(line),
        elements.map(pairs => new Map(pairs)),
      )
    }),
  )
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'a=";,\\ ') }), line => void parseForwarded(line)))
})
