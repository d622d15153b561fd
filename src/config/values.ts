/**
 * What was given for each setting, from all sources by their precedence, and the values that come of it. A value that is refused
 * becomes a diagnostic with its place. Runs in the command line, and in the master when it reloads.
 *
 * Invariant: each reading of a refused value makes a diagnostic, so `assemble.ts` reads each setting once.
 */
import { resolve } from 'node:path'
import type { Diagnostic } from './diagnostics.ts'
import { fromWorkingDirectory } from './machine/directory.ts'
import type { WorkingDirectory } from './machine/environment.ts'
import { SETTINGS } from './settings/index.ts'
import { type Group, isInput, isSetting, type Setting } from './settings/setting.ts'
import { formatPlace, type Given, type Origin, problemWith, wrongValue } from './sources/given.ts'

/** By the name of the setting. Has only settings that were given. */
export type Settings = ReadonlyMap<string, readonly Given[]>

/** `sources`: the first wins. A list comes as a whole from the first source that has it; only variables (`env`) are put together. */
export function merge(sources: readonly Settings[]): Settings {
  const merged = new Map<string, readonly Given[]>()
  for (const { name, kind } of SETTINGS) {
    const given = sources.flatMap(source => (source.has(name) ? [source.get(name)!] : []))
    if (given.length > 0) merged.set(name, kind.table === 'only' ? given.flat() : given[0]!)
  }
  return merged
}

/** A value with the text that it came from. */
export interface Taken<Value> {
  readonly value: Value
  readonly given: Given
}

/** A configuration while it is put together. */
interface Tree {
  [name: string]: unknown
}

export class Values {
  readonly diagnostics: Diagnostic[]
  readonly warnings: string[] = []
  readonly #settings: Settings
  readonly #where: WorkingDirectory

  constructor(settings: Settings, where: WorkingDirectory, diagnostics: Diagnostic[] = []) {
    this.#settings = settings
    this.#where = where
    this.diagnostics = diagnostics
  }

  isGiven(setting: Setting): boolean {
    return this.#settings.has(setting.name)
  }

  /** As it was given; undefined: it was not. `name`: of a setting. */
  given(name: string): readonly Given[] | undefined {
    return this.#settings.get(name)
  }

  /** The texts of the user, or the default as a user would write it. */
  givens(setting: Setting): readonly Given[] {
    const standard = setting.default?.split(setting.repeatable === 'commas' ? ',' : '\n') ?? []
    return this.#settings.get(setting.name) ?? standard.map(text => ({ text, origin: { from: 'default' } }))
  }

  /** The text with an absolute path in it. A relative path in a file starts at the directory of the file. */
  absolute(setting: Setting, { text, origin }: Given): string {
    const from = (path: string) =>
      origin.from === 'file' ? resolve(origin.directory, path) : fromWorkingDirectory(path, this.#where)
    return setting.kind.absolute?.(text, from) ?? text
  }

  /** The values that were not refused. */
  taken<Value>(setting: Setting<Value>): Taken<Value>[] {
    return this.givens(setting).flatMap(given => {
      const parsed = setting.kind.parse(this.absolute(setting, given))
      if ('value' in parsed) return [{ value: parsed.value, given }]
      this.refuse(setting, parsed.problem, given)
      return []
    })
  }

  all<Value>(setting: Setting<Value>): Value[] {
    return this.taken(setting).map(({ value }) => value)
  }

  /**
   * The only value; null if none was given and there is no default. If it was refused, the default takes its place, in a
   * configuration that nobody will see.
   */
  one<Value>(setting: Setting<Value>): Value {
    const values = this.all(setting)
    if (values.length > 0) return values[0]!
    if (setting.default === null) return null as Value
    return (setting.kind.parse(setting.default) as { readonly value: Value }).value
  }

  /** The values of the groups' plain settings, in the parts of the configuration. */
  plain<Plain>(groups: readonly Group[]): Plain {
    const values: Tree = {}
    for (const group of groups) this.#readGroup(group, values)
    return values as unknown as Plain
  }

  #readGroup(group: Group, into: Tree): void {
    for (const [name, member] of Object.entries(group)) {
      if (isSetting(member)) {
        if (!isInput(member)) into[name] = this.one(member)
        continue
      }
      const part = (into[name] ?? {}) as Tree
      into[name] = part
      this.#readGroup(member, part)
    }
  }

  refuse(setting: Setting, problem: string, given: Given = this.givens(setting)[0]!): void {
    this.diagnostics.push(wrongValue(setting, given, problem))
  }

  /** For a problem that is not about one value. `problem`: a phrase that follows the setting's name. */
  report(setting: Setting, problem: string, { origin }: Given = this.givens(setting)[0]!): void {
    this.diagnostics.push(problemWith(setting, origin, problem))
  }

  /** For a problem that is not about one setting. `problem`: a whole sentence. */
  tell({ file, position }: Extract<Origin, { readonly from: 'file' }>, problem: string): void {
    const subject = formatPlace(file, position)
    this.diagnostics.push({ subject, message: `${subject}: ${problem}` })
  }

  /** For a setting that is given and has no effect. `why`: as in `without body-timeout`. */
  warnUseless(isUseless: boolean, setting: Setting, why: string): void {
    if (isUseless && this.isGiven(setting)) this.warn(setting, `does nothing ${why}`)
  }

  /** For what is useless or surprising, but no error. */
  warn(setting: Setting, phrase: string, { origin }: Given = this.givens(setting)[0]!): void {
    this.warnings.push(problemWith(setting, origin, phrase).message)
  }
}
