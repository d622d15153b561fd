/**
 * What a pattern says, as a tree: what the parser makes, and what everything else in this folder reads. Options such as `(?i)` are gone: they are in
 * the sets. `a++` is an atomic group around a loop. Nodes are plain data, and nobody changes one.
 */
import type { ByteSet } from './byte-set.ts'

export type Node = SetNode | Sequence | Alternatives | Group | Repeat | Atomic | Look | Assertion

/** One byte. */
export interface SetNode {
  readonly type: 'set'
  readonly set: ByteSet
}

export interface Sequence {
  readonly type: 'sequence'
  readonly items: readonly Node[]
}

export interface Alternatives {
  readonly type: 'alternatives'
  readonly branches: readonly Node[]
}

/** A group that captures; any other one is only its content. */
export interface Group {
  readonly type: 'group'
  /** From 1. */
  readonly number: number
  readonly body: Node
}

export interface Repeat {
  readonly type: 'repeat'
  readonly body: Node
  readonly min: number
  /** `Infinity`: no bound. */
  readonly max: number
  readonly isLazy: boolean
}

/** `(?>…)`: once it has matched, no other way through it is tried. */
export interface Atomic {
  readonly type: 'atomic'
  readonly body: Node
  /** Where it stands, for errors that are found later: a byte of the source. */
  readonly at: number
}

export interface Look {
  readonly type: 'look'
  readonly isAhead: boolean
  readonly isNegative: boolean
  readonly body: Node
  readonly at: number
}

/**
 * - `start`, `end`: of the subject.
 * - `last-line-end`: the end, or before a newline that ends the subject: what PCRE's `$` means.
 * - `line-start`, `line-end`: `^` and `$` with `(?m)`. A newline that ends the subject starts no line.
 */
export interface Assertion {
  readonly type: 'assertion'
  readonly kind: 'start' | 'end' | 'last-line-end' | 'line-start' | 'line-end' | 'word-boundary' | 'no-word-boundary'
}

export interface Parsed {
  readonly root: Node
  /** Number of groups that capture. */
  readonly groups: number
  /** Names of groups and their numbers. */
  readonly names: ReadonlyMap<string, number>
}

export const EMPTY: Node = { type: 'sequence', items: [] }

/** Least and greatest number of bytes that a node can match. */
export function lengthsOf(node: Node): { min: number; max: number } {
  switch (node.type) {
    case 'set':
      return { min: 1, max: 1 }
    case 'sequence':
      return node.items
        .map(lengthsOf)
        .reduce((sum, one) => ({ min: sum.min + one.min, max: sum.max + one.max }), { min: 0, max: 0 })
    case 'alternatives': {
      const all = node.branches.map(lengthsOf)
      return { min: Math.min(...all.map(one => one.min)), max: Math.max(...all.map(one => one.max)) }
    }
    case 'group':
    case 'atomic':
      return lengthsOf(node.body)
    case 'repeat': {
      const { min, max } = lengthsOf(node.body)
      // Infinity times nothing is nothing here.
      return { min: min * node.min, max: max === 0 || node.max === 0 ? 0 : max * node.max }
    }
    case 'look':
    case 'assertion':
      return { min: 0, max: 0 }
  }
}

/** Whether anything in a node, itself included, is as `test` says. */
export function some(node: Node, test: (node: Node) => boolean): boolean {
  if (test(node)) return true
  if (node.type === 'sequence') return node.items.some(item => some(item, test))
  if (node.type === 'alternatives') return node.branches.some(branch => some(branch, test))
  return 'body' in node && some(node.body, test)
}

/** Whether something in it captures what stays after it has matched: what a negative look captures is forgotten. */
export function captures(node: Node): boolean {
  if (node.type === 'group') return true
  if (node.type === 'look' && node.isNegative) return false
  if (node.type === 'sequence') return node.items.some(captures)
  if (node.type === 'alternatives') return node.branches.some(captures)
  return 'body' in node && captures(node.body)
}
