/**
 * A pattern as instructions for `machine.ts`. Counted repeats are written out, except for those of one set: `[a-z]{2000}` is one instruction.
 *
 * A row is a place where there are two ways to go on. The machine keeps for each row and byte of the subject that both have failed, so it goes there
 * once. A place within loops whose content may be empty has several rows, because it counts whether an iteration has read something yet.
 */
import type { ByteSet } from './byte-set.ts'
import { type Assertion, captures, lengthsOf, type Node, type Repeat } from './syntax.ts'

export const OP = {
  /** a: which set. Reads a byte. */
  SET: 0,
  /** a: which set, b: how many bytes. */
  RUN: 1,
  /** a: first way, b: the other way, c: which split. */
  SPLIT: 2,
  /** a: where to. */
  JUMP: 3,
  /** a: which end of a group. */
  SAVE: 4,
  /** a: which kind. */
  ASSERT: 5,
  /** a: which loop. An iteration begins. */
  BEGIN: 6,
  /** a: which loop, b: where to go on if the iteration has read nothing. */
  CHECK: 7,
  /** a: which part. Matches it on its own. */
  PART: 8,
  /** a: how many bytes to go back. */
  BACK: 9,
  /** The program, or a part of it, has matched. */
  DONE: 10,
} as const

export const ASSERTION_KINDS: readonly Assertion['kind'][] = [
  'start',
  'end',
  'last-line-end',
  'line-start',
  'line-end',
  'word-boundary',
  'no-word-boundary',
]

export interface Split {
  /** The first of its rows; there is one more than `loops`. */
  readonly row: number
  /** Loops around it whose content may be empty, the innermost first. */
  readonly loops: readonly number[]
}

/** What is matched on its own: a look-around or an atomic group. */
export interface Part {
  readonly start: number
  readonly isNegative: boolean
  /** Afterwards the machine stands where it stood. */
  readonly isLook: boolean
  /** It captures: so its content is matched each time, and not looked up. It is short then. */
  readonly captures: boolean
}

export interface Program {
  readonly op: Uint8Array
  readonly a: Int32Array
  readonly b: Int32Array
  readonly c: Int32Array
  readonly sets: readonly ByteSet[]
  readonly splits: readonly Split[]
  readonly parts: readonly Part[]
  readonly rows: number
  readonly loops: number
}

/** Null: it would have more than `most` instructions. */
export function programOf(root: Node, most: number): Program | null {
  const writer = new Writer(most)
  try {
    writer.write(root)
    writer.emit(OP.DONE)
    writer.writeParts()
  } catch (error) {
    if (error === TOO_LONG) return null
    throw error
  }
  return writer.program()
}

const TOO_LONG = new Error('the program is too long')

class Writer {
  readonly #most: number
  readonly #op: number[] = []
  readonly #a: number[] = []
  readonly #b: number[] = []
  readonly #c: number[] = []
  readonly #sets = new Map<ByteSet, number>()
  readonly #splits: Split[] = []
  readonly #parts: Part[] = []
  /** Parts whose content is not written yet. */
  readonly #todo: { readonly index: number; readonly node: Node; readonly isBehind: boolean }[] = []
  #rows = 0
  #loops = 0
  /** Loops around what is being written, the innermost first. */
  #around: readonly number[] = []

  constructor(most: number) {
    this.#most = most
  }

