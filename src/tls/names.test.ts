import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EntryNames } from './names.ts'

const entry = (id: string, names: readonly string[], isDefault = false) => ({ id, names, isDefault })
const SITES = [
  entry('exact', ['example.kr', 'www.example.kr', '127.0.0.1', '::1']),
  entry('wildcard', ['*.example.kr', 'example.kr']),
  entry('default', ['other.kr'], true),
]
const names = new EntryNames(SITES)
const without = new EntryNames(SITES.slice(0, 2))

test('the exact name comes before a wildcard, which stands for one label', () => {
  const expected = {
    'example.kr': 'exact',
    'www.example.kr': 'exact',
    'shop.example.kr': 'wildcard',
    'a.shop.example.kr': 'default',
    '.example.kr': 'default',
    '*.example.kr': 'wildcard',
    'other.kr': 'default',
    'unknown.org': 'default',
    kr: 'default',
    '': 'default',
  }
  for (const [name, id] of Object.entries(expected)) {
    assert.equal(names.find(name)?.id, id, name)
    assert.equal(without.find(name)?.id, id === 'default' ? undefined : id, name)
  }
})

test('a Host is looked up without its port, its case and the dot at its end', () => {
  const expected = {
    'Shop.Example.KR.:8443': 'wildcard',
    'example.kr:443': 'exact',
    '127.0.0.1:8000': 'exact',
    '[::1]:8000': 'exact',
    '[::2]': undefined,
    'unknown.org': undefined,
    '': undefined,
  }
  for (const [host, id] of Object.entries(expected)) assert.equal(without.findHost(host)?.id, id, host)
})

test('a Host below a wildcard has its rules at any depth, as applications have it, and not those of the default entry', () => {
  const longest = `${'a.'.repeat(121)}a.example.kr`
  assert.equal(longest.length, 254)
  for (const host of ['a.shop.example.kr', 'A.b.shop.example.kr.:443', longest])
    assert.equal(names.findHost(host)?.id, 'wildcard', host)
  for (const host of ['a.other.kr', 'a.kr', `a.${longest}`]) assert.equal(names.findHost(host)?.id, 'default', host)
})

test('no entry at all', () => {
  assert.equal(new EntryNames([]).find('example.kr'), null)
})
