/** No pattern that matches is left out, and those that people write are told apart. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Candidates } from './candidates.ts'
import { compilePattern, Pattern } from './pattern.ts'
import { readVectors } from './testing/vectors.ts'

function candidates(...sources: readonly string[]): (subject: string) => number[] {
  const patterns = sources.map(source => {
    const pattern = compilePattern(source, { caseInsensitive: false })
    assert.ok(pattern instanceof Pattern, source)
    return pattern.edges
  })
  const found = new Candidates(patterns)
  return subject => sources.flatMap((_, i) => ((found.of(subject) >> i) & 1 ? [i] : []))
}

test('no pattern is left out that PCRE finds in a subject', () => {
  let [excluded, count] = [0, 0]
  for (const vector of readVectors()) {
    const pattern = compilePattern(vector.pattern, { caseInsensitive: vector.i })
    if (!(pattern instanceof Pattern)) continue
    const one = new Candidates([pattern.edges])
    for (const [at, subject] of vector.subjects.entries()) {
      const isPossible = one.of(subject) === 1
      const what = `${vector.pattern} on ${JSON.stringify(subject)}`
      assert.ok(isPossible || vector.matches![at] === null, what)
      count++
      if (!isPossible) excluded++
    }
  }
  assert.ok(excluded > count / 10, `${excluded} of ${count}`)
})

test('patterns of locations are told apart by the first and the last bytes of a path', () => {
  const of = candidates(
    '\\.(?:png|jpg|css|js)$',
    '^/api/v\\d+/',
    '^/(?:admin|users)',
    '\\.php$',
    '^/a{0,2}b',
    'download',
  )
  assert.deepEqual(of('/page/7'), [5])
  assert.deepEqual(of('/api/v1/x.css'), [0, 1, 4, 5])
  assert.deepEqual(of('/admin'), [2, 4, 5])
  assert.deepEqual(of('/ab.php'), [3, 4, 5])
  assert.deepEqual(of('/'), [])
  assert.deepEqual(of(''), [])
  assert.deepEqual(of('/x.php\n'), [0, 1, 2, 3, 4, 5], 'a newline may be ignored at the end')
})

test('case and what a loop may leave out are seen', () => {
  const of = candidates('(?i)^/ADMIN', '^/?x*y', '(?:^/a|^/b)c', '^(?=/z)/')
  assert.deepEqual(of('/admin'), [0, 1, 3])
  assert.deepEqual(of('y'), [1])
  assert.deepEqual(of('xxxxxy'), [1])
  assert.deepEqual(of('/bc'), [1, 2, 3])
  assert.deepEqual(of(''), [])
})
