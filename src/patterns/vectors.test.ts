/** What patterns mean, as the real PCRE2 says it: once by the way that requests take, once by the machine alone. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compilePattern, Pattern } from './pattern.ts'
import { SITE_PATTERNS } from './testing/site-patterns.ts'
import { readVectors, type Vector } from './testing/vectors.ts'

const VECTORS = readVectors()

const COMPILED = new Map(VECTORS.map(one => [one, compilePattern(one.pattern, { caseInsensitive: one.i })]))
const compiled = (vector: Vector) => COMPILED.get(vector)!

/** What PCRE takes and we refuse: a word of the reason for each. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'refers back': /\\[1-9gk]|\(\?P=/,
  'calls a group again': /\(\?[1R&]|\(\?P>|\\g</,
  'a condition': /\(\?\(/,
  '(?|…)': /\(\?\|/,
  'call-out': /\(\?C/,
  '(?J)': /\(\?J/,
  '\\K': /\\K/,
  Unicode: /\\[XpP]/,
  verb: /\(\*/,
  'is not supported: paths': /\(\*UTF/,
  '[[:<:]]': /\[\[:<:/,
  'a group captures within': /\(\?[=>]|\(\?<=|[*+?}]\+/,
}

describe('patterns that PCRE takes', () => {
  const taken = VECTORS.filter(({ error }) => error === undefined)

  test('are refused for a reason, or', () => {
    for (const vector of taken) {
      const pattern = compiled(vector)
      if (pattern instanceof Pattern) continue
      const reason = Object.keys(REFUSED).find(text => pattern.message.includes(text.replace('[[:<:]]', '[:<:]')))
      assert.ok(reason !== undefined && REFUSED[reason]!.test(vector.pattern), `${vector.pattern}: ${pattern.message}`)
    }
  })

  for (const how of ['as requests do it', 'by the machine'])
    test(`match the same bytes ${how}`, () => {
      let count = 0
      for (const vector of taken) {
        const pattern = compiled(vector)
        if (!(pattern instanceof Pattern)) continue
        vector.subjects.forEach((subject, at) => {
          const found = how === 'by the machine' ? byMachine(pattern, subject) : byRequest(pattern, subject)
          assert.deepEqual(found, vector.matches![at], `${vector.pattern} on ${JSON.stringify(subject)}`)
          assert.equal(pattern.test(subject), found !== null)
          count++
        })
      }
      assert.ok(count > 5000, `${count} subjects`)
    })
})

test('what PCRE refuses is refused, with a place', () => {
  for (const vector of VECTORS) {
    if (vector.error === undefined) continue
    const pattern = compiled(vector)
    assert.ok(!(pattern instanceof Pattern), `${vector.pattern}: ${vector.error}`)
    assert.ok(pattern.offset >= 0 && pattern.offset <= vector.pattern.length, vector.pattern)
  }
})

test('every pattern of sites is taken, and nearly every one by V8 for any subject', () => {
  const patterns = SITE_PATTERNS.map(({ pattern, i }) => compilePattern(pattern, { caseInsensitive: i }))
  const taken = patterns.filter(pattern => pattern instanceof Pattern)
  assert.equal(taken.length, patterns.length)
  assert.ok(taken.filter(({ isLinear }) => isLinear).length > 0.85 * taken.length)
})

function byRequest(pattern: Pattern, subject: string): (string | null)[] | null {
  const found = pattern.exec(subject)
  return found === null ? null : Array.from({ length: pattern.groups + 1 }, (_, group) => found[group] ?? null)
}

function byMachine(pattern: Pattern, subject: string): (string | null)[] | null {
  const slots = pattern.machine().match(subject)
  if (slots === null) return null
  return Array.from({ length: pattern.groups + 1 }, (_, group) =>
    slots[2 * group + 1] === -1 ? null : subject.slice(slots[2 * group], slots[2 * group + 1]),
  )
}
