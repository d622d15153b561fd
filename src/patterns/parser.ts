/**
 * Reads the syntax of PCRE2 10.42, without its UTF mode: the one that nginx has. Written by pcre2pattern(3), and compared with the real library
 * (`vectors.json`). What is not supported is refused with its place: nothing is read as something else.
 *
 * Pure; linear in the length of the source; the depth of groups is bounded, since each level is a level of calls here.
 */
import { ANY, NOT_NEWLINE, single, singleWithoutCase, VERTICAL } from './byte-set.ts'
import { readClass } from './character-class.ts'
import { type Escape, readEscape } from './escapes.ts'
import { readGroupStart } from './group-start.ts'
import type { Options } from './options.ts'
import { Reader } from './reader.ts'
import { captures, EMPTY, type Look, lengthsOf, type Node, type Parsed, some } from './syntax.ts'

/** In bytes. nginx has 4 KB for a parameter; a longer list belongs into a map. */
const LONGEST = 8192
/** PCRE allows 250. */
const DEEPEST = 100
/** PCRE's own. */
const MOST_REPEATS = 65_535
/**
 * A look-ahead or an atomic group that captures must be no longer, in bytes: what it captures cannot be kept for all places, so it is matched again and
 * again.
 */
const LONGEST_THAT_CAPTURES = 255

const BLANKS = '\t\n\v\f\r '

/** The tree of a pattern. Throws PatternError. */
export function parse(source: string, ignoresCase: boolean): Parsed {
  const reader = new Reader(source)
  if (reader.bytes.length > LONGEST)
    throw reader.error(`longer than ${LONGEST} bytes: divide it into several patterns`, LONGEST)
  return new Parser(reader, ignoresCase).parse()
}

class Parser {
  readonly #reader: Reader
  readonly #names = new Map<string, number>()
  #options: Options
  #groups = 0
  #depth = 0
  /** Within `\Q…\E`. */
  #isQuoted = false

  constructor(reader: Reader, ignoresCase: boolean) {
    this.#reader = reader
    this.#options = { i: ignoresCase, m: false, s: false, x: false, xx: false, n: false, U: false }
  }

