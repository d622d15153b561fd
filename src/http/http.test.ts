/** The small pure helpers of this folder. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAuthority, splitAuthority } from './authority.ts'
import { httpDate } from './date.ts'
import { negotiateErrorFormat } from './negotiate.ts'
import { reasonPhrase } from './status.ts'

test('authority: what a Host may be (RFC9110§7.2)', () => {
  for (const text of [
    'a',
    'example.org',
    'example.org:80',
    'example.org:',
    '127.0.0.1:8000',
    '[::1]',
    '[::1]:8000',
    '[2001:db8::7]',
    '[::ffff:192.0.2.1]',
    'a%20b',
    'xn--bcher-kva.example',
    'a_b',
  ])
    assert.ok(isAuthority(text), text)
  const malformed = ['', ':80', 'a b', 'a/b', 'a@b', 'a:b', 'a:1:2', '[::1', '::1', 'a:65536', 'a,b', 'a"b', 'é']
  for (const text of [...malformed, '[::::]', '[1.2.3.4]', '[]', '[::1]x', '[::1]:65536', 'a%2', 'a%zz', 'a\n'])
    assert.ok(!isAuthority(text), text)
})

test('authority: host and port', () => {
  assert.deepEqual(splitAuthority('a:80'), { host: 'a', port: '80' })
  assert.deepEqual(splitAuthority('a'), { host: 'a', port: '' })
  assert.deepEqual(splitAuthority('[::1]'), { host: '[::1]', port: '' })
  assert.deepEqual(splitAuthority('[::1]:80'), { host: '[::1]', port: '80' })
})

test('the date has the form of RFC9110§5.6.7 and is the present time, also when the clock is set back', t => {
  const second = Date.UTC(1994, 10, 6, 8, 49, 37)
  for (const [now, expected] of [
    [second, 'Sun, 06 Nov 1994 08:49:37 GMT'],
    [second + 999, 'Sun, 06 Nov 1994 08:49:37 GMT'],
    [second + 1000, 'Sun, 06 Nov 1994 08:49:38 GMT'],
    [second + 60_000, 'Sun, 06 Nov 1994 08:50:37 GMT'],
    [second - 1, 'Sun, 06 Nov 1994 08:49:36 GMT'],
  ] as const) {
    t.mock.method(Date, 'now', () => now)
    assert.equal(httpDate(), expected)
  }
})

test('the form of an error page follows Accept (RFC9110§12.5.1)', () => {
  for (const [accept, format] of [
    [undefined, 'text'],
    ['*/*', 'text'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'html'],
    ['application/json', 'json'],
    ['application/problem+json', 'json'],
    ['text/html;q=0.1, application/json', 'json'],
    ['text/html;q=0, text/plain', 'text'],
    ['TEXT/HTML', 'html'],
    ['image/png', 'text'],
    ['', 'text'],
    [',,;q=1', 'text'],
    // Names that every plain object has.
    ['constructor', 'text'],
    ['__proto__, toString;q=1, text/html;q=0.5', 'html'],
  ] as const)
    assert.equal(negotiateErrorFormat(accept), format, String(accept))
})

test('reason phrases, and none for a status that is not registered', () => {
  assert.equal(reasonPhrase(404), 'Not Found')
  assert.equal(reasonPhrase(599), '')
})
