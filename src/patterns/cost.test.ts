/** How long a subject V8 may get; and that the answer is never too long. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Random } from '../../test/fuzz/random.ts'
import { Machine } from './machine.ts'
import { parse } from './parser.ts'
import { compilePattern, Pattern } from './pattern.ts'
import { programOf } from './program.ts'
import { randomPattern, randomSubject } from './testing/random-pattern.ts'

function compiled(source: string): Pattern {
  const pattern = compilePattern(source, { caseInsensitive: true })
  assert.ok(pattern instanceof Pattern, source)
  return pattern
}

const longest = (source: string) => compiled(source).longestForV8

describe('any subject', () => {
  for (const source of [
    '\\.(jpg|jpeg|png|gif|webp|svg|ico|css|js|woff2?)$',
    '^/api/(.*)$',
    '^/~([^/]+)(/.*)?$',
    '^(?!/api/).*',
    '/(users/)?websocket$',
    '^/order/[\\w_-]{1,64}/?$',
    '^(/[^/]+)*/$',
    '/([-\\w]+)/$',
    'a(?=b|c)',
    '(?<=/)x',
    '/static/(.*)',
    '/api/?(.+|x)',
    '/mcp(/.*)?',
    '/(a+?)',
  ])
    test(source, () => assert.ok(compiled(source).isLinear))
})

describe('a subject as long as most are, since time is its square', () => {
  for (const source of [
    '(.*)\\.php',
    '^(.+\\.php)(/.+)$',
    '^/(.*)/(.*)$',
    '/lens/([^/]*)/(.*)$',
    '.*x',
    '/(.*$)',
    'a(?!.*b)',
    'a(?=.*)b',
  ])
    test(source, () => {
      assert.ok(longest(source) > 100 && longest(source) < 2000, `${longest(source)} bytes`)
    })
})

describe('a few bytes, or none', () => {
  for (const source of [
    '(a+)+$',
    '(.*)(.*)(.*)(.*)(.*)x',
    '(a|a|a|a|a|a|a|a)*b',
    '(?:|){40}b',
    '(?:a?){40}b',
    '(?:a.*)*',
    '(?<=(?:a|a)(?:b|b))x',
  ])
    test(source, () => assert.ok(longest(source) < 50, `${longest(source)} bytes`))
})

test('a matcher that keeps nothing needs no more steps than were counted', () => {
  const random = new Random(7)
  let [checked, most] = [0, 0]
  for (let i = 0; i < 1000; i++) {
    const source = randomPattern(random)
    const pattern = compilePattern(source, { caseInsensitive: false })
    if (!(pattern instanceof Pattern) || pattern.longestForV8 < 1) continue
    const { root, groups } = parse(source, false)
    const plain = new Machine(programOf(root, 10_000)!, { groups, isAnchored: false, keeps: false })
    const length = Math.min(pattern.longestForV8, 1000)
    const subject = (
      randomSubject(random, 3) + (random.pick(['a', 'ab', 'b', 'aab', '1', '/a']) as string).repeat(length)
    ).slice(-length)
    // The machine has steps of its own: for the ends of groups, for jumps.
    const bound = pattern.isLinear ? 200 * (length + 1) : 500_000
    plain.match(subject)
    assert.ok(plain.steps <= 4 * bound, `${source} on ${JSON.stringify(subject.slice(0, 20))}: ${plain.steps} steps`)
    checked++
    most = Math.max(most, plain.steps / bound)
  }
  assert.ok(checked > 300, `${checked} patterns`)
  assert.ok(most > 0.02, 'the subjects are hard enough to tell')
})
