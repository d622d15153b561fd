/**
 * Which bytes the subjects that a pattern matches begin and end with, as far as the pattern is tied to an end: `^/api/` and `\.php$` can be
 * refused after a look at some bytes. Pure; once for each pattern.
 *
 * Invariant: no subject that matches is excluded. What looks around and what asserts only narrows a match, so it is left out.
 */
import { type ByteSet, union } from './byte-set.ts'
import type { Assertion, Node } from './syntax.ts'

/** So many bytes from each end: paths that differ mostly differ there. */
const DEPTH = 4

export interface Edges {
  /** No subject of fewer bytes matches. More than DEPTH of them are not counted. */
  readonly shortest: number
  /** Each byte from the beginning of a subject, as far as it is known; empty: a match may begin anywhere. */
  readonly first: readonly ByteSet[]
  /** Each byte from the end; empty: a match may end anywhere. It does not hold for a subject that ends with a newline, which `$` may ignore. */
  readonly last: readonly ByteSet[]
}

export function edgesOf(root: Node): Edges {
  const forwards = shapeOf(root, false)
  const known = ({ columns, min }: Shape) => columns.slice(0, min)
  return {
    shortest: Math.min(forwards.min, DEPTH),
    first: isTied(root, ['start'], false) ? known(forwards) : [],
    last: isTied(root, ['end', 'last-line-end'], true) ? known(shapeOf(root, true)) : [],
  }
}

/** Every match has one of these assertions at its beginning or, `isReversed`, its end. */
export function isTied(node: Node, kinds: readonly Assertion['kind'][], isReversed: boolean): boolean {
  switch (node.type) {
    case 'assertion':
      return kinds.includes(node.kind)
    case 'group':
    case 'atomic':
      return isTied(node.body, kinds, isReversed)
    case 'alternatives':
      return node.branches.every(branch => isTied(branch, kinds, isReversed))
    case 'sequence': {
      for (const item of inOrder(node.items, isReversed)) {
        if (isTied(item, kinds, isReversed)) return true
        if (item.type !== 'assertion' && item.type !== 'look') return false
      }
      return false
    }
    default:
      return false
  }
}

/** What a node can match: the bytes at each of its first DEPTH places, and its length. */
interface Shape {
  readonly columns: readonly ByteSet[]
  readonly min: number
  readonly max: number
}

const NOTHING: Shape = { columns: [], min: 0, max: 0 }

function shapeOf(node: Node, isReversed: boolean): Shape {
  switch (node.type) {
    case 'set':
      return { columns: [node.set], min: 1, max: 1 }
    case 'sequence':
      return inOrder(node.items, isReversed)
        .map(item => shapeOf(item, isReversed))
        .reduce(joined, NOTHING)
    case 'alternatives':
      return node.branches.map(branch => shapeOf(branch, isReversed)).reduce(either)
    case 'group':
    case 'atomic':
      return shapeOf(node.body, isReversed)
    case 'repeat': {
      const body = shapeOf(node.body, isReversed)
      let all = NOTHING
      // More rounds than there are columns change none of them.
      for (let i = 0; i < Math.min(node.max, DEPTH); i++) all = joined(all, i < node.min ? body : { ...body, min: 0 })
      return all
    }
    case 'look':
    case 'assertion':
      return NOTHING
  }
}

function inOrder(items: readonly Node[], isReversed: boolean): readonly Node[] {
  return isReversed ? items.toReversed() : items
}

function joined(a: Shape, b: Shape): Shape {
  const columns: ByteSet[] = []
  for (let i = 0; i < DEPTH; i++) {
    const sets = a.columns.slice(i, i + 1)
    for (let length = a.min; length <= Math.min(a.max, i); length++)
      sets.push(...b.columns.slice(i - length, i - length + 1))
    if (sets.length > 0) columns.push(sets.length === 1 ? sets[0]! : union(sets))
  }
  return { columns, min: a.min + b.min, max: a.max + b.max }
}

function either(a: Shape, b: Shape): Shape {
  const columns: ByteSet[] = []
  for (let i = 0; i < Math.max(a.columns.length, b.columns.length); i++)
    columns.push(union([...a.columns.slice(i, i + 1), ...b.columns.slice(i, i + 1)]))
  return { columns, min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) }
}
