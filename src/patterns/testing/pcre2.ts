/** Asks the real PCRE2 (`pcre2.py`), which needs `libpcre2-8.so.0`. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Vector } from './vectors.ts'

export interface Question {
  readonly pattern: string
  readonly i: boolean
  readonly subjects: readonly string[]
}

/** An answer for each question. */
export function askPcre2(questions: readonly Question[]): Vector[] {
  const { status, stdout, stderr } = spawnSync('python3', [join(import.meta.dirname, 'pcre2.py')], {
    // A configuration is UTF-8, and PCRE gets its bytes.
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
  return questions.map(({ pattern, i, subjects }, at): Vector => {
    const { error, matches } = answers[at]!
    return error === undefined ? { pattern, i, subjects, matches: matches! } : { pattern, i, subjects: [], error }
  })
}
