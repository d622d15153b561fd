/** The variables that take the place of `$NAME` and `${NAME:-default}`, and a list of what became of each. Pure, but for that list. */

type Source = Readonly<Record<string, string | undefined>>

const MAX_NAME = 100
/** A name, and what may stand behind it in braces: `:-default`. */
const BRACED = /^([A-Za-z_]\w*)(?:(:?[-+?=])([\s\S]*))?$/

export class Replacing {
  readonly #variables: Source
  /** By the name. Values may be secrets, and are not told. */
  readonly #became = new Map<string, string>()
  readonly #unset = new Set<string>()

  constructor(variables: Source) {
    this.#variables = variables
  }

  /** Empty, if there is none: then it is in `unset`. */
  get(name: string): string {
    const value = this.#variables[name]
    if (value === undefined) this.#unset.add(name)
    else this.#became.set(name, `$${name} became its value here`)
    return value ?? ''
  }

  /**
   * Of `${…}`: what is between the braces. `isText`: what comes may have variables in it, since it was written in the same place. Null:
   * only a shell understands it.
   */
  braced(inside: string): { readonly text: string; readonly isText: boolean } | null {
    const [whole, name, operator, word = ''] = BRACED.exec(inside) ?? []
    if (whole === undefined || name === undefined) return null
    if (operator === undefined) return { text: this.get(name), isText: false }
    const value = this.#variables[name]
    const isSet = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined
    if (operator.endsWith('+')) return { text: isSet ? word : '', isText: true }
    if (isSet || operator.endsWith('?')) return { text: this.get(name), isText: false }
    this.#became.set(name, `$${name} is not set, and became its default, '${word}'`)
    return { text: word, isText: true }
  }

  /** A text without quotes. `dollar`: what stands for a plain one there: `$$`, or `\\$`. */
  replaceIn(text: string, dollar: string): string {
    let done = ''
    for (let i = 0; i < text.length; i++) {
      const end = text.startsWith('${', i) ? closingBrace(text, i + 2) : -1
      const name = text[i] === '$' ? /^[A-Za-z_]\w*/.exec(text.slice(i + 1, i + 1 + MAX_NAME))?.[0] : undefined
      if (text.startsWith(dollar, i)) {
        done += '$'
        i += dollar.length - 1
      } else if (end >= 0) {
        const found = this.braced(text.slice(i + 2, end))
        done += found === null ? text.slice(i, end + 1) : found.isText ? this.replaceIn(found.text, dollar) : found.text
        i = end
      } else if (name !== undefined) {
        done += this.get(name)
        i += name.length
      } else done += text[i]!
    }
    return done
  }

  /** Names of variables that have neither a value nor a default. */
  get unset(): readonly string[] {
    return [...this.#unset]
  }

  get became(): readonly string[] {
    return [...this.#became.values()]
  }
}

/** Where the brace that opens before `begin` closes; those inside are pairs. -1: nowhere. */
export function closingBrace(text: string, begin: number): number {
  let open = 1
  for (let i = begin; i < text.length; i++) {
    if (text[i] === '{') open++
    else if (text[i] === '}' && --open === 0) return i
  }
  return -1
}
