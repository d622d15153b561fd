/** What is refused, where, and what the message says to write instead. What patterns mean is in `vectors.test.ts`. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parse } from './parser.ts'
import { PatternError } from './pattern-error.ts'

/** A pattern, the place of the error, and a part of the message. */
const REFUSED: readonly (readonly [string, number, string])[] = [
  ['^/(.)/\\1', 6, "'\\1' refers back to what a group has captured"],
  ['^/(?<x>.)/\\k<x>', 10, "'\\k' refers back"],
  ['^/(?<x>.)/(?P=x)', 10, 'write out what may stand there'],
  ['a\\Kb', 1, "'(?<=…)'"],
  ['/\\p{L}', 1, "'[[:alpha:]]'"],
  ['a(?R)', 1, 'write its content once more'],
  ['(a)(?1)', 3, 'write its content once more'],
  ['(?<n>a)\\g<n>', 7, 'write its content once more'],
  ['(a)?(?(1)b|c)', 4, 'write the cases as alternatives'],
  ['(?|a|b)', 0, 'give each group a number of its own'],
  ['(*UTF8)é', 0, 'paths and headers are bytes'],
  ['a(*SKIP)b', 1, "write '\\(*' for the characters"],
  ['(?J)a', 0, 'give each group a name of its own'],
  ['a\\y', 1, "write 'y' for the letter"],
  ['a\\', 1, "write '\\\\' for a backslash"],
  ['a**', 2, "write '\\' before it"],
  ['/a)', 2, "write '\\)' for the character"],
  ['/(a', 1, "')' is missing"],
  ['/[a', 1, "']' is missing"],
  ['[a-\\d]', 1, "put the '-' at the end"],
  ['[:alpha:]', 0, "write '[[:…:]]'"],
  ['[[:letter:]]', 1, 'there are alpha, lower'],
  ['\\x{263a}', 0, 'write the character itself'],
  ['(?<=a+)b', 0, 'no *, +, ? or {1,2} in it'],
  ['(?=(.*)b)', 0, 'capture outside of it'],
  ['x((.*)b)++', 8, "write '(?:…)' there"],
  ['a{70000}', 1, 'at most 65535'],
  ['(?<n>a)(?<n>b)', 7, "a second group has the name 'n'"],
  // The place counts characters of the text, not bytes of PCRE's.
  ['é€😀(', 4, "')' is missing"],
  ['é+)', 2, "no '(' belongs to this"],
]

describe('a pattern is refused with its place and advice', () => {
  for (const [pattern, offset, text] of REFUSED)
    test(pattern, () => {
      assert.throws(
        () => parse(pattern, false),
        (error: PatternError) => {
          assert.ok(error instanceof PatternError, String(error))
          assert.ok(error.message.includes(text), error.message)
          assert.equal(error.offset, offset)
          return true
        },
      )
    })
})

test('length and depth are bounded', () => {
  assert.throws(() => parse('a'.repeat(8193), false), /longer than 8192 bytes/)
  assert.equal(parse('a'.repeat(8192), false).groups, 0)
  assert.throws(() => parse(`${'('.repeat(101)}${')'.repeat(101)}`, false), /more than 100 groups within each other/)
  assert.equal(parse(`${'('.repeat(100)}${')'.repeat(100)}`, false).groups, 100)
})

test('groups have numbers and names', () => {
  const { groups, names } = parse('(a)(?:b)(?<c>c)(?!(d))', false)
  assert.equal(groups, 3)
  assert.deepEqual([...names], [['c', 2]])
})
