/**
 * Settings from one table of a file: its top level, an `[[app]]`, an `[[app.pool]]`. Runs in the command line, and in the master when it
 * reloads.
 *
 * Invariants: only the TOML type of a value is checked here. Every problem has its place in the file. Each value has the file's directory
 * with it, at which relative paths start.
 */
import type { Diagnostic } from '../diagnostics.ts'
import { enumerate } from '../kinds/kinds.ts'
import { joinPair } from '../kinds/pair.ts'
import { NAMES_OF_TABLES } from '../settings/named-tables.ts'
import type { Setting } from '../settings/setting.ts'
import { formatPlace, type Given, type Origin, type Position, problemWith, splitCommas } from './given.ts'
import { type TomlTable, type TomlValue, tablesOf } from './toml.ts'
import { explainUnknown, type Level, settingsOf } from './unknown-keys.ts'

const OF_SITES: ReadonlySet<string> = new Set(['site', ...NAMES_OF_TABLES])

export type FileOrigin = Extract<Origin, { readonly from: 'file' }>

/** Reads the tables of one file. */
export class TableReader {
  readonly #file: string
  readonly #directory: string
  readonly diagnostics: Diagnostic[] = []
  #values = new Map<string, Given[]>()
  #level: Level = 'top'

  constructor(file: string, directory: string) {
    this.#file = file
    this.#directory = directory
  }

  /** What the table gives, by name. Tables in it that are of another level (`lists`) are left out. */
  read(table: TomlTable, level: Level, lists: readonly string[]): ReadonlyMap<string, readonly Given[]> {
    this.#values = new Map()
    this.#level = level
    const known = settingsOf(level)
    for (const [name, { key, value }] of table.entries) {
      if (lists.includes(name) && tablesOf(value) !== null) continue
      if (name === 'app' && level === 'app' && tablesOf(value) !== null) {
        this.report(key, explainUnknown(name, value, level))
        this.#values.set(name, [])
        continue
      }
      // `limits` and `logs` are settings, too: of locations.
      if (OF_FILE.includes(level) && OF_SITES.has(name.slice(0, -1)) && name.endsWith('s') && this.#isHeader(value)) {
        this.report(key, `there is no table [[${name}]]; did you mean [[${name.slice(0, -1)}]]?`)
        continue
      }
      const setting = known.find(one => one.name === name)
      if (setting === undefined || lists.includes(name)) this.#readOther(name, key, value, level, setting)
      else this.#readSetting(setting, value)
    }
    return this.#values
  }

  /** `problem`: a whole sentence. */
  report(position: Position, problem: string): void {
    const subject = formatPlace(this.#file, position)
    this.diagnostics.push({ subject, message: `${subject}: ${problem}` })
  }

  #readOther(name: string, key: Position, value: TomlValue, level: Level, setting: Setting | undefined): void {
    if (name === 'app' && value.kind === 'table')
      this.report(key, 'an application is a table in two brackets, [[app]], since there may be several')
    else if (name === 'tls' && value.kind === 'table')
      this.report(key, 'a certificate is a table in two brackets, [[tls]], since there may be several')
    else if (OF_SITES.has(name) && OF_FILE.includes(level) && value.kind === 'table')
      this.report(
        key,
        `${name === 'upstream' ? 'an' : 'a'} ${name} is a table in two brackets, [[${name}]], since there may be several`,
      )
    else if (setting !== undefined) this.#readSetting(setting, value)
    else this.report(key, explainUnknown(name, value, level))
  }

  #readSetting(setting: Setting, value: TomlValue): void {
    if (value.kind === 'table' && setting.kind.table !== undefined) this.#readTable(setting, value)
    else if (value.kind === 'array' && setting.repeatable && setting.kind.table !== 'only' && !this.#isHeader(value)) {
      if (value.elements.length === 0) this.#reportEmpty(setting, value.position)
      for (const element of value.elements) this.#readOne(setting, element)
    } else this.#readOne(setting, value)
  }

  /** `[[bind]]`: its first table has the place of the list. */
  #isHeader(value: TomlValue): boolean {
    const [first] = tablesOf(value) ?? []
    return first !== undefined && first.position === value.position
  }

  #readOne(setting: Setting, value: TomlValue): void {
    const { literals } = setting.kind
    const isAllowed =
      value.kind === 'string' ||
      (value.kind === 'false' && literals.includes('boolean')) ||
      literals.some(one => one === value.kind)
    if (!('text' in value) || !isAllowed || setting.kind.table === 'only') this.#reportKind(setting, value)
    else for (const text of splitCommas(setting, value.text, 'file')) this.#add(setting, text, value.position)
  }

  /** `KEY=VALUE` for each entry: text as it is, booleans as `true` and `false`. */
  #readTable(setting: Setting, table: TomlTable): void {
    for (const [name, { key, value }] of table.entries) {
      const what = `must be text, a number, true or false, not ${describeKind(value)}`
      if (!('text' in value))
        this.diagnostics.push(problemWith(setting, this.origin(value.position), `${name} ${what}`))
      else if (value.kind === 'boolean' || value.kind === 'false')
        this.#add(setting, joinPair(name, String(value.kind === 'boolean')), key)
      else this.#add(setting, joinPair(name, value.text), key)
    }
  }

  #add(setting: Setting, text: string, position: Position): void {
    const before = this.#values.get(setting.name)
    const given = { text, origin: this.origin(position) }
    // A table may have 100,000 entries.
    if (before === undefined) this.#values.set(setting.name, [given])
    else before.push(given)
  }

  #reportKind(setting: Setting, value: TomlValue): void {
    // An application whose `app` is a number has one mistake, and does not lack `app` as well.
    if (this.#level !== 'top' && !this.#values.has(setting.name)) this.#values.set(setting.name, [])
    const allowed =
      setting.kind.table === 'only' ? `a table, as in ${setting.name} = { KEY = "value" }` : describeAllowed(setting)
    this.diagnostics.push(
      problemWith(setting, this.origin(value.position), `must be ${allowed}, not ${describeKind(value)}`),
    )
  }

  /** `trusted-proxies = []` looks as if nobody were trusted, and would mean the default. */
  #reportEmpty(setting: Setting, position: Position): void {
    const standard = setting.defaultText ?? setting.default?.replaceAll(',', ', ')
    const why = this.#level === 'pool' ? 'it must have one at least' : `without the line it is ${standard}`
    const problem = `must not be an empty list: ${why}`
    this.diagnostics.push(problemWith(setting, this.origin(position), problem))
  }

  origin(position: Position): FileOrigin {
    return { from: 'file', file: this.#file, directory: this.#directory, position }
  }
}

/** The top level of a file. */
const OF_FILE: readonly Level[] = ['top', 'included']

/** `text in quotes, a number, or a list of them`. */
function describeAllowed({ kind, repeatable }: Setting): string {
  const words = [
    'text in quotes',
    ...(kind.literals.includes('integer') ? ['a number'] : []),
    ...(kind.literals.includes('boolean') ? ['true'] : []),
    ...(kind.literals.some(one => one === 'boolean' || one === 'false') ? ['false'] : []),
    ...(kind.table ? ['a table'] : []),
  ]
  return repeatable ? `${words.join(', ')}, or a list of them` : enumerate(words)
}

function describeKind(value: TomlValue): string {
  switch (value.kind) {
    case 'table':
      return 'a table'
    case 'array':
      return tablesOf(value) === null ? 'a list' : 'a list of tables'
    case 'other':
      return value.what
    case 'boolean':
      return 'true'
    case 'false':
      return 'false'
    case 'string':
      return 'text'
    default:
      return `the number ${value.text}`
  }
}
