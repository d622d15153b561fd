/**
 * Text with variables, compiled once to a function. `$name`, `${name}`, and `$1` to `$9` for the groups of the last regular expression that
 * matched. Runs in the gateway for each request that needs the text; compiled there, and in the master and the command line to check it.
 * Pure.
 *
 * Not here: what a variable means (`variables.ts`).
 */
import { bytesOf } from '../../base/bytes.ts'
import { percentEncoded } from '../../http/path.ts'
import { isProblem, type Problem } from './problem.ts'
import type { Evaluate } from './site-request.ts'

/** Gives the function of a variable, or says why there is none. */
export type Resolve = (name: string) => Evaluate | Problem

export interface CompiledTemplate {
  /** The text, if there is no variable in it. */
  readonly constant: string | null
  readonly evaluate: Evaluate
}

export interface TemplateOptions {
  /** Called if the text needs a group of the last regular expression. */
  readonly onGroup?: () => void
  /** Groups go into a query or a URL: what the client had escaped is escaped again. */
  readonly escapesGroups?: boolean
}

type Piece = string | Evaluate

/** A problem follows the name of what was compiled: `names the variable $x, which …`. */
export function compileTemplate(
  text: string,
  resolve: Resolve,
  options: TemplateOptions = {},
): CompiledTemplate | Problem {
  const pieces = parse(text, resolve, options)
  if (!Array.isArray(pieces)) return pieces
  const [first = '', second] = pieces
  if (second === undefined)
    return typeof first === 'string' ? { constant: first, evaluate: () => first } : { constant: null, evaluate: first }
  return {
    constant: null,
    evaluate: request => {
      let value = ''
      for (const piece of pieces) value += typeof piece === 'string' ? piece : piece(request)
      return value
    },
  }
}

/** The part of a template that looks like a variable. */
const VARIABLE = /\$(?:\{(\w+)\}|(\d|[A-Za-z_]\w*))/y

/** Where the text can be cut in two: the first character that is no variable's. -1: it is nowhere. */
export function indexInText(text: string, character: string): number {
  for (let at = 0; at < text.length; at++) {
    if (text[at] === character) return at
    if (text[at] !== '$') continue
    VARIABLE.lastIndex = at
    if (VARIABLE.test(text)) at = VARIABLE.lastIndex - 1
  }
  return -1
}

function parse(text: string, resolve: Resolve, { escapesGroups = false, onGroup }: TemplateOptions): Piece[] | Problem {
  const pieces: Piece[] = []
  let literal = ''
  let at = 0
  while (at < text.length) {
    const dollar = text.indexOf('$', at)
    literal += text.slice(at, dollar < 0 ? text.length : dollar)
    if (dollar < 0) break
    VARIABLE.lastIndex = dollar
    const found = VARIABLE.exec(text)
    if (found === null) return { problem: 'has a $ that no name of a variable follows' }
    const name = found[1] ?? found[2]!
    const isGroup = /^\d$/.test(name)
    if (isGroup) onGroup?.()
    const value = isGroup ? group(Number(name), escapesGroups) : resolve(name)
    if (isProblem(value)) return value
    if (literal !== '') pieces.push(bytesOf(literal))
    literal = ''
    pieces.push(value)
    at = VARIABLE.lastIndex
  }
  if (literal !== '') pieces.push(bytesOf(literal))
  return pieces
}

/** What nginx escapes in a group that goes into a query. */
const NOT_IN_ARGUMENT = /[\x00-\x20"#%&+;<>?[\\\]^`{|}\x7f-\xff]/g

function group(number: number, escapesGroups: boolean): Evaluate {
  if (!escapesGroups) return ({ captures }) => captures?.[number] ?? ''
  return ({ captures, hasEscapes }) => {
    const value = captures?.[number] ?? ''
    return hasEscapes ? value.replace(NOT_IN_ARGUMENT, percentEncoded) : value
  }
}
