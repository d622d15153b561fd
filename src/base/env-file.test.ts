import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseEnvFile } from './env-file.ts'

const TABLE: readonly (readonly [string, string, Record<string, string>])[] = [
  ['plain', 'A=1\nB=two words\n', { A: '1', B: 'two words' }],
  ['no newline at the end', 'A=1', { A: '1' }],
  ['empty lines and comments', '\n# A=0\n  # more\nA=1\n', { A: '1' }],
  ['export and spaces', 'export A=1\n  export   B = 2 \nC =3\n', { A: '1', B: '2', C: '3' }],
  ['empty values', 'A=\nB=""\nC=\'\'\nD= # nothing\nE=#x\n', { A: '', B: '', C: '', D: '', E: '' }],
  ['a comment behind a value', 'A=1 # one\nB=pass#word\nC="x" # why\n', { A: '1', B: 'pass#word', C: 'x' }],
  ['an equals sign within', 'URL=postgres://u:p@h/d?sslmode=require\n', { URL: 'postgres://u:p@h/d?sslmode=require' }],
  ['single quotes keep everything', 'A=\'$HOME \\n "x" # y\'\n', { A: '$HOME \\n "x" # y' }],
  ['double quotes know escapes', 'A="a\\nb\\t\\"c\\" \\\\ \\$X \\d"\n', { A: 'a\nb\t"c" \\ $X \\d' }],
  ['several lines', 'KEY="-----BEGIN\nabc\n-----END"\nB=1\n', { KEY: '-----BEGIN\nabc\n-----END', B: '1' }],
  ['nothing is interpolated', 'A=$HOME/$(X)\nB="$A"\n', { A: '$HOME/$(X)', B: '$A' }],
  ['a quote within is a character', 'A=it\'s\nB=5"\n', { A: "it's", B: '5"' }],
  ['the last one wins', 'A=1\nA=2\n', { A: '2' }],
  ['Windows', '\ufeffA=1\r\nB="x\r\ny"\r\n', { A: '1', B: 'x\ny' }],
  [
    'names that objects have',
    '__proto__=1\nconstructor=2\n',
    Object.fromEntries([
      ['__proto__', '1'],
      ['constructor', '2'],
    ]),
  ],
  ['unicode', 'A=größe 🐎\n', { A: 'größe 🐎' }],
]

for (const [what, text, variables] of TABLE)
  test(`.env: ${what}`, () => assert.deepEqual(parseEnvFile(text), { variables }))

const WRONG: readonly (readonly [string, string, number, RegExp])[] = [
  ['no equals sign', 'A=1\nB\n', 2, /there is no '=' after 'B'/],
  ['no name', '=1\n', 1, /no name before '='/],
  ['a name that is none', 'A=1\n\n2ND=x\n', 3, /'2ND' is not a valid variable name/],
  ['a name with a space', 'set A=1\n', 1, /'set A' is not a valid variable name/],
  ['a quote that is never closed', 'A="x\nB=1\n', 1, /the " is never closed/],
  ['words after the quote', 'A="x\ny" z\n', 2, /'z' stands after the closing "/],
  ['a NUL', 'A=x\0y\n', 1, /NUL/],
]

for (const [what, text, line, message] of WRONG)
  test(`.env: ${what} is an error with its line`, () => {
    const result = parseEnvFile(text)
    assert.ok('errors' in result, JSON.stringify(result))
    assert.equal(result.errors[0]!.line, line)
    assert.match(result.errors[0]!.message, message)
  })

test('.env: all errors are told at once', () => {
  const result = parseEnvFile('A\nB=1\n=2\n')
  assert.deepEqual('errors' in result && result.errors.map(error => error.line), [1, 3])
})

test('.env: any value can be written in quotes and comes back; any text is read without an exception', () => {
  const value = fc.string({ unit: 'binary' }).map(text => text.replaceAll('\0', '').replaceAll('\r', ''))
  fc.assert(
    fc.property(value, text => {
      const quoted = text.replace(/[\\"$]/g, '\\$&')
      assert.deepEqual(parseEnvFile(`A="${quoted}"\nB=1`), { variables: { A: text, B: '1' } })
    }),
  )
  const soup = fc.string({ unit: fc.constantFrom('A', '=', '"', "'", '\\', '\n', '#', ' ', '\r', 'export ') })
  fc.assert(
    fc.property(soup, text => void parseEnvFile(text)),
    { numRuns: 500 },
  )
})
