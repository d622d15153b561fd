/** A class such as `[^/[:alpha:]\d]`, by pcre2pattern(3): what `]`, `-`, `[:alpha:]` and `\Q…\E` mean in it. */
import { type ByteSet, not, POSIX, setOf, withoutCase } from './byte-set.ts'
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
    const isNegated = reader.takes('^')
    const flags = new Uint8Array(256)
    const add = (set: ByteSet) => set.forEach((flag, byte) => flag === 1 && (flags[byte] = 1))
    this.#skip()
    for (let isFirst = true; isFirst || this.#isQuoted || reader.next !== ']'; isFirst = false) {
      const at = reader.at
      const member = this.#member()
      this.#skip()
      if (!this.#seesHyphen()) {
        add('set' in member ? member.set : setOf(byte => byte === member.byte))
        continue
      }
      const hyphen = reader.at++
      this.#skip()
      // A hyphen at the end is one.
      if (!this.#isQuoted && reader.next === ']') {
        reader.at = hyphen
        add('set' in member ? member.set : setOf(byte => byte === member.byte))
        continue
      }
      const last = this.#member()
      if ('set' in member || 'set' in last)
        throw reader.error("a range cannot begin or end with a class: put the '-' at the end of the class, or write '\\-'", at)
      if (member.byte > last.byte) throw reader.error('the end of this range is before its beginning', at)
      add(setOf(byte => byte >= member.byte && byte <= last.byte))
      this.#skip()
    }
    reader.at++
    const set = this.#options.ignoresCase ? withoutCase(flags) : flags
    return isNegated ? not(set) : set
  }

  #seesHyphen(): boolean {
    return !this.#isQuoted && this.#reader.next === '-'
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
      const escape = readEscape(reader, 'class', 0)
      if ('byte' in escape || 'set' in escape) return escape
    }
    if (character !== '[' || !':.='.includes(reader.next) || reader.isAtEnd) return { byte: character.charCodeAt(0) }
    const kind = reader.next
    const end = this.#posixEnd(reader.at, kind)
    if (end === -1) return { byte: character.charCodeAt(0) }
    if (kind !== ':') throw reader.error(`'[${kind}…${kind}]' is not supported`, at)
    const name = reader.bytes.slice(reader.at + 1, end)
    const isNegated = name.startsWith('^')
    const set = Object.entries(POSIX).find(([known]) => known === name.slice(isNegated ? 1 : 0))?.[1]
    if (set === undefined) throw reader.error(`'[:${name}:]' is no class: there are ${Object.keys(POSIX).join(', ')}`, at)
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
