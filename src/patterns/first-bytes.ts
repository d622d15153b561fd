/** With which bytes a match can begin, so that the machine tries no other place of a subject. Pure; once for each machine. */
import { type ByteSet, union } from './byte-set.ts'
import { OP, type Program } from './program.ts'

/** Null: a match can be empty, or begins with what is too hard to look into. */
export function firstBytes({ op, a, b, sets }: Program): ByteSet | null {
  const found: ByteSet[] = []
  const seen = new Set<number>()
  const todo = [0]
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    if (seen.has(at)) continue
    seen.add(at)
    switch (op[at]) {
      case OP.SET:
      case OP.RUN:
        found.push(sets[a[at]!]!)
        break
      case OP.SPLIT:
        todo.push(a[at]!, b[at]!)
        break
      case OP.JUMP:
        todo.push(a[at]!)
        break
      case OP.CHECK:
        todo.push(at + 1, b[at]!)
        break
      case OP.SAVE:
      case OP.ASSERT:
      case OP.BEGIN:
        todo.push(at + 1)
        break
      default:
        return null
    }
  }
  return union(found)
}
