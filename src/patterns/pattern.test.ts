/** How patterns are used: byte strings, newlines, case; and that no subject takes long. What each syntax means is in `vectors.test.ts`. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decodePathBytes } from '../http/path.ts'
import { compilePattern, Pattern } from './pattern.ts'

function compile(source: string, caseInsensitive = false): Pattern {
  const pattern = compilePattern(source, { caseInsensitive })
  assert.ok(pattern instanceof Pattern, `${source}: ${pattern instanceof Error ? pattern.message : ''}`)
  return pattern
}

const groups = (found: ReturnType<Pattern['exec']>) => found && [...found]

test('what people write for Django, PHP and single pages', () => {
  assert.ok(compile('\\.(jpg|jpeg|png)$', true).test('/static/A.PNG'))
  assert.deepEqual(groups(compile('^/api/(.*)$').exec('/api/users/1')), ['/api/users/1', 'users/1'])
  const php = compile('^(.+\\.php)(/.+)$')
  assert.deepEqual(groups(php.exec('/a.php/b')), ['/a.php/b', '/a.php', '/b'])
  const home = compile('^/~([^/]+)(/.*)?$')
  assert.deepEqual(groups(home.exec('/~joe')), ['/~joe', 'joe', undefined])
  const host = compile('^(?<user>[a-z0-9-]{1,63})\\.example\\.org$', true)
  assert.equal(host.exec('Joe.example.org')![host.names.get('user')!], 'Joe')
})

describe('subjects and patterns are bytes, as in nginx', () => {
  test('a character that stands for itself matches its bytes', () => {
    assert.ok(compile('^/café$').test(decodePathBytes('/caf%C3%A9')))
    assert.ok(!compile('^/café$').test('/café'), 'the subject is latin-1: no path in UTF-8 is that')
  })

  test('a dot is one byte', () => {
    const path = decodePathBytes('/%C3%A9')
    assert.ok(!compile('^/.$').test(path))
    assert.ok(compile('^/..$').test(path))
  })

  test('case is that of ASCII', () => {
    assert.ok(!compile('é', true).test('\xc3\x89'))
    assert.ok(!compile('[\\xe0]', true).test('\xc0'))
    assert.ok(!compile('k', true).test('\u212a'), 'the sign of Kelvin')
  })

  test('classes such as \\s and \\w are those of ASCII', () => {
    assert.ok(!compile('\\s').test('\xa0'))
    assert.ok(!compile('\\w').test('\xe9'))
  })
})

test('a newline at the end does not hide a suffix, and one in the middle does', () => {
  const script = compile('\\.php$')
  for (const [path, is] of [
    ['/a.php', true],
    ['/a.php%0a', true],
    ['/a.php%0a%0a', false],
    ['/a.php%0ab', false],
  ] as const)
    assert.equal(script.test(decodePathBytes(path)), is, path)
  assert.deepEqual(groups(compile('^/static/(.*$)').exec('/static/a\n')), ['/static/a', 'a'])
})

/** Patterns that take backtracking matchers hours, and subjects of 8 KB that make them. */
const SLOW: readonly (readonly [string, string])[] = [
  ['^(a+)+$', `${'a'.repeat(8191)}!`],
  ['^(a|a)*$', `${'a'.repeat(8191)}!`],
  ['^(a|aa)+$', `${'a'.repeat(8191)}!`],
  ['^(\\w+\\s?)*$', `${'a'.repeat(8191)}!`],
  ['(.*)(.*)(.*)(.*)(.*)x', 'a'.repeat(8192)],
  ['(.*?,){20}P', '1,'.repeat(4096)],
  ['(a?){100}a{100}$', `${'a'.repeat(99)}${'!'.repeat(8093)}`],
  ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(8192)],
  ['(.*)\\.php', 'a'.repeat(8192)],
  ['^(.+\\.php)(/.+)$', `${'.php/x'.repeat(1365)}\n\n`],
  ['/api/.*\\.(jpg|png)$', '/api/'.repeat(1638)],
  ['[a-z0-9]{2000}', `${'a'.repeat(1999)}/`.repeat(4)],
  ['.*[a-z]{2000}!', 'a'.repeat(8192)],
  ['(?:a(?!.*b))+c', 'a'.repeat(8192)],
  ['(?:(?=.*b)a)+c', `${'a'.repeat(8191)}b`],
  ['(?:(?>a*)b?)+c', 'a'.repeat(8192)],
  ['(?>.*x)y', 'x'.repeat(8192)],
  ['(?:(?>.*x)y|.)*z', 'x'.repeat(8192)],
  ['((a*)*)*b', 'a'.repeat(8192)],
  ['(?<=a)(a+)+$', `${'a'.repeat(8191)}!`],
  ['(a|b|ab)*(?=c)', 'ab'.repeat(4096)],
  ['(?i)(x+x+)+y', 'xX'.repeat(4096)],
  ['(?:(a|b*)*|c)*d', 'abc'.repeat(2730)],
]

describe('no subject takes long', () => {
  for (const [source, subject] of SLOW)
    test(source, () => {
      const pattern = compile(source)
      assert.ok(!pattern.isLinear && pattern.longestForV8 < subject.length)
      assert.equal(pattern.test(subject), false)
      const { steps } = pattern.machine()
      assert.ok(steps < 1000 * subject.length, `${steps} steps`)
      // Twice the subject is twice the work.
      pattern.test(subject + subject)
      assert.ok(pattern.machine().steps < 2.5 * steps, `${pattern.machine().steps} and ${steps} steps`)
    })

  test('V8 tries a pattern with ^ at the start only', () => {
    // Begun again at each byte, these would take minutes.
    const subject = 'a'.repeat(300_000)
    for (const source of ['^.*x', '(^.*x)', '^.*x|^.*y', '\\b^.*x', '(?:^a|^b).*x']) {
      const pattern = compile(source)
      assert.ok(pattern.longestForV8 >= subject.length, source)
      assert.equal(pattern.test(subject), false)
    }
  })
})

test('a subject that could overflow the stack of V8 is for the machine', () => {
  const depth = 90
  const pattern = compile(`^${'('.repeat(depth)}a|b${')'.repeat(depth)}*c`)
  assert.throws(() => new RegExp(pattern.source).test('ab'.repeat(100_000)), RangeError)
  assert.ok(pattern.isLinear)
  for (const length of [pattern.longestForV8, pattern.longestForV8 + 1])
    assert.ok(pattern.test(`${'a'.repeat(length - 1)}c`), `${length} bytes`)
})

test('what could take long is refused when the configuration is loaded', () => {
  for (const [source, text] of [
    ['[a-z]{1,1000}x', 'write * or +'],
    ['(?:(?:abc){100}){101}', 'use smaller numbers'],
    [Array.from({ length: 400 }, (_, i) => `.*${i}x`).join('|'), 'divide a list of alternatives'],
  ] as const) {
    const refused = compilePattern(source, { caseInsensitive: false })
    assert.ok(refused instanceof Error && refused.message.includes(text), source)
  }
})

test('a machine keeps nothing of a subject for the next one', () => {
  const pattern = compile('(?:(a)|b)*c|(b)')
  const machine = pattern.machine()
  assert.equal(machine.match('aab'.repeat(5000))![1], 3)
  assert.deepEqual([...machine.match('b')!], [0, 1, -1, -1, 0, 1])
  assert.deepEqual([...machine.match('abc')!], [0, 3, 0, 1, -1, -1])
})
