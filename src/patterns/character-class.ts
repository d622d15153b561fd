/** A class such as `[^/[:alpha:]\d]`, by pcre2pattern(3): what `]`, `-`, `[:alpha:]` and `\Q…\E` mean in it. */
import { type ByteSet, not, POSIX, setOf, single, union, withoutCase } from './byte-set.ts'
import { readEscape } from './escapes.ts'
import type { Reader } from './reader.ts'

export interface ClassOptions {
  readonly ignoresCase: boolean
  /** `(?xx)`: blanks and tabs in a class mean nothing. */
  readonly skipsBlanks: boolean
}

type Member = { readonly byte: number } | { readonly set: ByteSet }

/** `reader` stands behind the `[`. */
export function readClass(reader: Reader, options: ClassOptions): ByteSet {
  return new ClassReader(reader, options).read()
}

class ClassReader {
  readonly #reader: Reader
  readonly #options: ClassOptions
  readonly #start: number
  /** Within `\Q…\E`, where no character has a meaning. */
  #isQuoted = false

  constructor(reader: Reader, options: ClassOptions) {
    this.#reader = reader
    this.#options = options
    this.#start = reader.at - 1
  }

  read(): ByteSet {
    const reader = this.#reader
    const kind = reader.bytes.slice(reader.at).match(/^[:.=]/)?.[0]
    if (kind !== undefined && this.#posixEnd(reader.at, kind) !== -1)
      throw reader.error(`'[${kind}…${kind}]' stands only in a class: write '[[${kind}…${kind}]]'`, this.#start)
    this.#skip()
    const isNegated = !this.#isQuoted && reader.takes('^')
    const parts: ByteSet[] = []
    this.#skip()
    for (let isFirst = true; isFirst || this.#isQuoted || reader.next !== ']'; isFirst = false) {
      parts.push(this.#part())
      this.#skip()
    }
    reader.at++
    const set = this.#options.ignoresCase ? withoutCase(union(parts)) : union(parts)
    return isNegated ? not(set) : set
  }

  /** A member, or a range. */
  #part(): ByteSet {
    const reader = this.#reader
    const start = reader.at
    const first = this.#member()
    this.#skip()
    const hyphen = reader.at
    if (!this.#isQuoted && reader.takes('-')) {
      this.#skip()
      if (this.#isQuoted || reader.next !== ']')
        return rangeOf(first, this.#member(), message => reader.error(message, start))
      // A hyphen at the end is one.
      reader.at = hyphen
    }
    return 'set' in first ? first.set : single(first.byte)
  }

  /** What means nothing: `\Q`, `\E`, and blanks after `(?xx)`. */
  #skip(): void {
    const reader = this.#reader
    for (;;) {
      if (reader.isAtEnd) throw reader.error("']' is missing for the class that begins at '['", this.#start)
      if (reader.takes('\\E')) this.#isQuoted = false
      else if (this.#isQuoted) return
      else if (reader.takes('\\Q')) this.#isQuoted = true
      else if (this.#options.skipsBlanks && (reader.next === ' ' || reader.next === '\t')) reader.at++
      else return
    }
  }

  #member(): Member {
    const reader = this.#reader
    const at = reader.at
    const character = reader.take()
    if (this.#isQuoted) return { byte: character.charCodeAt(0) }
    if (character === '\\') {
      const read = readEscape(reader, 'class', 0)
      if ('byte' in read || 'set' in read) return read
    }
    if (character !== '[' || !':.='.includes(reader.next) || reader.isAtEnd) return { byte: character.charCodeAt(0) }
    const kind = reader.next
    const end = this.#posixEnd(reader.at, kind)
    if (end === -1) return { byte: character.charCodeAt(0) }
    if (kind !== ':') throw reader.error(`'[${kind}…${kind}]' is not supported`, at)
    const name = reader.bytes.slice(reader.at + 1, end)
    const isNegated = name.startsWith('^')
    const set = Object.entries(POSIX).find(([known]) => known === name.slice(isNegated ? 1 : 0))?.[1]
    if (set === undefined)
      throw reader.error(`'[:${name}:]' is no class: there are ${Object.keys(POSIX).join(', ')}`, at)
    reader.at = end + 2
    // Upper and lower case are one to PCRE if it ignores case.
    const cased = this.#options.ignoresCase ? withoutCase(set) : set
    return { set: isNegated ? not(cased) : cased }
  }

  /** Where `:]` of `[:name:]` stands, if `at` is its first colon; -1 if it is none. */
  #posixEnd(at: number, kind: string): number {
    const { bytes } = this.#reader
    for (let end = at + 1; end < bytes.length; end++) {
      const [character, next] = [bytes[end]!, bytes[end + 1]]
      if (character === '\\' && (next === ']' || next === '\\')) end++
      else if (character === ']' || (character === '[' && next === kind)) return -1
      else if (character === kind && next === ']') return end
    }
    return -1
  }
}

function rangeOf(first: Member, last: Member, error: (message: string) => Error): ByteSet {
  if ('set' in first || 'set' in last)
    throw error("a range cannot begin or end with a class: put the '-' at the end of the class, or write '\\-'")
  if (first.byte > last.byte) throw error('the end of this range is before its beginning')
  return setOf(byte => byte >= first.byte && byte <= last.byte)
}
