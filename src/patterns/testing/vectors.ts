/** What the real PCRE2 says (`record.ts`), as tests read it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Vector {
  readonly pattern: string
  readonly i: boolean
  /** Byte strings. */
  readonly subjects: readonly string[]
  /** For each subject: the whole match and each group, null if unset; or null. */
  readonly matches?: readonly (readonly (string | null)[] | null)[]
  /** PCRE refuses it. */
  readonly error?: string
}

const VECTORS = join(import.meta.dirname, '../../../test/vectors')

export function readVectors(): Vector[] {
  return JSON.parse(readFileSync(join(VECTORS, 'patterns.json'), 'utf8'))
}
