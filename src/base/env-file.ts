/**
 * Reads the text of `.env` files: lines `NAME=value`, the subset that docker, systemd and python-dotenv share. Pure. Runs in the master,
 * and in the command line for `--check`.
 *
 *     # comment                      export NAME=value
 *     NAME=value # comment           NAME='as it is, $ and \n too'
 *     NAME=                          NAME="with \n \t \r \" \\ \$, over several lines"
 *
 * Nothing is interpolated: `$OTHER` stays `$OTHER`. When a name comes twice, the last line counts.
 */

export interface EnvFileError {
  readonly line: number
  readonly message: string
}

export type EnvFileResult =
  | { readonly variables: Record<string, string> }
  | { readonly errors: readonly EnvFileError[] }

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$', '\n': '' }

/** Returns all errors at once. `line` counts from 1. */
export function parseEnvFile(text: string): EnvFileResult {
  const reader = new Reader(text.replace(/^\ufeff/, '').replaceAll('\r\n', '\n'))
  return reader.errors.length > 0 ? { errors: reader.errors } : { variables: Object.fromEntries(reader.variables) }
}

class Reader {
  readonly variables = new Map<string, string>()
  readonly errors: EnvFileError[] = []
  readonly #text: string
  #at = 0
  #line = 1

  constructor(text: string) {
    this.#text = text
    while (this.#at < text.length) this.#readLine()
  }

  #readLine(): void {
    const line = this.#line
    const start = this.#restOfLine()
    const content = start.trim()
    if (content === '' || content.startsWith('#')) {
      this.#skipLine()
      return
    }
    const equals = start.indexOf('=')
    const name = nameBefore(start.slice(0, Math.max(0, equals)))
    const problem = equals < 0 ? `there is no '=' after '${cut(content)}'` : checkName(name)
    if (problem !== null) {
      this.errors.push({ line, message: problem })
      this.#skipLine()
      return
    }
    this.#at += equals + 1
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t') this.#at++
    const value = this.#readValue(line)
    if (value !== null) this.variables.set(name, value)
    this.#skipLine()
  }

  /** Null: the value is wrong, and `errors` says why. */
  #readValue(line: number): string | null {
    const quote = this.#text[this.#at]
    if (quote !== '"' && quote !== "'") return checkValue(unquoted(this.#restOfLine()), line, this.errors)
    const end = this.#findQuote(quote)
    if (end < 0) {
      this.errors.push({ line, message: `the ${quote} is never closed` })
      return null
    }
    const raw = this.#text.slice(this.#at + 1, end)
    this.#line += raw.split('\n').length - 1
    this.#at = end + 1
    const behind = this.#restOfLine().trim()
    if (behind !== '' && !behind.startsWith('#')) {
      this.errors.push({ line: this.#line, message: `'${cut(behind)}' stands after the closing ${quote}` })
      return null
    }
    return checkValue(quote === "'" ? raw : readEscapes(raw), line, this.errors)
  }

  #findQuote(quote: string): number {
    for (let at = this.#at + 1; at < this.#text.length; at++) {
      if (this.#text[at] === quote) return at
      if (quote === '"' && this.#text[at] === '\\') at++
    }
    return -1
  }

  #restOfLine(): string {
    const end = this.#text.indexOf('\n', this.#at)
    return this.#text.slice(this.#at, end < 0 ? undefined : end)
  }

  #skipLine(): void {
    this.#at += this.#restOfLine().length + 1
    this.#line++
  }
}

/** `export NAME` and `NAME` are the same. */
function nameBefore(equals: string): string {
  const text = equals.trimStart()
  return (/^export\s/.test(text) ? text.slice('export'.length) : text).trim()
}

function checkName(name: string): string | null {
  if (name === '') return "there is no name before '='"
  return NAME.test(name) ? null : `'${cut(name)}' is not a valid variable name: use letters, digits and _`
}

function checkValue(value: string, line: number, errors: EnvFileError[]): string | null {
  if (!value.includes('\0')) return value
  errors.push({ line, message: 'the value has a NUL: no variable can have one' })
  return null
}

/** Up to a comment, which needs a space before it: `#` alone may be a part of a password. */
function unquoted(text: string): string {
  const comment = text.startsWith('#') ? 0 : text.search(/\s#/)
  return (comment < 0 ? text : text.slice(0, comment)).trim()
}

/** An unknown escape stays as it is: paths and patterns have backslashes. */
function readEscapes(text: string): string {
  return text.replace(/\\([\s\S])/g, (both, next: string) => ESCAPES[next] ?? both)
}

function cut(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