  program(): Program {
    return {
      op: Uint8Array.from(this.#op),
      a: Int32Array.from(this.#a),
      b: Int32Array.from(this.#b),
      c: Int32Array.from(this.#c),
      sets: [...this.#sets.keys()],
      splits: this.#splits,
      parts: this.#parts,
      rows: this.#rows,
      loops: this.#loops,
    }
  }

  emit(op: number, a = 0, b = 0, c = 0): number {
    if (this.#op.length === this.#most) throw TOO_LONG
    this.#a.push(a)
    this.#b.push(b)
    this.#c.push(c)
    return this.#op.push(op) - 1
  }

  write(node: Node): void {
    switch (node.type) {
      case 'set':
        this.emit(OP.SET, this.#set(node.set))
        return
      case 'sequence':
        for (const item of node.items) this.write(item)
        return
      case 'alternatives':
        this.#alternatives(node.branches)
        return
      case 'group':
        this.emit(OP.SAVE, node.number * 2)
        this.write(node.body)
        this.emit(OP.SAVE, node.number * 2 + 1)
        return
      case 'assertion':
        this.emit(OP.ASSERT, ASSERTION_KINDS.indexOf(node.kind))
        return
      case 'repeat':
        this.#repeat(node)
        return
      case 'atomic':
        this.#part(node.body, { isNegative: false, isLook: false }, false)
        return
      case 'look':
        this.#part(node.body, { isNegative: node.isNegative, isLook: true }, !node.isAhead)
    }
  }

  /** What the parts contain, behind everything else; a part may have parts. */
  writeParts(): void {
    this.#around = []
    for (let part = this.#todo.pop(); part !== undefined; part = this.#todo.pop()) {
      this.#parts[part.index] = { ...this.#parts[part.index]!, start: this.#here }
      if (part.isBehind) this.#behind(part.node)
      else this.write(part.node)
      this.emit(OP.DONE)
    }
  }

  get #here(): number {
    return this.#op.length
  }

  #set(set: ByteSet): number {
    const known = this.#sets.get(set)
    if (known !== undefined) return known
    this.#sets.set(set, this.#sets.size)
    return this.#sets.size - 1
  }

  /** Its two ways are set later. */
  #split(): number {
    const index = this.#splits.push({ row: this.#rows, loops: this.#around }) - 1
    this.#rows += this.#around.length + 1
    return this.emit(OP.SPLIT, 0, 0, index)
  }

  /** `isLazy`: to go on behind the loop is tried first. */
  #aim(split: number, into: number, behindIt: number, isLazy: boolean): void {
    this.#a[split] = isLazy ? behindIt : into
    this.#b[split] = isLazy ? into : behindIt
  }

  /** Each alternative of a look-behind has one length, and is tried from where it must begin. */
  #behind(body: Node): void {
    this.#alternatives(body.type === 'alternatives' ? body.branches : [body], branch => {
      this.emit(OP.BACK, lengthsOf(branch).min)
      this.write(branch)
    })
  }

  #alternatives(branches: readonly Node[], write = (branch: Node) => this.write(branch)): void {
    const jumps: number[] = []
    branches.forEach((branch, i) => {
      if (i === branches.length - 1) {
        write(branch)
        return
      }
      const split = this.#split()
      write(branch)
      jumps.push(this.emit(OP.JUMP))
      this.#aim(split, split + 1, this.#here, false)
    })
    for (const jump of jumps) this.#a[jump] = this.#here
  }

  #repeat({ body, min, max, isLazy }: Repeat): void {
    if (max === 0) return
    const isBounded = max !== Number.POSITIVE_INFINITY
    const copies = isBounded || min === 0 ? min : min - 1
    if (body.type === 'set' && copies > 1) this.emit(OP.RUN, this.#set(body.set), copies)
    else for (let i = 0; i < copies; i++) this.write(body)
    if (!isBounded) {
      this.#loop(body, min === 0, isLazy)
      return
    }
    // `a{0,3}` is `(a(a(a)?)?)?`.
    const splits: number[] = []
    for (let i = min; i < max; i++) {
      splits.push(this.#split())
      this.write(body)
    }
    for (const split of splits) this.#aim(split, split + 1, this.#here, isLazy)
  }

  /** One iteration or more; none as well if `isOptional`. An iteration that reads nothing is the last one. */
  #loop(body: Node, isOptional: boolean, isLazy: boolean): void {
    const isMaybeEmpty = lengthsOf(body).min === 0
    const before = isOptional ? this.#split() : -1
    const start = this.#here
    let check = -1
    if (isMaybeEmpty) {
      const outside = this.#around
      const loop = this.#loops++
      this.emit(OP.BEGIN, loop)
      this.#around = [loop, ...outside]
      this.write(body)
      this.#around = outside
      check = this.emit(OP.CHECK, loop)
    } else this.write(body)
    const again = this.#split()
    this.#aim(again, start, this.#here, isLazy)
    if (check !== -1) this.#b[check] = this.#here
    if (before !== -1) this.#aim(before, start, this.#here, isLazy)
  }

  #part(node: Node, kind: Pick<Part, 'isLook' | 'isNegative'>, isBehind: boolean): void {
    const index = this.#parts.push({ ...kind, start: 0, captures: !kind.isNegative && captures(node) }) - 1
    this.#todo.push({ index, node, isBehind })
    this.emit(OP.PART, index)
  }
}
