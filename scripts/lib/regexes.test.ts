import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { judge, pythonRegexes, type Regex, regexesOf } from './regexes.ts'

const regex = (pattern: string, flags = ''): Regex => ({ path: 'a.ts', line: 1, pattern, flags })

test('literals are found wherever they stand, and nothing that only looks like one', () => {
  const text = [
    'const type: RegExp = /a+\\/[/]/gi',
    'const half = (1 + 2) / 3 / 4',
    `const text = '/no/' + \`/no/ \${/in a template/.source}\` // /no/`,
    'if (half) /after a parenthesis/.test(text)',
  ].join('\n')
  assert.deepEqual(
    regexesOf('a.ts', text).map(({ line, pattern, flags }) => [line, pattern, flags]),
    [
      [1, 'a+\\/[/]', 'gi'],
      [3, 'in a template', ''],
      [4, 'after a parenthesis', ''],
    ],
  )
})

test('one that is made of a text cannot be judged', () => {
  for (const text of [`new RegExp('a' + b)`, "RegExp('a')", "a.match('b+$')", "a.search('b')", "a?.matchAll('b')"])
    assert.match(judge(regexesOf('a.ts', text), [])[0]!, /^a\.ts:1: a regular expression is put together at run time/)
  assert.deepEqual(regexesOf('a.ts', "a.split('b'); a.match(found); const isRegExp = (a: RegExp) => a"), [])
})

test('what can backtrack is told with an attack', () => {
  for (const pattern of ['^[ \\t]+|[ \\t]+$', '^(a+)+$', '^\\s*a?\\s*$', 'a.*b', '^(.*),(.*)$'])
    assert.match(
      judge([regex(pattern)], [])[0]!,
      /^a\.ts:1: \/.* can backtrack \((?:exponential|2nd degree polynomial)\)/,
    )
  for (const pattern of ['^[ \\t]*(\\d*)-(\\d*)[ \\t]*$', '^a+b+$', '\\x1b\\[[\\d;:]*m', '[^\\t\\x20-\\x7e]'])
    assert.deepEqual(judge([regex(pattern)], []), [], pattern)
})

test('what is not proven is refused: look-ahead, a reference back', () => {
  for (const pattern of ['^(?=.*[0-9])[0-9a-f]*$', '(a+)\\1$'])
    assert.match(judge([regex(pattern)], [])[0]!, /cannot be judged: /)
})

test('what is allowed must still be there', () => {
  const allowed = [{ path: 'a.ts', pattern: 'a.*b', reason: 'why' }]
  assert.deepEqual(judge([regex('a.*b')], allowed), [])
  assert.equal(judge([{ ...regex('a.*b'), path: 'b.ts' }], allowed).length, 2)
  assert.deepEqual(judge([], allowed), ['a.ts: /a.*b/ is allowed, and is not there any more'])
})

test("those of Python's source", async t => {
  const directory = mkdtempSync(join(tmpdir(), 'jumak-regexes-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const lines = [
    'import re',
    'A = re.compile(rb"[\\x00]+")',
    're.sub("a", "b", c)',
    're.compile(A + B)',
    're.compile("a", re.I)',
  ]
  writeFileSync(join(directory, 'a.py'), lines.join('\n'))
  const found = await pythonRegexes('python3', ['a.py'], directory)
  assert.deepEqual(
    found.map(({ line, pattern }) => [line, pattern]),
    [
      [2, '[\\x00]+'],
      [2, '^(?:[\\x00]+)$'],
      [3, 'a'],
      [3, '^(?:a)$'],
      [4, null],
      [5, null],
    ],
  )
})
