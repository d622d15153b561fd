/**
 * What compiling a configuration of sites needs everywhere: its variables, templates and regular expressions, and a list of what is wrong.
 * Runs in the gateway, which serves with the result, and in the master and the command line, which only look at the list.
 *
 * Invariant: each mistake is one problem with its place. After one, what is compiled does nothing, and nobody serves with it.
 */

import { compilePattern, type Pattern } from '../../patterns/pattern.ts'
import { PatternError } from '../../patterns/pattern-error.ts'
import type { PatternText, Place } from '../../sites/model.ts'
import type { ListedPattern } from './pattern-list.ts'
import { isProblem } from './problem.ts'
import type { Evaluate, Matches, SiteRequest } from './site-request.ts'
import { type CompiledTemplate, compileTemplate, type TemplateOptions } from './template.ts'
import { Variables } from './variables.ts'

export interface PlacedProblem {
  readonly place: Place
  /** A sentence. */
  readonly problem: string
}

const NEVER: ListedPattern<SiteRequest> = { edges: { shortest: 0, first: [], last: [] }, matches: () => false }
const NOTHING: CompiledTemplate = { constant: '', evaluate: () => '' }

export class SiteCompiler {
  readonly variables = new Variables()
  readonly problems: PlacedProblem[] = []
  /** Of what is compiled now. */
  place: Place = { file: '', line: 1, column: 1 }
  /** Some text needs groups by their number. */
  #needsGroups = false
  readonly #onGroup = () => {
    this.#needsGroups = true
  }
  readonly #patterns = new Map<string, Pattern | null>()

  report(problem: string): void {
    this.problems.push({ place: this.place, problem })
  }

  template(text: string, options: TemplateOptions = {}): Evaluate {
    return this.compiledTemplate(text, options).evaluate
  }

  compiledTemplate(text: string, options: TemplateOptions = {}): CompiledTemplate {
    const compiled = compileTemplate(text, this.variables.resolve, { ...options, onGroup: this.#onGroup })
    if (!isProblem(compiled)) return compiled
    this.report(`'${text}' ${compiled.problem}`)
    return NOTHING
  }

  /** A variable that has a value of its own. */
  define(name: string): number {
    const index = this.variables.define(name)
    if (typeof index === 'number') return index
    this.report(`this ${index.problem}`)
    return 0
  }

  /** Its named groups are variables. */
  pattern(text: PatternText): Matches {
    return this.listedPattern(text).matches
  }

  listedPattern(text: PatternText): ListedPattern<SiteRequest> {
    const compiled = this.compiledPattern(text)
    if (compiled === null) return NEVER
    const named = [...compiled.names].map(([name, group]) => ({ name, group, index: this.define(name) }))
    // Known when the first request comes: no text that stands behind can need them then.
    let keeps: boolean | null = null
    const matches: Matches = (request, subject) => {
      keeps ??= this.#needsGroups || named.some(({ name }) => this.variables.isUsed(name))
      if (!keeps) return compiled.test(subject)
      const captures = compiled.exec(subject)
      if (captures === null) return false
      request.captures = captures
      for (const { group, index } of named) request.values[index] = captures[group] ?? ''
      return true
    }
    return { edges: compiled.edges, matches }
  }

  /** Null: it is wrong, and told. One and the same text is compiled once. */
  compiledPattern(text: PatternText): Pattern | null {
    const key = `${text.ignoresCase} ${text.source}`
    const known = this.#patterns.get(key)
    if (known !== undefined) return known
    const compiled = compilePattern(text.source, { caseInsensitive: text.ignoresCase })
    const pattern = compiled instanceof PatternError ? null : compiled
    if (compiled instanceof PatternError)
      this.report(`the regular expression '${text.source}', character ${compiled.offset + 1}: ${compiled.message}`)
    this.#patterns.set(key, pattern)
    return pattern
  }
}
