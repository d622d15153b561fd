/** Random patterns and subjects, for comparisons: with V8, and with the real PCRE (`record.ts`). Few bytes, so that much matches. */

interface Random {
  below(limit: number): number
  pick<T>(list: readonly T[]): T
}

const ATOMS = [
  'a',
  'b',
  'c',
  'a',
  'b',
  '.',
  '[ab]',
  '[^a]',
  '\\d',
  '\\w',
  'ab',
  '1',
  '[[:alpha:]]',
  '\\x61',
  '\\.',
  '/',
]
const EDGES = [
  '^',
  '$',
  '\\b',
  '\\B',
  '\\A',
  '\\z',
  '\\Z',
  '(?i)',
  '(?-i)',
  '(?s)',
  '(?m)',
  '\\R',
  '\\N',
  '\\n',
  '\\s',
  '(?U)',
]
const QUANTIFIERS = ['*', '+', '?', '*?', '+?', '??', '{2}', '{1,2}', '{0,2}?', '{2,}', '{0,1}', '*', '+']
const POSSESSIVE = ['*+', '++', '?+', '{1,2}+']
const OPENERS = ['(', '(', '(', '(?:', '(?:', '(?=', '(?!', '(?>', '(?i:']
const BYTES = ['a', 'a', 'b', 'b', 'c', '1', '/', '.', 'A', 'B', '\n', ' ', '\xe9']

export function randomPattern(random: Random): string {
  return alternatives(random, 3)
}

function alternatives(random: Random, depth: number): string {
  const count = random.below(4) === 0 ? 2 + random.below(2) : 1
  return Array.from({ length: count }, () => sequence(random, depth)).join('|')
}

function sequence(random: Random, depth: number): string {
  const length = random.below(8) === 0 ? 0 : 1 + random.below(4)
  return Array.from({ length }, () => item(random, depth)).join('')
}

function item(random: Random, depth: number): string {
  const kind = random.below(20)
  if (kind < 3) return random.pick(EDGES)
  if (kind === 3) return random.pick(['(?<=a)', '(?<!b)', '(?<=ab|c)', '(?<![ab]c)'])
  const isGroup = depth > 0 && kind < 11
  const atom = isGroup ? `${random.pick(OPENERS)}${alternatives(random, depth - 1)})` : random.pick(ATOMS)
  const repeats = random.below(5)
  if (repeats > 1) return atom
  return atom + random.pick(random.below(5) === 0 ? POSSESSIVE : QUANTIFIERS)
}

export function randomSubject(random: Random, longest: number): string {
  const length = random.below(longest + 1)
  return Array.from({ length }, () => random.pick(BYTES)).join('')
}
