/** Runs a target with one input, and makes an input that fails small. */
import { mutate } from './mutate.ts'
import { Random } from './random.ts'
import type { Target } from './targets.ts'

/** Tries of making an input smaller: some seconds. */
const MAX_TRIES = 2000

export interface Failure {
  readonly error: Error
  /** The smallest input that was found. */
  readonly input: Buffer
}

export function inputOf(target: Target, seed: number): Buffer {
  return mutate(target.corpus, target, new Random(seed))
}

/** Null: all is well. `seed`: where the input is cut. */
export async function failureOf(target: Target, input: Buffer, seed: number): Promise<Error | null> {
  try {
    await target.check(input, new Random(seed))
    return null
  } catch (error) {
    return error as Error
  }
}

/** Null: all is well. */
export async function tryInput(target: Target, input: Buffer, seed: number): Promise<Failure | null> {
  const error = await failureOf(target, input, seed)
  return error === null ? null : await smallest(target, input, seed, error)
}

/** Leaves out parts, then bytes, for as long as it still fails. */
async function smallest(target: Target, input: Buffer, seed: number, first: Error): Promise<Failure> {
  let found: Failure = { error: first, input }
  let tries = 0
  for (const split of [target.split, (bytes: Buffer) => [...bytes].map(byte => Buffer.from([byte]))]) {
    for (let at = 0, parts = split(found.input); at < parts.length && tries < MAX_TRIES; tries++) {
      const smaller = parts.toSpliced(at, 1)
      const shorter = Buffer.concat(smaller)
      const error = await failureOf(target, shorter, seed)
      if (error === null) {
        at++
      } else {
        found = { error, input: shorter }
        parts = smaller
      }
    }
  }
  return found
}
