/**
 * Which of some patterns a subject can match, judged by the bytes at its ends: one look for all of them. Runs in the gateway for each list of
 * patterns that a request is compared with; pure.
 *
 * Invariant: a pattern that is left out does not match.
 */
import type { ByteSet } from './byte-set.ts'
import type { Edges } from './edges.ts'

/** A flag for each in a byte, so that a table is 257 bytes long. */
export const MOST_CANDIDATES = 8

/** Stands for a byte that the subject is too short to have. */
const ABSENT = 256
const NEWLINE = 0x0a

/** A place of a subject, and for each byte there the patterns that are possible. */
interface Column {
  readonly offset: number
  readonly isFromEnd: boolean
  readonly flags: Uint8Array
}

export class Candidates {
  readonly #all: number
  readonly #columns: readonly Column[]

  /** `patterns`: MOST_CANDIDATES at most. */
  constructor(patterns: readonly Edges[]) {
    this.#all = 2 ** patterns.length - 1
    const places = [0, 1, 2, 3].flatMap(offset => [
      columnOf(patterns, offset, false, ({ first }) => first[offset]),
      columnOf(patterns, offset, true, ({ last }) => last[offset]),
    ])
    // What excludes nothing costs nothing.
    this.#columns = places.filter(({ flags }) => flags.some(one => one !== this.#all))
  }

  /** A bit for each pattern, the first one is 1. `subject`: each character is a byte. */
  of(subject: string): number {
    const { length } = subject
    if (subject.charCodeAt(length - 1) === NEWLINE) return this.#all
    let left = this.#all
    for (const { offset, isFromEnd, flags } of this.#columns) {
      const at = isFromEnd ? length - 1 - offset : offset
      left &= flags[offset < length ? subject.charCodeAt(at) : ABSENT]!
      if (left === 0) break
    }
    return left
  }
}

function columnOf(
  patterns: readonly Edges[],
  offset: number,
  isFromEnd: boolean,
  setOf: (edges: Edges) => ByteSet | undefined,
): Column {
  const flags = new Uint8Array(ABSENT + 1)
  for (const [index, edges] of patterns.entries()) {
    const set = setOf(edges)
    for (let byte = 0; byte < ABSENT; byte++) if (set === undefined || set[byte] === 1) flags[byte]! |= 1 << index
    if (edges.shortest <= offset) flags[ABSENT]! |= 1 << index
  }
  return { offset, isFromEnd, flags }
}
