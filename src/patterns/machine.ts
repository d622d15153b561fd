/**
 * Matches a pattern exactly as PCRE does, in time that is linear in the subject. It tries one way after the other, as PCRE and V8 do, and keeps for
 * each row of the program (`program.ts`) and each place of the subject that both ways have failed. So no place is tried twice, whatever
 * the pattern and the subject: at most `rows × bytes` steps at which there is a choice.
 *
 * Look-arounds and atomic groups are matched on their own. What was tried within one is kept with where it ended, because other ways may lead into
 * it again. That needs no captures; a part that captures is matched again, and is short (`parser.ts`).
 *
 * Runs on the thread of the request. Memory: a bit for each row and byte, given back if it was much; and a stack, of at most three numbers for each of
 * them. Not reentrant, and never needs to be. Not the way that most requests take: V8's own matcher is faster (`pattern.ts`).
 */
import { holds } from './assertions.ts'
import type { ByteSet } from './byte-set.ts'
import { firstBytes } from './first-bytes.ts'
import { OP, type Part, type Program } from './program.ts'

export interface MachineOptions {
  /** Groups that capture. */
  readonly groups: number
  /** It matches at the start of the subject only. */
  readonly isAnchored: boolean
  /** False: it is known that nothing is tried too often (`cost.ts`), so nothing is kept. */
  readonly keeps: boolean
}

/** Kinds of entries of the stack; each has two numbers. */
const WAY = 0 // where to go on: instruction, byte
const SLOT = 1 // what the end of a group was: slot, byte
const LOOP = 2 // where an iteration has begun: loop, byte
const ROW = 3 // a row on the way to here, in a part: row, byte

const UNSET = -1
const FAILED = -1

/** In numbers: what a machine keeps for its next match. More than this is made anew. */
const MOST_KEPT = 16_384
/** A run of fewer bytes is read each time. */
const SHORT_RUN = 16

export class Machine {
  readonly #program: Program
  readonly #options: MachineOptions
  /** Bytes with which a match can begin; null: any, or it can be empty. */
  readonly #first: ByteSet | null
  /** Beginning and end of the whole match and of each group. */
  readonly #slots: Int32Array
  readonly #begun: Int32Array
  #stack = new Int32Array(256)
  #top = 0
  #subject = ''
  /** Rows that were tried outside of parts: a bit for each row and byte. */
  #tried = new Uint32Array(0)
  /** For rows and bytes in parts: where the part ended, or FAILED. */
  #ends = new Map<number, number>()
  /** For a set and each byte: where the run of its members ends. */
  #runs: (Int32Array | undefined)[] = []
  /** Instructions of the last match, and bytes of short runs. */
  steps = 0

  constructor(program: Program, options: MachineOptions) {
    this.#program = program
    this.#options = options
    this.#first = firstBytes(program)
    this.#slots = new Int32Array(2 * (options.groups + 1))
    this.#begun = new Int32Array(program.loops)
  }

  /** `subject`: a character for each byte. Slots of groups, -1 if unset; they hold until the next match. Null: no match. */
  match(subject: string): Int32Array | null {
    this.#prepare(subject)
    const first = this.#first
    const last = this.#options.isAnchored ? 0 : subject.length
    let found: Int32Array | null = null
    for (let start = 0; start <= last; start++) {
      if (first !== null && first[subject.charCodeAt(start)] !== 1) continue
      const end = this.#run(0, start, null)
      if (end === FAILED) continue
      this.#slots[0] = start
      this.#slots[1] = end
      found = this.#slots
      break
    }
    this.#release()
    return found
  }

