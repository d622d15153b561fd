/**
 * A pattern as an automaton: its positions are the sets of its text, and those that may follow each other (Glushkov). How many ways lead from one
 * position to the next is counted, so that the ways through the automaton are those that a matcher by backtracking may try. That holds for loops
 * whose content is never empty, which are the only ones that JavaScript gets (`javascript.ts`).
 *
 * What a look-ahead contains is a way that ends with it. Assertions hold: that only adds ways.
 */
import type { ByteSet } from './byte-set.ts'
import { lengthsOf, type Node } from './syntax.ts'

/** A number of ways for each position. */
type Ways = Map<number, number>

export interface Positions {
  /** What each position matches; position 0 is the start of a match, and has none. */
  readonly sets: readonly ByteSet[]
  /** Behind each position: which may follow, and in how many ways. */
  readonly next: readonly Ways[]
  /** Steps for each position that read nothing: ways to the end of the match, and what look-behinds read. */
  readonly extra: readonly number[]
}

interface Part {
  readonly first: Ways
  readonly last: Ways
  /** Ways through it that read nothing. */
  readonly empty: number
  /** Steps at its beginning that read nothing of what follows. */
  readonly steps: number
}

const MOST_POSITIONS = 1000
const MOST_STEPS = 20_000
const NOTHING: ByteSet = new Uint8Array(256)

/** Null: there are too many to look at. */
export function positionsOf(root: Node): Positions | null {
  const builder = new Builder()
  try {
    const part = builder.part(withoutTail(root))
    builder.follow(new Map([[0, 1]]), part)
    for (const [position, ways] of part.last) builder.extra[position]! += ways
    builder.extra[0]! += part.empty
    return builder
  } catch (error) {
    if (error === TOO_MANY) return null
    throw error
  }
}

/**
 * Without a loop of one set that ends the pattern, as in `/static/(.*)`. It cannot fail, so the search is over where it begins, and it is read once. With
 * it there would seem to be a way from each slash to the end.
 */
function withoutTail(node: Node): Node {
  switch (node.type) {
    case 'group':
      return { ...node, body: withoutTail(node.body) }
    case 'alternatives':
      return { ...node, branches: node.branches.map(withoutTail) }
    case 'sequence': {
      const last = node.items.at(-1)
      return last === undefined ? node : { ...node, items: [...node.items.slice(0, -1), withoutTail(last)] }
    }
    case 'repeat':
      if (node.max === 1) return { ...node, body: withoutTail(node.body) }
      return node.body.type === 'set' && node.max === Number.POSITIVE_INFINITY ? { ...node, max: node.min } : node
    default:
      return node
  }
}

const TOO_MANY = new Error('too many positions')

class Builder implements Positions {
  readonly sets: ByteSet[] = [NOTHING]
  readonly next: Ways[] = [new Map()]
  readonly extra: number[] = [0]
  #steps = 0

  part(node: Node): Part {
    switch (node.type) {
      case 'set':
        return this.#position(node.set)
      case 'sequence':
        return node.items
          .map(item => () => this.part(item))
          .reduce<Part>((before, make) => this.#joined(before, make()), NONE)
      case 'alternatives':
        return this.#either(node.branches.map(branch => this.part(branch)))
      case 'group':
      case 'atomic':
        return this.part(node.body)
      case 'repeat':
        return this.#repeat(node.body, node.min, node.max)
      case 'look':
        return node.isAhead ? this.#ahead(this.part(node.body)) : { ...NONE, steps: stepsBehind(node.body) }
      case 'assertion':
        return { ...NONE, steps: 1 }
    }
  }

  /** Behind each of `last` may come what `part` begins with. */
  follow(last: Ways, part: Part): void {
    for (const [position, ways] of last) {
      this.#count(part.first.size + 1)
      this.extra[position] = capped(this.extra[position]! + ways * part.steps)
      add(this.next[position]!, part.first, ways)
    }
  }

  #position(set: ByteSet): Part {
    if (this.sets.length > MOST_POSITIONS) throw TOO_MANY
    const position = this.sets.push(set) - 1
    this.next.push(new Map())
    this.extra.push(0)
    return { first: new Map([[position, 1]]), last: new Map([[position, 1]]), empty: 0, steps: 0 }
  }

  #joined(a: Part, b: Part): Part {
    this.follow(a.last, b)
    this.#count(a.first.size + a.last.size + b.first.size + b.last.size)
    const first = a.empty === 0 ? a.first : add(new Map(a.first), b.first, a.empty)
    const last = b.empty === 0 ? b.last : add(new Map(b.last), a.last, b.empty)
    return { first, last, empty: capped(a.empty * b.empty), steps: capped(a.steps + a.empty * b.steps) }
  }

  #either(parts: readonly Part[]): Part {
    const first: Ways = new Map()
    const last: Ways = new Map()
    let [empty, steps] = [0, parts.length]
    for (const part of parts) {
      this.#count(part.first.size + part.last.size)
      add(first, part.first, 1)
      add(last, part.last, 1)
      empty = capped(empty + part.empty)
      steps = capped(steps + part.steps)
    }
    return { first, last, empty, steps }
  }

  #repeat(body: Node, min: number, max: number): Part {
    let all = NONE
    const isBounded = max !== Number.POSITIVE_INFINITY
    for (let i = 0; i < min - (isBounded ? 0 : 1); i++) all = this.#joined(all, this.part(body))
    if (!isBounded) {
      const loop = this.part(body)
      this.follow(loop.last, loop)
      return this.#joined(all, min === 0 ? { ...loop, empty: loop.empty + 1 } : loop)
    }
    // `a{0,3}` is `(a(a(a)?)?)?`.
    let rest = NONE
    for (let i = min; i < max; i++) {
      const one = this.#joined(this.part(body), rest)
      rest = { ...one, empty: one.empty + 1 }
    }
    return this.#joined(all, rest)
  }

  #ahead(body: Part): Part {
    return { first: body.first, last: new Map(), empty: 1, steps: capped(body.steps + body.empty) }
  }

  #count(steps: number): void {
    this.#steps += steps
    if (this.#steps > MOST_STEPS) throw TOO_MANY
  }
}

const NONE: Part = { first: new Map(), last: new Map(), empty: 1, steps: 0 }

/** Adds `more` to `ways`, each `times`. */
function add(ways: Ways, more: Ways, times: number): Ways {
  for (const [position, one] of more) ways.set(position, capped((ways.get(position) ?? 0) + one * times))
  return ways
}

/** Far more than are let through, and numbers that can be multiplied. */
const MANY = 1e9
const capped = (ways: number) => Math.min(ways, MANY)

/** A look-behind reads again what was read. Its length is fixed; only a choice within it can have many ways. */
function stepsBehind(body: Node): number {
  const branches = body.type === 'alternatives' ? body.branches : [body]
  const isPlain = (node: Node): boolean =>
    node.type === 'set' || (node.type === 'sequence' && node.items.every(isPlain))
  return branches.every(isPlain) ? branches.reduce((sum, branch) => sum + lengthsOf(branch).min + 1, 0) : MANY
}
