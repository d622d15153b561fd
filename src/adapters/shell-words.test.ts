import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shellWords } from './shell-words.ts'

const CASES: readonly (readonly [text: string, words: readonly string[]])[] = [
  ['', []],
  ['  --workers 4\t-b :8000\n', ['--workers', '4', '-b', ':8000']],
  ["--name 'a b' x", ['--name', 'a b', 'x']],
  ['--access-logformat="%(h)s \\"%(r)s\\" \\\\ \\n"', ['--access-logformat=%(h)s "%(r)s" \\ \\n']],
  ["'a\\b'", ['a\\b']],
  ['a\\ b \\"', ['a b', '"']],
  ['a\'\'b "" c', ['ab', '', 'c']],
  ['# no comment', ['#', 'no', 'comment']],
]

for (const [text, words] of CASES)
  test(`words of ${JSON.stringify(text)}`, () => assert.deepEqual(shellWords(text), { words }))

for (const text of ['a "b', "'", 'a\\'])
  test(`${JSON.stringify(text)} has no end`, () => assert.ok('problem' in shellWords(text)))
