/**
 * A line for a shell: its commands, and the words of each, with variables replaced. Runs in the command line (`jumak adapt`). Pure, but for
 * what `Replacing` notes.
 *
 * Understood: quotes, `$NAME`, `${NAME:-default}` and its relatives, `&&`, `||`, `;`, `|`, `&`, redirections, comments, a backslash at the end of a
 * line. What only a shell can do (`$(…)`, groups) is a problem. Not here: the words of variables such as GUNICORN_CMD_ARGS (`shell-words.ts`),
 * where nothing is replaced.
 */
import { closingBrace, type Replacing } from './variables.ts'

export interface ShellLine {
  readonly commands: readonly (readonly string[])[]
  /** Where output goes to. */
  readonly redirections: readonly string[]
  /** `"$@"` or `$*`: it takes words that are not there. */
  readonly takesMore: boolean
}

/** Longer lines are no command lines. It bounds the defaults in defaults, too. */
const MAX_LENGTH = 64 * 1024

const OPERATOR = /^(?:&&|\|\||;;?|\||&(?!>)|\n)/
const REDIRECTION = /^(?:&>>?|>>|>\||>&|>|<<-?|<&|<)/

export function readShellLine(line: string, replacing: Replacing): ShellLine | { readonly problem: string } {
  return new LineReader(line, replacing).read()
}

class LineReader {
  /** What is still to be read. A default that was chosen stands in front of the rest. */
  #rest: string
  readonly #replacing: Replacing
  readonly #commands: string[][] = [[]]
  readonly #redirections: string[] = []
  /** Null: between two words. */
  #word: string | null = null
  #isRedirection = false
  #isQuoted = false
  #takesMore = false
  #problem: string | null = null

  constructor(line: string, replacing: Replacing) {
    this.#rest = line.trim()
    this.#replacing = replacing
  }

  read(): ShellLine | { readonly problem: string } {
    if (this.#rest.length > MAX_LENGTH) return { problem: 'is longer than 64 KiB, and no command line' }
    while (this.#rest !== '' && this.#problem === null) this.#readPiece()
    if (this.#isQuoted) this.#problem ??= 'has a " without a second one'
    if (this.#problem !== null) return { problem: this.#problem }
    this.#endWord()
    return {
      commands: this.#commands.filter(words => words.length > 0),
      redirections: this.#redirections,
      takesMore: this.#takesMore,
    }
  }

  #take(length: number): string {
    const taken = this.#rest.slice(0, length)
    this.#rest = this.#rest.slice(length)
    return taken
  }

  #add(text: string): void {
    this.#word = (this.#word ?? '') + text
  }

  #readPiece(): void {
    const character = this.#rest[0]!
    if (character === '"') {
      this.#take(1)
      this.#isQuoted = !this.#isQuoted
      this.#add('')
    } else if (character === '\\') this.#readBackslash()
    else if (character === '$') this.#readVariable()
    else if (character === '`') this.#problem = 'has `…`, which only a shell can run'
    else if (this.#isQuoted) this.#add(this.#take(1))
    else if (character === "'") this.#readPlainQuotes()
    else this.#readUnquoted(character)
  }

  #readUnquoted(character: string): void {
    const redirection = REDIRECTION.exec(this.#rest)?.[0]
    const operator = OPERATOR.exec(this.#rest)?.[0]
    if (redirection !== undefined) {
      // `2>`
      if (this.#word !== null && /^\d$/.test(this.#word)) this.#word = null
      this.#endWord()
      this.#take(redirection.length)
      this.#isRedirection = true
    } else if (operator !== undefined) {
      this.#endWord()
      this.#take(operator.length)
      this.#commands.push([])
    } else if (/\s/.test(character)) {
      this.#endWord()
      this.#take(1)
    } else if (character === '#' && this.#word === null) this.#rest = this.#rest.replace(/^[^\n]*/, '')
    else if (character === '(' || character === ')') this.#problem = `has ${character}, which only a shell understands`
    else this.#add(this.#take(1))
  }

  #readBackslash(): void {
    const next = this.#rest[1]
    if (next === undefined) this.#problem = 'ends in a backslash'
    else if (next === '\n') this.#take(2)
    else if (this.#isQuoted && !'"\\$`'.includes(next)) this.#add(this.#take(2))
    else this.#add(this.#take(2).slice(1))
  }

  #readPlainQuotes(): void {
    const end = this.#rest.indexOf("'", 1)
    if (end < 0) this.#problem = "has a ' without a second one"
    else this.#add(this.#take(end + 1).slice(1, -1))
  }

  #readVariable(): void {
    const plain = /^\$([A-Za-z_]\w*)/.exec(this.#rest)
    if (plain !== null) {
      this.#take(plain[0].length)
      this.#addValue(this.#replacing.get(plain[1]!))
    } else if (/^\$[@*]/.test(this.#rest)) {
      this.#take(2)
      this.#takesMore = true
      // "$@" is no word when there are none.
      if (this.#isQuoted && this.#word === '' && this.#rest.startsWith('"')) {
        this.#take(1)
        this.#isQuoted = false
        this.#word = null
      }
    } else if (this.#rest.startsWith('${')) this.#readBraces()
    else if (/^\$[(\d?!$#-]/.test(this.#rest)) this.#problem = `has ${this.#rest.slice(0, 2)}, which only a shell knows`
    else this.#add(this.#take(1))
  }

  #readBraces(): void {
    const end = closingBrace(this.#rest, 2)
    const written = end < 0 ? this.#rest : this.#rest.slice(0, end + 1)
    const found = end < 0 ? null : this.#replacing.braced(this.#rest.slice(2, end))
    if (found === null) {
      this.#problem = `has ${written.slice(0, 40)}, which only a shell understands`
      return
    }
    this.#take(written.length)
    if (found.isText) this.#rest = found.text + this.#rest
    else this.#addValue(found.text)
  }

  /** Blanks of a value separate words, unless it is quoted. */
  #addValue(value: string): void {
    const parts = this.#isQuoted ? [value] : value.split(/\s+/)
    for (const [i, part] of parts.entries()) {
      if (i > 0) this.#endWord()
      if (part !== '' || this.#isQuoted) this.#add(part)
    }
  }

  #endWord(): void {
    if (this.#word === null) return
    if (this.#isRedirection) this.#redirections.push(this.#word)
    else this.#commands.at(-1)!.push(this.#word)
    this.#word = null
    this.#isRedirection = false
  }
}