  parse(): Parsed {
    if (this.#reader.sees('(*')) throw this.#reader.error(this.#verb())
    const root = this.#alternatives()
    if (!this.#reader.isAtEnd) throw this.#reader.error("no '(' belongs to this ')': write '\\)' for the character")
    return { root, groups: this.#groups, names: this.#names }
  }

  /** Up to the `)` that ends this group, or the end. Options last as long as the group. */
  #alternatives(): Node {
    const outside = this.#options
    const branches = [this.#sequence()]
    while (this.#reader.takes('|')) branches.push(this.#sequence())
    this.#options = outside
    return branches.length === 1 ? branches[0]! : { type: 'alternatives', branches }
  }

  #sequence(): Node {
    const reader = this.#reader
    const items: Node[] = []
    /** The last item may be repeated: it is none of `^`, `\b`, `(?i)`, or repeated already. */
    let isRepeatable = false
    for (;;) {
      this.#skip()
      if (reader.isAtEnd || (!this.#isQuoted && (reader.next === '|' || reader.next === ')'))) break
      const repeats = this.#isQuoted ? null : this.#repeats()
      if (repeats === null) {
        const { at } = reader
        const item = this.#item()
        // A group is repeatable, also around what is not.
        isRepeatable = item !== null && (item.type !== 'assertion' || reader.bytes[at] === '(')
        if (item !== null) items.push(item)
        continue
      }
      if (!isRepeatable)
        throw reader.error(
          "nothing that can be repeated stands before this: write '\\' before it for the character",
          repeats.at,
        )
      items.push(this.#repeated(items.pop()!, repeats))
      isRepeatable = false
    }
    return items.length === 1 ? items[0]! : { type: 'sequence', items }
  }

  /** What means nothing: comments, `\Q` and `\E`, and with `(?x)` blanks. */
  #skip(): void {
    const reader = this.#reader
    for (;;) {
      if (reader.takes('\\E')) this.#isQuoted = false
      else if (this.#isQuoted) return
      else if (reader.takes('\\Q')) this.#isQuoted = true
      else if (this.#options.x && reader.next !== '' && BLANKS.includes(reader.next)) reader.at++
      else if (this.#options.x && reader.next === '#') reader.takeWhile(character => character !== '\n')
      else if (reader.sees('(?#')) {
        const end = reader.bytes.indexOf(')', reader.at)
        if (end === -1) throw reader.error("')' is missing for this comment")
        reader.at = end + 1
      } else return
    }
  }

  /** Null: no quantifier comes next. A brace that is none is a character. */
  #repeats(): { min: number; max: number; at: number } | null {
    const reader = this.#reader
    const at = reader.at
    if (reader.takes('*')) return { min: 0, max: Number.POSITIVE_INFINITY, at }
    if (reader.takes('+')) return { min: 1, max: Number.POSITIVE_INFINITY, at }
    if (reader.takes('?')) return { min: 0, max: 1, at }
    const braces = reader.bytes.slice(at).match(/^\{([0-9]{1,8192})(,?)([0-9]{0,8192})\}/)
    if (braces === null || (braces[2] === '' && braces[3] !== '')) return null
    const min = Number(braces[1])
    const max = braces[2] === '' ? min : braces[3] === '' ? Number.POSITIVE_INFINITY : Number(braces[3])
    if (min > MOST_REPEATS || (max > MOST_REPEATS && max !== Number.POSITIVE_INFINITY))
      throw reader.error(`a number in braces is at most ${MOST_REPEATS}`)
    if (min > max) throw reader.error(`the second number of '{${min},${max}}' is less than the first`)
    reader.at += braces[0].length
    return { min, max, at }
  }

  #repeated(body: Node, { min, max, at }: { min: number; max: number; at: number }): Node {
    const reader = this.#reader
    this.#skip()
    const isPossessive = !this.#isQuoted && reader.takes('+')
    const isOther = !isPossessive && !this.#isQuoted && reader.takes('?')
    // What a look says does not change: PCRE asks once, or not at all.
    if (body.type === 'look') return min > 0 ? body : max === 0 ? EMPTY : this.#repeat(body, 0, 1, isOther)
    if (!isPossessive) return this.#repeat(body, min, max, isOther)
    const greedy: Node = { type: 'repeat', body, min, max, isLazy: false }
    return this.#checked({ type: 'atomic', body: greedy, at })
  }

  #repeat(body: Node, min: number, max: number, isOther: boolean): Node {
    return { type: 'repeat', body, min, max, isLazy: isOther !== this.#options.U }
  }

  /** One item; null if it stands for nothing, such as `(?i)`. */
  #item(): Node | null {
    const reader = this.#reader
    const character = reader.take()
    if (this.#isQuoted) return this.#byte(character.charCodeAt(0))
    switch (character) {
      case '.':
        return { type: 'set', set: this.#options.s ? ANY : NOT_NEWLINE }
      case '^':
        return { type: 'assertion', kind: this.#options.m ? 'line-start' : 'start' }
      case '$':
        return { type: 'assertion', kind: this.#options.m ? 'line-end' : 'last-line-end' }
      case '[': {
        const options = { ignoresCase: this.#options.i, skipsBlanks: this.#options.xx }
        return { type: 'set', set: readClass(reader, options) }
      }
      case '(':
        return this.#group()
      case '\\':
        return this.#escaped(readEscape(reader, 'pattern', this.#groups))
      default:
        return this.#byte(character.charCodeAt(0))
    }
  }

  #byte(byte: number): Node {
    return { type: 'set', set: this.#options.i ? singleWithoutCase(byte) : single(byte) }
  }

  #escaped(read: Escape): Node {
    if ('assertion' in read) return { type: 'assertion', kind: read.assertion }
    if ('byte' in read) return this.#byte(read.byte)
    if ('set' in read) return { type: 'set', set: read.set }
    const crlf = [0x0d, 0x0a].map((byte): Node => ({ type: 'set', set: single(byte) }))
    const branches: Node[] = [
      { type: 'sequence', items: crlf },
      { type: 'set', set: VERTICAL },
    ]
    return { type: 'atomic', body: { type: 'alternatives', branches }, at: this.#reader.at }
  }

  /** `reader` stands behind the `(`. */
  #group(): Node | null {
    const reader = this.#reader
    const at = reader.at - 1
    if (reader.next === '*') {
      reader.at = at
      throw reader.error(this.#verb())
    }
    const start = readGroupStart(reader, this.#options)
    if (start.kind === 'options') {
      this.#options = start.options
      return null
    }
    if (++this.#depth > DEEPEST) throw reader.error(`more than ${DEEPEST} groups within each other`, at)
    const isCapturing = start.kind === 'capture' && (start.name !== null || !this.#options.n)
    const number = isCapturing ? ++this.#groups : 0
    if (start.kind === 'capture' && start.name !== null) {
      if (this.#names.has(start.name)) throw reader.error(`a second group has the name '${start.name}'`, at)
      this.#names.set(start.name, number)
    }
    const outside = this.#options
    if (start.kind === 'plain') this.#options = start.options
    const body = this.#alternatives()
    this.#options = outside
    this.#depth--
    if (!reader.takes(')')) throw reader.error("')' is missing for this group", at)
    if (isCapturing) return { type: 'group', number, body }
    if (start.kind === 'atomic') return this.#checked({ type: 'atomic', body, at })
    if (start.kind !== 'look') return body
    return this.#checked({ type: 'look', isAhead: start.isAhead, isNegative: start.isNegative, body, at })
  }

  /** What is valid PCRE, and cannot be matched in time that is bounded. */
  #checked<T extends Look | Extract<Node, { type: 'atomic' }>>(node: T): T {
    if (node.type === 'look' && !node.isAhead) {
      const branches = node.body.type === 'alternatives' ? node.body.branches : [node.body]
      if (!branches.every(hasFixedLength))
        throw this.#reader.error(
          'each alternative of a look-behind must have one length: no *, +, ? or {1,2} in it',
          node.at,
        )
    }
    const isForgotten = node.type === 'look' && node.isNegative
    if (!isForgotten && captures(node.body) && lengthsOf(node.body).max > LONGEST_THAT_CAPTURES)
      throw this.#reader.error(
        `a group captures within ${node.type === 'look' ? 'a look-around' : "'(?>…)' or '++'"} of more than ${LONGEST_THAT_CAPTURES} bytes: write '(?:…)' there, and capture outside of it`,
        node.at,
      )
    return node
  }

  /** Why `(*…)` is refused. */
  #verb(): string {
    const name = this.#reader.bytes.slice(this.#reader.at).match(/^\(\*[A-Za-z0-9_]{0,40}/)![0]
    if (name === '(*UTF8' || name === '(*UTF' || name === '(*UCP')
      return `'${name})' is not supported: paths and headers are bytes. Leave it out: characters that stand for themselves match without it, and '.' or '[^/]' needs a '+' to match all bytes of one`
    return `'${name}' begins a verb of PCRE, which is not supported: write '\\(*' for the characters`
  }
}

/** As PCRE has it: alternatives of different lengths may stand at the top only. */
function hasFixedLength(node: Node): boolean {
  const { min, max } = lengthsOf(node)
  return min === max && !some(node, one => one.type === 'repeat' && one.min !== one.max)
}