  #prepare(subject: string): void {
    this.#subject = subject
    this.#slots.fill(UNSET)
    this.#begun.fill(UNSET)
    this.#top = 0
    this.steps = 0
    if (!this.#options.keeps) return
    const size = Math.ceil((this.#program.rows * (subject.length + 1)) / 32)
    if (this.#tried.length < size) this.#tried = new Uint32Array(size)
    else this.#tried.fill(0, 0, size)
  }

  /** A subject may be in a request's memory; and one long subject is no reason to keep much. */
  #release(): void {
    this.#subject = ''
    if (this.#tried.length > MOST_KEPT) this.#tried = new Uint32Array(0)
    if (this.#stack.length > MOST_KEPT) this.#stack = new Int32Array(256)
    if (this.#ends.size > 0) this.#ends = new Map()
    if (this.#runs.length > 0) this.#runs = []
  }

  /** Where the match ends that begins at an instruction and a byte, or FAILED. `part`: within which part; null: none. */
  #run(instruction: number, position: number, part: Part | null): number {
    const { op, a, b, c, sets } = this.#program
    const subject = this.#subject
    const base = this.#top
    let at = instruction
    let here = position
    for (;;) {
      this.steps++
      let isRight = true
      switch (op[at]) {
        case OP.SET:
          isRight = sets[a[at]!]![subject.charCodeAt(here)] === 1
          here++
          at++
          break
        case OP.RUN:
          isRight = this.#isRun(a[at]!, b[at]!, here)
          here += b[at]!
          at++
          break
        case OP.SPLIT: {
          const known = this.#options.keeps ? this.#visit(c[at]!, here, part) : undefined
          if (known === undefined) {
            this.#push(WAY, b[at]!, here)
            at = a[at]!
          } else if (known === FAILED) isRight = false
          else return this.#keepEnd(base, known)
          break
        }
        case OP.JUMP:
          at = a[at]!
          break
        case OP.SAVE:
          this.#push(SLOT, a[at]!, this.#slots[a[at]!]!)
          this.#slots[a[at]!] = here
          at++
          break
        case OP.ASSERT:
          isRight = holds(a[at]!, subject, here)
          at++
          break
        case OP.BEGIN:
          this.#push(LOOP, a[at]!, this.#begun[a[at]!]!)
          this.#begun[a[at]!] = here
          at++
          break
        case OP.CHECK:
          at = this.#begun[a[at]!] === here ? b[at]! : at + 1
          break
        case OP.PART: {
          const inner = this.#program.parts[a[at]!]!
          const end = this.#part(inner, here)
          isRight = (end === FAILED) === inner.isNegative
          if (!inner.isLook) here = end
          at++
          break
        }
        case OP.BACK:
          here -= a[at]!
          isRight = here >= 0
          at++
          break
        default:
          return part === null ? here : this.#keepEnd(base, here)
      }
      if (isRight) continue
      if (!this.#back(base)) return FAILED
      at = this.#at
      here = this.#here
    }
  }

  /** Where `#back` goes on. */
  #at = 0
  #here = 0

  /** Undoes what was done since the last choice. False: none is left above `base`. */
  #back(base: number): boolean {
    const stack = this.#stack
    while (this.#top > base) {
      this.#top -= 3
      const [kind, x, y] = [stack[this.#top]!, stack[this.#top + 1]!, stack[this.#top + 2]!]
      if (kind === WAY) {
        this.#at = x
        this.#here = y
        return true
      }
      if (kind === SLOT) this.#slots[x] = y
      else if (kind === LOOP) this.#begun[x] = y
      else this.#ends.set(this.#key(x, y), FAILED)
    }
    return false
  }

  #push(kind: number, x: number, y: number): void {
    if (this.#top + 3 > this.#stack.length) {
      const larger = new Int32Array(2 * this.#stack.length)
      larger.set(this.#stack)
      this.#stack = larger
    }
    this.#stack[this.#top++] = kind
    this.#stack[this.#top++] = x
    this.#stack[this.#top++] = y
  }

  #key(row: number, here: number): number {
    return row * (this.#subject.length + 1) + here
  }

  /** What is known of a split here: undefined if it is to be tried, FAILED, or where the part ends. */
  #visit(split: number, here: number, part: Part | null): number | undefined {
    const { row, loops } = this.#program.splits[split]!
    // If an iteration has read something, those around it have, too.
    let fresh = 0
    while (fresh < loops.length && this.#begun[loops[fresh]!] === here) fresh++
    const key = this.#key(row + fresh, here)
    if (part === null) {
      const [word, bit] = [key >>> 5, 1 << (key & 31)]
      if ((this.#tried[word]! & bit) !== 0) return FAILED
      this.#tried[word]! |= bit
      return undefined
    }
    const known = this.#ends.get(key)
    if (known === FAILED || (known !== undefined && !part.captures)) return known
    this.#push(ROW, row + fresh, here)
    return undefined
  }

  /** The rows on the way to the end of a part lead there again. */
  #keepEnd(base: number, end: number): number {
    for (let at = base; at < this.#top; at += 3)
      if (this.#stack[at] === ROW) this.#ends.set(this.#key(this.#stack[at + 1]!, this.#stack[at + 2]!), end)
    return end
  }

  /** Where a part ends that begins here. No other way through it is left on the stack, only what undoes its captures. */
  #part(part: Part, here: number): number {
    const base = this.#top
    const end = this.#run(part.start, here, part)
    if (end === FAILED) return FAILED
    const stack = this.#stack
    if (part.isNegative) {
      for (let at = this.#top - 3; at >= base; at -= 3)
        if (stack[at] === SLOT) this.#slots[stack[at + 1]!] = stack[at + 2]!
      this.#top = base
      return end
    }
    let top = base
    for (let at = base; at < this.#top; at += 3) {
      if (stack[at] !== SLOT) continue
      stack.copyWithin(top, at, at + 3)
      top += 3
    }
    this.#top = top
    return end
  }

  #isRun(set: number, length: number, here: number): boolean {
    const members = this.#program.sets[set]!
    const subject = this.#subject
    if (here + length > subject.length) return false
    if (length <= SHORT_RUN || !this.#options.keeps) {
      this.steps += length
      for (let at = here; at < here + length; at++) if (members[subject.charCodeAt(at)] !== 1) return false
      return true
    }
    let ends = this.#runs[set]
    if (ends === undefined) {
      ends = new Int32Array(subject.length + 1)
      for (let at = subject.length - 1, end = at + 1; at >= 0; at--) {
        if (members[subject.charCodeAt(at)] !== 1) end = at
        ends[at] = end
      }
      this.#runs[set] = ends
    }
    return ends[here]! >= here + length
  }
}
