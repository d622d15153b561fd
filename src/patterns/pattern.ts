/**
 * A regular expression of a configuration, compiled: it means what PCRE says, and no subject makes it slow. V8 matches where that is proven
 * to be the same and fast enough; else `machine.ts` does.
 *
 * Subjects are byte strings: each character is the byte of its number, as `decodePathBytes` makes them. Pure; compiled when a configuration
 * is loaded, used on the thread of the request.
 */
import { longestSubject } from './cost.ts'
import { type Edges, edgesOf, isTied } from './edges.ts'
import { toJavaScript } from './javascript.ts'
import { Machine } from './machine.ts'
import { parse } from './parser.ts'
import { PatternError } from './pattern-error.ts'
import { positionsOf } from './positions.ts'
import { type Program, programOf } from './program.ts'
import { type Node, type Parsed, some } from './syntax.ts'

export interface PatternOptions {
  /** As nginx's `~*`: ASCII letters only. */
  readonly caseInsensitive: boolean
}

/** The whole match, then each group; undefined if the group took no part. */
export type Captures = readonly (string | undefined)[]

/** V8's stack for one match is 64 MB. For each byte that it reads, each instruction may leave some 16 bytes there until the match ends. */
const MOST_FOR_STACK = 4_194_304
/** Counted repeats written out. */
const MOST_INSTRUCTIONS = 10_000
/** Places with a choice: each byte of a subject may cost a step at each of them, so 8 KB are 4 million steps at worst. */
const MOST_ROWS = 256

/** What is refused is returned as the error, whose `offset` is a place in `source`. Takes some milliseconds at most. */
export function compilePattern(source: string, options: PatternOptions): Pattern | PatternError {
  try {
    return new Pattern(source, options)
  } catch (error) {
    if (error instanceof PatternError) return error
    throw error
  }
}

export class Pattern {
  readonly source: string
  /** Number of groups that capture. */
  readonly groups: number
  /** Named groups, which have numbers as well. */
  readonly names: ReadonlyMap<string, number>
  /** V8 gets no longer subject; -1: none at all. */
  readonly longestForV8: number
  /** Backtracking takes linear time, so the length has no other reason than V8's stack, and the machine need not keep what has failed. */
  readonly isLinear: boolean
  /** For `Candidates`. */
  readonly edges: Edges
  readonly #regex: RegExp
  /** JavaScript's `$` is not before a newline. */
  readonly #hasLastLineEnd: boolean
  readonly #program: Program
  readonly #isAnchored: boolean
  /** Made when it is needed: most patterns never need it. */
  #machine: Machine | null = null

  constructor(source: string, options: PatternOptions) {
    const parsed = parse(source, options.caseInsensitive)
    this.source = source
    this.groups = parsed.groups
    this.names = parsed.names
    this.edges = edgesOf(parsed.root)
    // A match begins at the start of the subject only. V8 sees the same, by the same rules.
    this.#isAnchored = isTied(parsed.root, ['start'], false)
    const { regex, longest } = forV8(parsed, this.#isAnchored)
    this.#regex = regex
    this.isLinear = longest === Number.POSITIVE_INFINITY
    this.#hasLastLineEnd = some(parsed.root, node => node.type === 'assertion' && node.kind === 'last-line-end')
    this.#program = programFor(parsed.root, this.isLinear)
    this.longestForV8 = Math.min(longest, Math.floor(MOST_FOR_STACK / this.#program.op.length))
  }

  test(subject: string): boolean {
    return this.#isForV8(subject) ? this.#regex.test(subject) : this.machine().match(subject) !== null
  }

  exec(subject: string): Captures | null {
    if (this.#isForV8(subject)) return this.#regex.exec(subject)
    const slots = this.machine().match(subject)
    if (slots === null) return null
    return Array.from({ length: this.groups + 1 }, (_, group) =>
      // Both ends are set, or none.
      slots[2 * group + 1] === -1 ? undefined : subject.slice(slots[2 * group], slots[2 * group + 1]),
    )
  }

  machine(): Machine {
    this.#machine ??= new Machine(this.#program, {
      groups: this.groups,
      isAnchored: this.#isAnchored,
      keeps: !this.isLinear,
    })
    return this.#machine
  }

  #isForV8(subject: string): boolean {
    return (
      subject.length <= this.longestForV8 && !(this.#hasLastLineEnd && subject.charCodeAt(subject.length - 1) === 0x0a)
    )
  }
}

const NEVER = /(?!)/

function forV8({ root }: Parsed, anchored: boolean): { regex: RegExp; longest: number } {
  const source = toJavaScript(root)
  const positions = source === null ? null : positionsOf(root)
  if (source === null || positions === null) return { regex: NEVER, longest: -1 }
  return { regex: new RegExp(source), longest: longestSubject(positions, anchored) }
}

function programFor(root: Node, isLinear: boolean): Program {
  const program = programOf(root, MOST_INSTRUCTIONS)
  if (program === null)
    throw new PatternError('too long when its counted repeats are written out: use smaller numbers, or * and +', 0)
  if (!isLinear && program.rows > MOST_ROWS)
    throw new PatternError(
      `has ${program.rows} places with a choice, and at most ${MOST_ROWS} can be tried in time: write * or + for a counted repeat such as {1,1000}, begin with ^, or divide a list of alternatives`,
      0,
    )
  return program
}
