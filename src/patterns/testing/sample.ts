/** Subjects that a pattern is likely to match, made by walking through it: random bytes alone would hardly ever match a real pattern. */
import type { Node } from '../syntax.ts'

interface Random {
  below(limit: number): number
  pick<T>(list: readonly T[]): T
}

/** Few, so that subjects stay short. */
const MOST_REPEATS = 4

export function sampleOf(node: Node, random: Random): string {
  switch (node.type) {
    case 'set': {
      const bytes = [...node.set.keys()].filter(byte => node.set[byte] === 1)
      const plain = bytes.filter(byte => byte >= 0x2d && byte < 0x7f)
      if (bytes.length === 0) return ''
      return String.fromCharCode(random.pick(plain.length > 0 && random.below(12) > 0 ? plain : bytes))
    }
    case 'sequence':
      return node.items.map(item => sampleOf(item, random)).join('')
    case 'alternatives':
      return sampleOf(random.pick(node.branches), random)
    case 'group':
    case 'atomic':
      return sampleOf(node.body, random)
    case 'repeat': {
      const most = Math.min(node.max, node.min + MOST_REPEATS)
      const times = node.min + random.below(most - node.min + 1)
      return Array.from({ length: times }, () => sampleOf(node.body, random)).join('')
    }
    // What a look-ahead wants may come by itself.
    case 'look':
      return random.below(3) === 0 && node.isAhead ? sampleOf(node.body, random) : ''
    case 'assertion':
      return ''
  }
}

/** With something before or behind, or a byte changed, or as it is. */
export function nearby(subject: string, random: Random): string {
  const at = random.below(subject.length + 1)
  switch (random.below(6)) {
    case 0:
      return `${subject}\n`
    case 1:
      return random.pick(['/', 'x', '/a.b/', '\n']) + subject
    case 2:
      return subject.slice(0, at) + random.pick(['/', '.', 'A', '\n', '\xff']) + subject.slice(at + 1)
    case 3:
      return subject.slice(0, at) + subject.slice(at + 1)
    default:
      return subject
  }
}
