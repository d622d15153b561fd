import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProxyHeader, type ProxyVerdict } from './proxy-header.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'

/** Of version 2. `body` in hex: addresses and what follows. */
function v2(commandAndFamily: string, body: string, length = body.length / 2): Buffer {
  return Buffer.from(`${SIGNATURE}${commandAndFamily}${length.toString(16).padStart(4, '0')}${body}`, 'hex')
}

/** At each place where the bytes can be cut in two, and byte by byte. */
function verdictOf(bytes: Buffer): ProxyVerdict {
  const whole = new ProxyHeader().push(bytes)
  const ways = [
    ...Array.from({ length: Math.min(bytes.length, 300) }, (_, at) => [bytes.subarray(0, at), bytes.subarray(at)]),
  ]
  ways.push(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)))
  for (const pieces of ways) {
    const header = new ProxyHeader()
    let verdict: ProxyVerdict = { kind: 'more' }
    let left = bytes.length
    for (const piece of pieces) {
      if (verdict.kind !== 'more') break
      left -= piece.length
      if (piece.length > 0) verdict = header.push(Buffer.from(piece))
    }
    if (verdict.kind === 'done') verdict = { ...verdict, rest: verdict.rest + left }
    assert.deepEqual(verdict, whole)
  }
  return whole
}

const RIGHT: readonly (readonly [string, Buffer, string | null])[] = [
  ['TCP4', Buffer.from('PROXY TCP4 203.0.113.7 10.0.0.1 4711 443\r\n'), '203.0.113.7 4711'],
  ['TCP6', Buffer.from('PROXY TCP6 2001:DB8:0:0::7 ::1 65535 0\r\n'), '2001:db8::7 65535'],
  ['TCP6 with an IPv4 address in it', Buffer.from('PROXY TCP6 ::FFFF:203.0.113.7 ::1 1 2\r\n'), '203.0.113.7 1'],
  ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), null],
  ['UNKNOWN with anything', Buffer.from('PROXY UNKNOWN ffff:f...f:ffff what 65535 65535\r\n'), null],
  ['2, LOCAL', v2('2000', ''), null],
  ['2, LOCAL with addresses', v2('2011', 'cb0071070a000001126701bb'), null],
  ['2, UNSPEC', v2('2100', 'ffff'), null],
  ['2, IPv4', v2('2111', 'cb0071070a000001126701bb'), '203.0.113.7 4711'],
  ['2, IPv4 and TLVs', v2('2111', `cb0071070a000001126701bb${'030004a9b87e8f'.repeat(200)}`), '203.0.113.7 4711'],
  ['2, IPv6', v2('2121', `20010db8${'0'.repeat(23)}7${'0'.repeat(32)}126701bb`), '2001:db8::7 4711'],
  ['2, IPv4 in IPv6', v2('2121', `${'0'.repeat(20)}ffffcb007107${'0'.repeat(32)}126701bb`), '203.0.113.7 4711'],
  ['2, a Unix socket', v2('2131', '0'.repeat(432)), null],
]

for (const [name, header, expected] of RIGHT)
  test(`a PROXY header is read, however it is cut: ${name}`, () => {
    for (const behind of ['', 'GET / HTTP/1.1\r\n', 'PROXY TCP4 6.6.6.6 6.6.6.6 6 6\r\n']) {
      const verdict = verdictOf(Buffer.concat([header, Buffer.from(behind)]))
      assert.ok(verdict.kind === 'done', JSON.stringify(verdict))
      const { client, rest } = verdict
      assert.deepEqual([client && `${client.address} ${client.port}`, rest], [expected, behind.length])
    }
  })

const LONG = `PROXY TCP4 203.0.113.7 10.0.0.1 4711 443${' '.repeat(80)}\r\n`
const WRONG: readonly (readonly [string | Buffer, RegExp])[] = [
  ['GET / HTTP/1.1\r\n\r\n', /does not begin/],
  ['P\r\n', /does not begin/],
  ['PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n', /names no TCP4/],
  ['proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n', /does not begin/],
  ['PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n', /CRLF/],
  ['PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n', /two addresses/],
  ['PROXY TCP4 1.1.1.1  1.1.1.1 1 1\r\n', /two addresses/],
  ['PROXY TCP4 1.1.1 1.1.1.1 1 1\r\n', /two addresses/],
  ['PROXY TCP4 01.1.1.1 1.1.1.1 1 1\r\n', /two addresses/],
  ['PROXY TCP4 ::1 ::1 1 1\r\n', /two addresses/],
  ['PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n', /two addresses/],
  ['PROXY TCP6 fe80::1%lo ::1 1 1\r\n', /two addresses/],
  ['PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n', /two addresses/],
  ['PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n', /two addresses/],
  ['PROXY TCP4 1.1.1.1 1.1.1.1 -1 1\r\n', /two addresses/],
  ['PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n', /two addresses/],
  ['PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n', /names no TCP4/],
  ['PROXY \r\n', /names no TCP4/],
  [LONG, /longer than 107/],
  [Buffer.alloc(5000, 'PROXY '), /longer than 107/],
  [v2('1111', 'cb0071070a000001126701bb'), /version or command/],
  [v2('2211', 'cb0071070a000001126701bb'), /version or command/],
  [v2('2112', 'cb0071070a000001126701bb'), /another family/],
  [v2('2141', 'cb0071070a000001126701bb'), /another family/],
  [v2('2111', 'cb0071070a00000112'), /too short/],
  [v2('2121', 'cb0071070a000001126701bb'), /too short/],
  [v2('2131', 'cb0071070a000001126701bb'), /too short/],
  [v2('2111', 'cb0071070a000001126701bb', 65_535), /longer than 2280/],
  [v2('2000', '', 2265), /longer than 2280/],
  [Buffer.from(`${SIGNATURE.slice(0, -2)}0b2111000c`, 'hex'), /does not begin/],
]

for (const [bytes, reason] of WRONG)
  test(`what is not exactly a PROXY header is refused: ${JSON.stringify(bytes.toString('latin1').slice(0, 60))}`, () => {
    const verdict = verdictOf(Buffer.from(bytes))
    assert.ok(verdict.kind === 'refused', JSON.stringify(verdict))
    assert.match(verdict.reason, reason)
  })

test('a part of a header is not judged yet, and version 2 may have 2280 bytes', () => {
  for (const part of ['P', 'PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r', '\r\n\r\n\0'])
    assert.equal(verdictOf(Buffer.from(part)).kind, 'more', part)
  assert.equal(verdictOf(v2('2111', 'cb0071070a000001126701bb', 2264)).kind, 'more')
  assert.equal(verdictOf(v2('2111', `cb0071070a000001126701bb${'0'.repeat(2252 * 2)}`)).kind, 'done')
})
