/**
 * How long a subject V8's matcher may get: it tries one way after the other (backtracking), and for some patterns there are as many as the square of
 * the subject's length, or more. Both methods count ways through `positions.ts`, never too few. A longer subject goes to `machine.ts`.
 *
 * 1. All sets of ways that can be open at one moment are listed. If they are few, and no set has many ways, time is linear for any subject.
 * 2. Otherwise the steps for 1, 2, 3 … bytes are added up, as if each way met the worst bytes for it, until they are more than a request may cost.
 *
 * Pure. Runs when a configuration is loaded. Its own work has a bound: beyond it the answer is a length that is too short.
 */
import type { Positions } from './positions.ts'

/** For each byte that is read, if time is linear. 64 KB are then some 10 ms at worst. */
const MOST_FOR_A_BYTE = 200
/** For a whole subject, if it is not: less than 1 ms. */
const MOST_FOR_A_SUBJECT = 500_000
/** Sets of open ways; long lists of file name extensions have some hundred. */
const MOST_SETS = 1000
/** Additions in each of the two methods: some milliseconds. */
const MOST_WORK = 300_000

/** In bytes; Infinity: any. `isAnchored`: a match begins at the start of the subject only. */
export function longestSubject(positions: Positions, isAnchored: boolean): number {
  const steps = new Steps(positions)
  return isLinear(steps, isAnchored) ? Number.POSITIVE_INFINITY : longestByAdding(steps, isAnchored)
}

/** Which positions each kind of byte leads to. */
class Steps {
  /** For each position what it costs to stand there: all that may follow is tried. */
  readonly weight: readonly number[]
  /** For each position, for each kind of byte: pairs of position and ways. */
  readonly next: readonly (readonly (readonly number[])[])[]
  readonly kinds: number

  constructor({ sets, next, extra }: Positions) {
    const representatives = representativesOf(sets)
    this.kinds = representatives.length
    this.weight = next.map((ways, position) => 1 + extra[position]! + [...ways.values()].reduce((a, b) => a + b, 0))
    this.next = next.map(ways =>
      representatives.map(byte => [...ways].filter(([position]) => sets[position]![byte] === 1).flat()),
    )
  }
}

/** One byte of each kind: bytes of a kind are in the same sets. */
function representativesOf(sets: Positions['sets']): number[] {
  const different = [...new Set(sets)]
  let kinds = new Uint16Array(256)
  let count = 1
  for (const set of different) {
    const known = new Map<number, number>()
    const finer = new Uint16Array(256)
    for (let byte = 0; byte < 256; byte++) {
      const key = kinds[byte]! * 2 + set[byte]!
      if (!known.has(key)) known.set(key, known.size)
      finer[byte] = known.get(key)!
    }
    kinds = finer
    count = known.size
    if (count === 256) break
  }
  return Array.from({ length: count }, (_, kind) => kinds.indexOf(kind))
}

function isLinear(steps: Steps, isAnchored: boolean): boolean {
  const start = new Map([[0, 1]])
  const seen = new Set([keyOf(start)])
  const todo = [start]
  let work = 0
  for (let open = todo.pop(); open !== undefined; open = todo.pop()) {
    let weight = 0
    for (const [position, ways] of open) weight += ways * steps.weight[position]!
    if (weight > MOST_FOR_A_BYTE) return false
    for (let kind = 0; kind < steps.kinds; kind++) {
      // A search begins again at each byte.
      const then = isAnchored ? new Map<number, number>() : new Map(start)
      for (const [position, ways] of open) {
        const next = steps.next[position]![kind]!
        work += 1 + next.length
        for (let i = 0; i < next.length; i += 2) then.set(next[i]!, (then.get(next[i]!) ?? 0) + ways * next[i + 1]!)
      }
      if (work > MOST_WORK) return false
      const key = keyOf(then)
      if (seen.has(key)) continue
      if (seen.size === MOST_SETS) return false
      seen.add(key)
      todo.push(then)
    }
  }
  return true
}

function keyOf(open: ReadonlyMap<number, number>): string {
  return [...open]
    .map(([position, ways]) => `${position}*${ways}`)
    .sort()
    .join()
}

/** The greatest length that is looked at: longer ones are rare, and the machine can take them. */
const LONGEST_ADDED = 2048

function longestByAdding(steps: Steps, isAnchored: boolean): number {
  // What follows a position by one byte, without what is the same for several.
  const choices = steps.next.map(kinds => [...new Map(kinds.map(next => [next.join(), next])).values()])
  const workOfOne = choices.reduce((sum, kinds) => kinds.reduce((all, next) => all + 1 + next.length, sum), 0)
  let before: number[] = steps.weight.slice()
  let total = before[0]!
  for (let length = 1; length <= LONGEST_ADDED; length++) {
    if (length * workOfOne > MOST_WORK * 4) return length - 1
    const now = steps.weight.map((weight, position) => {
      let worst = 0
      for (const next of choices[position]!) {
        let sum = 0
        for (let i = 0; i < next.length; i += 2) sum += before[next[i]!]! * next[i + 1]!
        if (sum > worst) worst = sum
      }
      return weight + worst
    })
    total = isAnchored ? now[0]! : total + now[0]!
    if (total > MOST_FOR_A_SUBJECT) return length - 1
    before = now
  }
  return LONGEST_ADDED
}
