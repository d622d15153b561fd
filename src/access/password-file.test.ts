import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePasswordFile } from './password-file.ts'

const BCRYPT = '$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW'
const problemsOf = (text: string) => parsePasswordFile(text).problems.map(({ line, problem }) => `${line}: ${problem}`)

test('a line for each user; comments, empty lines and what follows the hash count nothing', () => {
  const { users, problems } = parsePasswordFile(
    `# users\n\nann:${BCRYPT}\r\nbob:{PLAIN}a:b\ncid:${BCRYPT}:since 2019\nann:{PLAIN}x`,
  )
  assert.deepEqual(problems, [])
  assert.deepEqual(users, [
    { name: 'ann', hash: BCRYPT },
    { name: 'bob', hash: '{PLAIN}a:b' },
    { name: 'cid', hash: BCRYPT },
  ])
})

test('a hash that nobody can check is told with its line', () => {
  const text = [
    'ann:rqXexS6ZhobKA',
    'bob:$y$j9T$abc$def',
    'cid:$2y$31$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW',
    'dan:$6$rounds=999999999$salt$x',
    'eve:{MD5}x',
    'nobody',
    ':x',
    'fay:$argon2id$v=19$m=4194304,t=3,p=1$c2FsdHNhbHRzYWx0c2FsdA$9s+g1tQvNSKxSayAdR52PiTXFN+SWRCBDL5N56kGgE4',
    'gil:$2y$10$short',
    'hal:secret',
  ].join('\n')
  const problems = problemsOf(text)
  assert.equal(problems.length, 10)
  const expected = [
    /^1: ann has a hash of DES crypt, .*: make a new one with jumak password$/,
    /^2: bob has a hash of yescrypt/,
    /^3: cid has a hash of bcrypt with cost 31, and 14 is possible/,
    /^4: dan has a hash that is not whole/,
    /^5: eve has no hash that is known/,
    /^6: this must be a line as in name:hash/,
    /^7: /,
    /^8: fay has a hash of Argon2 with m=4194304/,
    /^9: gil has a hash that is not whole/,
    /^10: hal has no hash that is known/,
  ]
  for (const [i, pattern] of expected.entries()) assert.match(problems[i]!, pattern)
})

test('nobody reads a file without an end', () => {
  const many = Array.from({ length: 12_000 }, (_, i) => `u${i}:{PLAIN}x`).join('\n')
  assert.match(problemsOf(many)[0]!, /^10001: more than 10000 users/)
})
