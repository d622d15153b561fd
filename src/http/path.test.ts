/** The path without dot segments, against a slow obvious model. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodePathBytes, resolveDots } from './path.ts'

/** RFC3986§5.2.4, step by step as it stands there. `path` begins with a slash. */
function removeDotSegments(path: string): string {
  let input = path
  let output = ''
  while (input !== '') {
    if (input.startsWith('/./')) input = input.slice(2)
    else if (input === '/.') input = '/'
    else if (input.startsWith('/../') || input === '/..') {
      input = `/${input.slice(4)}`
      output = output.slice(0, Math.max(0, output.lastIndexOf('/')))
    } else {
      const end = input.indexOf('/', 1)
      output += end < 0 ? input : input.slice(0, end)
      input = end < 0 ? '' : input.slice(end)
    }
  }
  return output
}

const CASES: readonly (readonly [path: string, resolved: string | null])[] = [
  ['/', '/'],
  ['*', '*'],
  ['/a/b', '/a/b'],
  ['/a/../b', '/b'],
  ['/a/./b', '/a/b'],
  ['/a/b/..', '/a/'],
  ['/a/.', '/a/'],
  ['/..', '/'],
  ['/../../b', '/b'],
  ['/a/%2e%2E/b', '/b'],
  ['/a/.%2e/b', '/b'],
  ['/a/..%2fb', '/b'],
  ['/a%2f..%2fb', '/b'],
  ['/a/%252e%252e/b', '/a/%252e%252e/b'],
  ['/.well-known/x', '/.well-known/x'],
  ['/.../b', '/.../b'],
  ['/a../b', '/a../b'],
  ['/a/..;/b', '/a/..;/b'],
  ['/a/..\\b', '/a/..\\b'],
  ['/a/..%00/b', '/a/..%00/b'],
  ['/a%zz/../b%zz', '/b%25zz'],
  ['/x/../caf%c3%a9', '/caf%C3%A9'],
  ['/x/../%ff', '/%FF'],
  ['/x/../%c0%ae%c0%ae/', '/%C0%AE%C0%AE/'],
  ['//', '//'],
  ['//./a', '//a'],
  ['/a//../b', null],
  ['/a/b//%2e%2e', null],
  ['/a/%2f../b', null],
  ['//..', null],
]

for (const [path, resolved] of CASES)
  test(`RFC3986§5.2.4: ${path} is ${resolved ?? 'ambiguous'}`, () => assert.equal(resolveDots(path), resolved))

const path = fc
  .array(fc.constantFrom('/', '/', '.', '..', 'a', '%2e', '%2F', '%61', '%zz', '%', '%ff', '%00', ';', ' '), {
    maxLength: 12,
  })
  .map(parts => `/${parts.join('')}`)

test('RFC3986§5.2.4: the decoded result is what the rule makes of the decoded path, and has no dot segment left', () => {
  fc.assert(
    fc.property(path, text => {
      const resolved = resolveDots(text)
      const decoded = decodePathBytes(text)
      if (resolved === null) return assert.match(decoded, /\/\/(?:\.\/|[^/]+\/\.\.\/|\.\.\/)*\.\.(?:\/|$)|\/\/.*\.\./)
      assert.equal(decodePathBytes(resolved), removeDotSegments(decoded))
      assert.equal(resolveDots(resolved), resolved)
    }),
    { numRuns: 2000 },
  )
})

test('a path with nothing but dot segments takes linear work', () => {
  const long = '/a'.repeat(50_000) + '/..'.repeat(50_000)
  assert.equal(resolveDots(long), '/')
})
