/**
 * Regular expressions that are tried in their order until one matches: those of locations, those of a `map`. Runs in the gateway for each
 * request that comes to such a list; pure.
 */
import { Candidates, MOST_CANDIDATES } from '../../patterns/candidates.ts'
import type { Edges } from '../../patterns/edges.ts'

/** `edges`: what its subjects begin and end with. `matches`: what is done with a match is its own affair. */
export interface ListedPattern<Request> {
  readonly edges: Edges
  readonly matches: (request: Request, subject: string) => boolean
}

interface Group<Request> {
  readonly candidates: Candidates
  readonly patterns: readonly ListedPattern<Request>[]
}

export class PatternList<Request> {
  readonly #groups: readonly Group<Request>[]

  constructor(patterns: readonly ListedPattern<Request>[]) {
    const groups: Group<Request>[] = []
    for (let i = 0; i < patterns.length; i += MOST_CANDIDATES) {
      const some = patterns.slice(i, i + MOST_CANDIDATES)
      groups.push({ candidates: new Candidates(some.map(({ edges }) => edges)), patterns: some })
    }
    this.#groups = groups
  }

  /** The number of the first one that matches; -1: none does. */
  first(request: Request, subject: string): number {
    for (let group = 0; group < this.#groups.length; group++) {
      const { candidates, patterns } = this.#groups[group]!
      for (let left = candidates.of(subject); left !== 0; left &= left - 1) {
        const index = 31 - Math.clz32(left & -left)
        if (patterns[index]!.matches(request, subject)) return group * MOST_CANDIDATES + index
      }
    }
    return -1
  }
}
