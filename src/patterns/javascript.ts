/**
 * A pattern as a regular expression of JavaScript, if there is one that means the same: it is many times faster than `machine.ts`. Where the two
 * languages differ, and nothing that JavaScript has says the same, the answer is null, and the machine alone matches:
 *
 * - An iteration that matches nothing ends a loop in PCRE; in JavaScript it does not count.
 * - PCRE keeps what a group has captured in an iteration before; JavaScript forgets it when the next one begins.
 * - `(?>…)`, `a++`, `(?m)`: JavaScript has not got the first two, and other line ends.
 *
 * `$` and `\Z` are JavaScript's `$`. That is right for a subject without a newline at its end, and `pattern.ts` uses it for no other.
 * Sets are written out, case included: JavaScript's flag `i` and its `\s` know more characters than bytes.
 */
import type { ByteSet } from './byte-set.ts'
import { captures, lengthsOf, type Node, type Repeat, some } from './syntax.ts'

/** The source of the expression, for no flags; null: there is none. Groups have the same numbers, and no names. */
export function toJavaScript(root: Node): string | null {
  return some(root, isDifferent) ? null : print(root)
}

function isDifferent(node: Node): boolean {
  switch (node.type) {
    case 'atomic':
      return true
    case 'assertion':
      return node.kind === 'line-start' || node.kind === 'line-end'
    case 'repeat':
      return differs(node)
    default:
      return false
  }
}

function differs({ body, min, max }: Repeat): boolean {
  // A quantified look is an error in some modes, and rare.
  if (body.type === 'look') return true
  if (max > min && lengthsOf(body).min === 0) return true
  return max > 1 && captures(body) && groupsIn(body).size !== alwaysSet(body).size
}

/** Numbers of the groups that can have captured something when the node has matched. */
function groupsIn(node: Node, found = new Set<number>()): Set<number> {
  if (node.type === 'look' && node.isNegative) return found
  if (node.type === 'group') found.add(node.number)
  if (node.type === 'sequence') for (const item of node.items) groupsIn(item, found)
  else if (node.type === 'alternatives') for (const branch of node.branches) groupsIn(branch, found)
  else if ('body' in node) groupsIn(node.body, found)
  return found
}

/** Those that have captured something in any case. */
function alwaysSet(node: Node): Set<number> {
  switch (node.type) {
    case 'group':
      return alwaysSet(node.body).add(node.number)
    case 'sequence':
      return new Set(node.items.flatMap(item => [...alwaysSet(item)]))
    case 'alternatives':
      return node.branches.map(alwaysSet).reduce((all, one) => all.intersection(one))
    case 'repeat':
      return node.min > 0 ? alwaysSet(node.body) : new Set()
    case 'look':
      return node.isNegative ? new Set() : alwaysSet(node.body)
    default:
      return new Set()
  }
}

function print(node: Node): string {
  switch (node.type) {
    case 'set':
      return printSet(node.set)
    case 'sequence':
      return node.items.map(item => (item.type === 'alternatives' ? `(?:${print(item)})` : print(item))).join('')
    case 'alternatives':
      return node.branches.map(print).join('|')
    case 'group':
      return `(${print(node.body)})`
    case 'look':
      return `(?${node.isAhead ? '' : '<'}${node.isNegative ? '!' : '='}${print(node.body)})`
    case 'assertion':
      return ASSERTIONS[node.kind]!
    case 'repeat':
      return printRepeat(node)
    case 'atomic':
      throw new Error('an atomic group has no form in JavaScript')
  }
}

const ASSERTIONS: Readonly<Record<string, string>> = {
  start: '^',
  end: '$',
  'last-line-end': '$',
  'word-boundary': '\\b',
  'no-word-boundary': '\\B',
}

function printRepeat({ body, min, max, isLazy }: Repeat): string {
  const isOne = body.type === 'set' || body.type === 'group'
  const item = isOne ? print(body) : `(?:${print(body)})`
  const most = max === Number.POSITIVE_INFINITY ? '' : max
  const times =
    min === 0 && max === 1 ? '?' : most !== '' ? `{${min},${most}}` : min === 0 ? '*' : min === 1 ? '+' : `{${min},}`
  return `${item}${times}${isLazy ? '?' : ''}`
}

/** A character, or a class. One of more than half of all bytes is written as what is not in it, which V8 tests faster. */
function printSet(set: ByteSet): string {
  const bytes = [...set.keys()].filter(byte => set[byte] === 1)
  if (bytes.length === 1) return printByte(bytes[0]!)
  if (bytes.length === 256) return '[^]'
  if (bytes.length <= 128) return `[${printRanges(bytes)}]`
  return `[^${printRanges([...set.keys()].filter(byte => set[byte] === 0))}]`
}

function printRanges(bytes: readonly number[]): string {
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    let last = at
    while (bytes[last + 1] === bytes[last]! + 1) last++
    text += printByte(bytes[at]!)
    if (last > at + 1) text += '-'
    if (last > at) text += printByte(bytes[last]!)
    at = last + 1
  }
  return text
}

function printByte(byte: number): string {
  const character = String.fromCharCode(byte)
  if (/^[A-Za-z0-9_/]$/.test(character)) return character
  return `\\x${byte.toString(16).padStart(2, '0')}`
}
