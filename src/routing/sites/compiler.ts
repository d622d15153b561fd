/**
 * What compiling a configuration of sites needs everywhere: its variables, templates and regular expressions, and a list of what is wrong.
 * Runs in the gateway, which serves with the result, and in the master and the command line, which only look at the list.
 *
 * Invariant: each mistake is one problem with its place. After one, what is compiled does nothing, and nobody serves with it.
 */

import { networkOf } from '../../http/network.ts'
import { compilePattern, type Pattern } from '../../patterns/pattern.ts'
import { PatternError } from '../../patterns/pattern-error.ts'
import type { LimitUse, PatternText, Place } from '../../sites/model.ts'
import type { ListedPattern } from './pattern-list.ts'
import { isProblem, type Problem } from './problem.ts'
import type { Evaluate, LimitStep, LocationLogs, Matches, SiteRequest } from './site-request.ts'
import {
  type CompiledTemplate,
  compileTemplate,
  type Piece,
  type Resolve,
  type TemplateOptions,
  templatePieces,
} from './template.ts'
import { Variables } from './variables.ts'

export interface PlacedProblem {
  readonly place: Place
  /** A sentence. */
  readonly problem: string
}

const NEVER: ListedPattern<SiteRequest> = { edges: { shortest: 0, first: [], last: [] }, matches: () => false }
const NOTHING: CompiledTemplate = { constant: '', evaluate: () => '' }

/** Variables that mean something else in a text. */
type OwnVariables = ReadonlyMap<string, Evaluate>

interface CompilerOptions extends TemplateOptions {
  readonly own?: OwnVariables
}

const networkOfClient: Evaluate = ({ exchange: { peer } }) => networkOf(peer.address) || 'unix:'
const OF_CLIENT: OwnVariables = new Map([
  ['remote_addr', networkOfClient],
  ['binary_remote_addr', networkOfClient],
])

export class SiteCompiler {
  readonly variables = new Variables()
  readonly problems: PlacedProblem[] = []
  /** Of what is compiled now. */
  place: Place = { file: '', line: 1, column: 1 }
  /** Gives what writes the logs of a location; null: it has none of its own. */
  logs: (names: readonly string[] | null) => LocationLogs | null = () => null
  /** Gives the step of a location with these limits; null: it needs none. */
  limits: (uses: readonly LimitUse[]) => LimitStep | null = () => null
  /** Some text needs groups by their number. */
  #needsGroups = false
  readonly #onGroup = () => {
    this.#needsGroups = true
  }
  readonly #patterns = new Map<string, Pattern | null>()

  report(problem: string): void {
    this.problems.push({ place: this.place, problem })
  }

  template(text: string, options: CompilerOptions = {}): Evaluate {
    return this.compiledTemplate(text, options).evaluate
  }

  compiledTemplate(text: string, { own, ...options }: CompilerOptions = {}): CompiledTemplate {
    const compiled = compileTemplate(text, this.#resolve(own), { ...options, onGroup: this.#onGroup })
    return this.#right(text, compiled) ?? NOTHING
  }

  /** For a log, which puts them together itself. */
  pieces(text: string, own: OwnVariables): readonly Piece[] {
    return this.#right(text, templatePieces(text, this.#resolve(own), { onGroup: this.#onGroup })) ?? []
  }

  #resolve(own: OwnVariables | undefined): Resolve {
    return own === undefined ? this.variables.resolve : name => own.get(name) ?? this.variables.resolve(name)
  }

  #right<Compiled extends object>(text: string, compiled: Compiled | Problem): Compiled | null {
    if (!isProblem(compiled)) return compiled
    this.report(`'${text}' ${compiled.problem}`)
    return null
  }

  /** Of a limit: requests of one client have one text, though it may have a whole network of addresses. */
  keyTemplate(text: string): Evaluate {
    return this.template(text, { own: OF_CLIENT })
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
