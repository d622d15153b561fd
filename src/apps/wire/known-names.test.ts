import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KnownNames } from './known-names.ts'

function joined(root: KnownNames, names: readonly string[]): string | null {
  let known: KnownNames | null = root
  for (const name of names) known = known?.behind(name) ?? null
  return known?.joined ?? null
}

test('names are joined in their order, whatever came before in another one', () => {
  const root = new KnownNames('http')
  const requests = [['a', 'b'], ['a', 'c'], ['a', 'b', 'b'], [], ['b', 'a'], ['a', 'b'], ['a', 'c'], ['']]
  for (const names of [...requests, ...requests.reverse()])
    assert.equal(joined(root, names), ['http', ...names].join('\0'))
})

test('what is known is found again, not made again', () => {
  const root = new KnownNames('')
  const first = root.behind('host')
  root.behind('accept')
  assert.equal(root.behind('host'), first)
})

test('a full tree and a long text stay as they are, and what they have is still found', () => {
  const root = new KnownNames('http')
  assert.equal(joined(root, ['host', 'accept']), 'http\0host\0accept')
  for (let i = 0; i < 2000; i++) root.behind(`x-${i}`)
  assert.equal(root.behind('x-1999'), null)
  assert.equal(joined(root, ['x-1', 'host']), null)
  assert.equal(joined(root, ['host', 'accept']), 'http\0host\0accept')
  assert.equal(new KnownNames('http').behind('x'.repeat(2000)), null)
})
