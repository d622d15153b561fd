/**
 * Asks the real PCRE2 what patterns mean, and writes its answers into `test/vectors/patterns.json`:
 *
 *     sh scripts/node src/patterns/testing/record.ts
 *
 * It needs `libpcre2-8.so.0` 10.42, which nginx in Debian 12 uses. Tests read the file, so they need no PCRE.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '../../../test/fuzz/random.ts'
import { parse } from '../parser.ts'
import { CASES } from './cases.ts'
import { randomPattern, randomSubject } from './random-pattern.ts'
import { nearby, sampleOf } from './sample.ts'
import type { Vector } from './vectors.ts'

const VECTORS = join(import.meta.dirname, '../../../test/vectors')
const RANDOM_PATTERNS = 1200
const SUBJECTS = 5

interface Question {
  readonly pattern: string
  readonly i: boolean
  readonly subjects: readonly string[]
}

const random = new Random(1)

function fromCases(): Question[] {
  return CASES.map(([pattern, ...subjects]) => ({ pattern: pattern!, i: false, subjects }))
}

function fromNginx(): Question[] {
  const patterns = JSON.parse(readFileSync(join(VECTORS, 'nginx-patterns.json'), 'utf8')) as {
    pattern: string
    i: boolean
  }[]
  return patterns.map(({ pattern, i }) => {
    const { root } = parse(pattern, i)
    return { pattern, i, subjects: Array.from({ length: SUBJECTS }, () => nearby(sampleOf(root, random), random)) }
  })
}

function fromRandom(): Question[] {
  return Array.from({ length: RANDOM_PATTERNS }, () => {
    const subjects = Array.from({ length: SUBJECTS }, () => randomSubject(random, 9))
    return { pattern: randomPattern(random), i: random.below(4) === 0, subjects }
  })
}

const questions = [...fromCases(), ...fromNginx(), ...fromRandom()]
const { status, stdout, stderr } = spawnSync('python3', [join(import.meta.dirname, 'pcre2.py')], {
  // nginx's file is UTF-8, and PCRE gets its bytes.
  input: questions
    .map(one => `${JSON.stringify({ ...one, pattern: Buffer.from(one.pattern, 'utf8').toString('latin1') })}\n`)
    .join(''),
  encoding: 'utf8',
  maxBuffer: 100_000_000,
})
if (status !== 0) throw new Error(stderr)
const answers = stdout
  .trimEnd()
  .split('\n')
  .map(line => JSON.parse(line) as { error?: string; matches?: Vector['matches'] })
const vectors = questions.map(({ pattern, i, subjects }, at): Vector => {
  const { error, matches } = answers[at]!
  return error === undefined ? { pattern, i, subjects, matches: matches! } : { pattern, i, subjects: [], error }
})
writeFileSync(join(VECTORS, 'patterns.json'), `[\n${vectors.map(vector => JSON.stringify(vector)).join(',\n')}\n]\n`)
console.log(`${vectors.length} patterns`)
