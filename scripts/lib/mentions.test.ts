import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mentionsIn, missingFiles } from './mentions.ts'

const FILES = ['src/apps/pool/pool.ts', 'python/jumak_worker/wsgi/link.py', 'ARCHITECTURE.md']

test('names in backticks are mentions, with their line', () => {
  assert.deepEqual(mentionsIn('see `a.ts`\nand ``b.py``, not c.ts or `d.js`'), [
    { line: 1, name: 'a.ts' },
    { line: 2, name: 'b.py' },
  ])
})

test('a name, the end of a path, a path from here: all of them are found', () => {
  assert.deepEqual(
    missingFiles('x.md', '`pool.ts` `pool/pool.ts` `src/apps/pool/pool.ts` `../wsgi/link.py`', FILES),
    [],
  )
})

test('what is gone is named with its place', () => {
  assert.deepEqual(missingFiles('x.md', 'ok\n`old.ts` and `ool.ts`', FILES), [
    'x.md:2: names old.ts, which is not there',
    'x.md:2: names ool.ts, which is not there',
  ])
})
