/**
 * Asks the real PCRE2 what patterns mean, and writes its answers into `test/vectors/patterns.json`:
 *
 *     sh scripts/node src/patterns/testing/record.ts
 *
 * It needs `libpcre2-8.so.0` 10.42, which nginx in Debian 12 uses. Tests read the file, so they need no PCRE.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '../../../test/fuzz/random.ts'
import { parse } from '../parser.ts'
import { CASES } from './cases.ts'
import { askPcre2, type Question } from './pcre2.ts'
import { randomPattern, randomSubject } from './random-pattern.ts'
import { nearby, sampleOf } from './sample.ts'
import { SITE_PATTERNS } from './site-patterns.ts'

const VECTORS = join(import.meta.dirname, '../../../test/vectors')
const RANDOM_PATTERNS = 1200
const SUBJECTS = 5

const random = new Random(1)

function fromCases(): Question[] {
  return CASES.map(([pattern, ...subjects]) => ({ pattern: pattern!, i: false, subjects }))
}

function fromSites(): Question[] {
  return SITE_PATTERNS.map(({ pattern, i }) => {
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

const vectors = askPcre2([...fromCases(), ...fromSites(), ...fromRandom()])
writeFileSync(join(VECTORS, 'patterns.json'), `[\n${vectors.map(vector => JSON.stringify(vector)).join(',\n')}\n]\n`)
console.log(`${vectors.length} patterns`)
