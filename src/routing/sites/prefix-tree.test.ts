import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PrefixTree } from './prefix-tree.ts'

test('finds what a look at all prefixes finds', () => {
  let state = 7
  const below = (limit: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % limit
  }
  const word = (longest: number) => Array.from({ length: below(longest + 1) }, () => 'ab/'[below(3)]).join('')
  for (let round = 0; round < 300; round++) {
    const tree = new PrefixTree<string>()
    const prefixes = new Set<string>()
    for (let i = 0; i < 12; i++) {
      const prefix = word(5)
      assert.equal(tree.add(prefix, prefix), !prefixes.has(prefix))
      prefixes.add(prefix)
    }
    for (let i = 0; i < 30; i++) {
      const text = word(9)
      const longest = [...prefixes].filter(one => text.startsWith(one)).sort((a, b) => b.length - a.length)[0]
      assert.equal(tree.find(text), longest, `${text} in ${[...prefixes].join(' ')}`)
    }
  }
})
