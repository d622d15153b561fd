import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostOf } from '../../routing/hosts.ts'
import { parseHostName } from './host-name.ts'

const RIGHT: readonly (readonly [text: string, name: string])[] = [
  ['shop.example.kr', 'shop.example.kr'],
  ['Shop.Example.KR.', 'shop.example.kr'],
  ['localhost', 'localhost'],
  ['my_app', 'my_app'],
  ['127.0.0.1', '127.0.0.1'],
  ['[::1]', '[::1]'],
  ['::1', '[::1]'],
  ['0:0::0001', '[::1]'],
  ['*.example.kr', '*.example.kr'],
  ['*.Kr', '*.kr'],
  ['카페.한국', 'xn--ob7b27g.xn--3e0b707e'],
  ['*.bücher.example', '*.xn--bcher-kva.example'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
]
for (const [text, value] of RIGHT)
  test(`${text} is ${value}`, () => {
    assert.deepEqual(parseHostName(text), { value })
    if (!value.startsWith('*')) assert.equal(hostOf(`${value.toUpperCase()}:80`), value)
  })

for (const text of [
  '',
  '.',
  '*',
  '*.',
  'a.*.kr',
  '*a.kr',
  'a b',
  'a..b',
  'a/b',
  'a@b',
  'a?b',
  '%61.kr',
  'example.kr:80',
  '[::1]:80',
  'https://example.kr',
  '~^a$',
  '[::1',
  ':::',
  '\0',
  'x'.repeat(64),
  `${'a.'.repeat(150)}kr`,
])
  test(`${JSON.stringify(text.slice(0, 30))} is refused`, () => {
    const parsed = parseHostName(text)
    assert.ok('problem' in parsed, JSON.stringify(parsed))
    assert.match(parsed.problem, /^must /)
  })
