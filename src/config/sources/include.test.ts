import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { makeTree } from '../testing/tree.ts'
import { findIncluded } from './include.ts'

function names(t: TestContext, files: readonly string[], pattern: string): string[] | string {
  const found = findIncluded(join(makeTree(t, Object.fromEntries(files.map(name => [name, '']))), pattern))
  return 'files' in found ? found.files.map(path => basename(path)) : found.problem
}

test('a star stands for any characters of the file’s name; the files come sorted', t => {
  const files = ['b.toml', 'a.toml', 'a.toml.bak', '.a.toml', 'ab-x.toml', 'notes']
  assert.deepEqual(names(t, files, '*.toml'), ['a.toml', 'ab-x.toml', 'b.toml'])
  assert.deepEqual(names(t, files, 'a*.toml'), ['a.toml', 'ab-x.toml'])
  assert.deepEqual(names(t, files, 'a*x*'), ['ab-x.toml'])
  assert.deepEqual(names(t, files, '*'), ['a.toml', 'a.toml.bak', 'ab-x.toml', 'b.toml', 'notes'])
  assert.deepEqual(names(t, files, 'notes'), ['notes'])
})

test('what cannot be found is said', t => {
  assert.deepEqual(names(t, [], '*.toml'), [])
  assert.equal(names(t, [], 'nowhere/*.toml'), 'must be in a directory that exists')
  assert.equal(names(t, [], 'a.toml'), 'must name a file that exists')
  assert.equal(names(t, ['x/a.toml'], '*/a.toml'), 'must have * in the name of the file only, as in apps/*.toml')
})

test('a directory is no file; a link to a file is one', t => {
  const root = makeTree(t, { 'real/x.toml': '' })
  mkdirSync(join(root, 'apps/d.toml'), { recursive: true })
  symlinkSync(join(root, 'real/x.toml'), join(root, 'apps/l.toml'))
  assert.deepEqual(findIncluded(join(root, 'apps/*.toml')), { files: [join(root, 'apps/l.toml')] })
})

test('any pattern matches the names that a regular expression would match', t => {
  const all = ['a', 'ab', 'aba', 'abab', 'b', 'ba', 'bab', 'aa']
  const root = makeTree(t, Object.fromEntries(all.map(name => [name, ''])))
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'b', '*'), { minLength: 1, maxLength: 5 }).map(parts => parts.join('')),
      pattern => {
        const found = findIncluded(join(root, pattern))
        const wanted = all.filter(name => new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(name)).sort()
        assert.deepEqual('files' in found ? found.files.map(path => basename(path)) : [], wanted)
      },
    ),
  )
})
