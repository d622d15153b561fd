/** The small forms of text: what is accepted, what is refused, and that nothing throws. */
import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Parsed } from '../diagnostics.ts'
import {
  parseAccessLogFormat,
  parseAccount,
  parseAssignment,
  parseFunctionName,
  parseRootPath,
  parseStatus,
} from './forms.ts'
import { formatSize } from './kinds.ts'
import { parsePathTimeout } from './path-timeout.ts'
import { parseSize } from './size.ts'
import { parseStatic, toAbsoluteStatic } from './static-mount.ts'
import { parseTrusted } from './trusted.ts'

const PARSERS: Readonly<Record<string, (text: string) => Parsed<unknown>>> = {
  parseAccessLogFormat,
  parseAccount,
  parseAssignment,
  parseFunctionName,
  parsePathTimeout,
  parseRootPath,
  parseSize,
  parseStatic,
  parseStatus,
  parseTrusted,
}

const TAKEN: readonly (readonly [name: string, text: string, value: unknown])[] = [
  ['parseSize', '0', 0],
  ['parseSize', '1048576', 1_048_576],
  ['parseSize', '512k', 524_288],
  ['parseSize', '300MB', 300 * 1024 ** 2],
  ['parseSize', '1.5GiB', 1.5 * 1024 ** 3],
  ['parseStatic', '/static=public', { url: '/static/', directory: 'public' }],
  ['parseStatic', '/=a=b', { url: '/', directory: 'a=b' }],
  ['parseStatic', 'off', null],
  ['parsePathTimeout', '/export=5m', { prefix: '/export/', timeout: 300_000 }],
  ['parsePathTimeout', '/a/b/=0', { prefix: '/a/b/', timeout: 0 }],
  ['parsePathTimeout', '/=1.5', { prefix: '/', timeout: 1500 }],
  ['parseTrusted', '192.0.2.1', ['192.0.2.1']],
  ['parseTrusted', 'fe80::/10', ['fe80::/10']],
  ['parseAssignment', 'A==', { key: 'A', value: '=' }],
  ['parseFunctionName', 'a.b:c.d', { module: 'a.b', attribute: 'c.d' }],
  ['parseRootPath', '/a/b/', '/a/b'],
  ['parseAccount', '0', '0'],
  ['parseAccount', 'svc.web-1$', 'svc.web-1$'],
  ['parseAccessLogFormat', '%({x-request-id}i)s', '%({x-request-id}i)s'],
  ['parseStatus', '599', 599],
]

for (const [name, text, value] of TAKEN)
  test(`${name} takes '${text}'`, () => assert.deepEqual(PARSERS[name]!(text), { value }))

const REFUSED: readonly (readonly [name: string, text: string])[] = [
  ['parseSize', '300 M'],
  ['parseSize', '1.5'],
  ['parseSize', '-1'],
  ['parseSize', '1X'],
  ['parseSize', '99999999999T'],
  ['parseStatic', 'static=public'],
  ['parseStatic', '/static='],
  ['parseStatic', '/a/../b=c'],
  ['parseStatic', '/a//b=c'],
  ['parseStatic', '/%2e=c'],
  ['parseStatic', '/a?b=c'],
  ['parsePathTimeout', '/export'],
  ['parsePathTimeout', '/export='],
  ['parsePathTimeout', 'export=5m'],
  ['parsePathTimeout', '/a/../b=5m'],
  ['parsePathTimeout', '/a=soon'],
  ['parseTrusted', '10.0.0.0/33'],
  ['parseTrusted', '10.0.0.1/'],
  ['parseTrusted', '10.0.0'],
  ['parseTrusted', 'proxy.example'],
  ['parseAssignment', '=1'],
  ['parseAssignment', 'A B=1'],
  ['parseAssignment', 'A=\0'],
  ['parseFunctionName', 'a:b()'],
  ['parseFunctionName', 'a:b:c'],
  ['parseRootPath', '/a b'],
  ['parseRootPath', '/a?b'],
  ['parseRootPath', '/../a'],
  ['parseAccount', '-1'],
  ['parseAccount', 'a:b'],
  ['parseAccessLogFormat', 'combind'],
  ['parseAccessLogFormat', '%(h)s\n%(s)s'],
  ['parseStatus', '99'],
  ['parseStatus', '600'],
]

for (const [name, text] of REFUSED)
  test(`${name} refuses ${JSON.stringify(text)}`, () => {
    const parsed = PARSERS[name]!(text)
    assert.ok('problem' in parsed, JSON.stringify(parsed))
    assert.match(parsed.problem, /^must /)
  })

test('no text makes a parser throw', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom('/', '=', ':', '.', '1', 'a', '%', '(', ')', 's') }),
  )
  for (const parse of Object.values(PARSERS))
    fc.assert(fc.property(text, one => assert.ok('value' in parse(one) || 'problem' in parse(one))))
})

test('a size is printed as it is read', () => {
  const bytes = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
  fc.assert(fc.property(bytes, one => assert.deepEqual(parseSize(formatSize(one)), { value: one })))
})

test('the directory of a mount is made absolute, the rest stays', () => {
  const from = (path: string) => resolve('/srv', path)
  assert.equal(toAbsoluteStatic('/a=b', from), '/a=/srv/b')
  for (const text of ['/a=/b', 'off', '/a=']) assert.equal(toAbsoluteStatic(text, from), text)
})
