/**
 * Settings from a file: `--config`, else `jumak.toml` of the working directory, else `[tool.jumak]` of its `pyproject.toml`.
 * Keys are the names of settings, at the top level or in that table. Runs in the command line, and in the master when it reloads.
 *
 * Invariants: only the TOML type of a value is checked here. Every problem has its place in the file. Each value has the file's directory
 * with it, at which relative paths start.
 */
import { readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { closest } from '../../base/closest.ts'
import type { Diagnostic } from '../diagnostics.ts'
import { meantName } from '../hints/meant-name.ts'
import { foreignName } from '../hints/other-servers.ts'
import { describe } from '../hints/rewrite.ts'
import { enumerate } from '../kinds/kinds.ts'
import { logicalWorkingDirectory } from '../machine/directory.ts'
import type { Environment } from '../machine/environment.ts'
import { isFile, readText, statOrNull } from '../machine/files.ts'
import { SETTINGS } from '../settings/index.ts'
import { isFrom, type Setting } from '../settings/setting.ts'
import { formatPlace, type Given, type Origin, type Position, problemWith, splitCommas } from './given.ts'
import { parseToml, type TomlTable, type TomlValue } from './toml.ts'

const FILE = 'jumak.toml'
const PROJECT = 'pyproject.toml'
/** No project has a larger file. A path to something else by mistake must not fill the memory. */
const MAX_BYTES = 4 * 1024 * 1024

const READ: readonly Setting[] = SETTINGS.filter(setting => isFrom(setting, 'file'))

export interface FromFile {
  /** Its path as messages show it. Null: there is no file. */
  readonly file: string | null
  readonly values: ReadonlyMap<string, readonly Given[]>
  readonly diagnostics: readonly Diagnostic[]
  readonly warnings: readonly string[]
}

const NOTHING: FromFile = { file: null, values: new Map(), diagnostics: [], warnings: [] }

/** `explicit`: absolute path from the user; null: look for a file. `label`: the name of that setting in messages. */
export function readConfigFile(explicit: string | null, label: string, environment: Environment): FromFile {
  // Symbolic links are kept: after a switch they lead to the file of the new release.
  const cwd = logicalWorkingDirectory(environment)
  if (explicit !== null) return readFile(explicit, cwd, problem => ({ subject: label, message: `${label} ${problem}` }))
  const [own, project] = [join(cwd, FILE), join(cwd, PROJECT)]
  if (!isFile(own)) return isFile(project) ? readProject(project, cwd) : NOTHING
  const read = readFile(own, cwd, problem => ({ subject: FILE, message: `${FILE} ${problem}` }))
  const isIgnored = mentionsUs(readText(project) ?? '')
  return isIgnored
    ? { ...read, warnings: [`[tool.jumak] of ${PROJECT} is not read, because there is a ${FILE}`] }
    : read
}

/** Other tools have this file, too. Its mistakes count only if it has our table. */
function readProject(path: string, cwd: string): FromFile {
  const text = readText(path) ?? ''
  const parsed = parseToml(text)
  const isOurs = 'message' in parsed ? mentionsUs(text) : ownTable(parsed) !== null
  if (!isOurs) return 'message' in parsed ? NOTHING : { ...NOTHING, warnings: misspeltTables(parsed) }
  return readFile(path, cwd, problem => ({ subject: PROJECT, message: `${PROJECT} ${problem}` }))
}

/** `[tool.jumack]`: no other tool warns about it. */
function misspeltTables(root: TomlTable): string[] {
  const tools = root.entries.get('tool')?.value
  if (tools?.kind !== 'table') return []
  return [...tools.entries]
    .filter(([name]) => name.length >= SHORTEST_MISSPELT && closest(name.toLowerCase(), ['jumak']) !== null)
    .map(([name, { key }]) => `${formatPlace(PROJECT, key)}: [tool.${name}] is not read; did you mean [tool.jumak]?`)
}

/** Shorter names are near to too many words. */
const SHORTEST_MISSPELT = 4

function mentionsUs(text: string): boolean {
  return /^[ \t]*\[[ \t]*["']?tool["']?[ \t]*\.[ \t]*["']?jumak["']?[ \t]*[.\]]/m.test(text)
}

function readFile(path: string, cwd: string, explain: (problem: string) => Diagnostic): FromFile {
  const shown = relative(cwd, path)
  const file = shown.startsWith('..') ? path : shown
  const fail = (...diagnostics: Diagnostic[]): FromFile => ({ ...NOTHING, file, diagnostics })
  // Files of gunicorn and uWSGI.
  if (/\.(?:py|ini|yaml|yml)$|^python:/.test(basename(path)))
    return fail(explain(`must name a TOML file: write what stands in '${basename(path)}' as keys of a jumak.toml`))
  const stats = statOrNull(path)
  if (!stats?.isFile()) return fail(explain(`must name a file that exists, not '${path}'`))
  if (stats.size > MAX_BYTES) return fail(explain(`must name a file of less than ${MAX_BYTES} bytes, not '${path}'`))
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
  } catch (error) {
    const isEncoding = error instanceof TypeError
    const problem = isEncoding ? 'must be UTF-8, as all TOML' : `must be readable (${(error as Error).message})`
    return fail(explain(`${problem}, not '${path}'`))
  }
  const parsed = parseToml(text)
  if ('message' in parsed) {
    const subject = formatPlace(file, parsed.position)
    return fail({ subject, message: `${subject}: ${parsed.message}` })
  }
  const table = basename(path) === PROJECT ? ownTable(parsed) : parsed
  if (table === null) return fail(explain(`must have a table [tool.jumak], and '${path}' has none`))
  return { file, warnings: [], ...new FileReader(file, dirname(resolve(path))).read(table) }
}

function ownTable(root: TomlTable): TomlTable | null {
  const tool = root.entries.get('tool')?.value
  const own = tool?.kind === 'table' ? tool.entries.get('jumak')?.value : undefined
  return own?.kind === 'table' ? own : null
}

/** Reads one table of settings. */
class FileReader {
  readonly #file: string
  readonly #directory: string
  readonly #values = new Map<string, Given[]>()
  readonly #diagnostics: Diagnostic[] = []

  constructor(file: string, directory: string) {
    this.#file = file
    this.#directory = directory
  }

  read(table: TomlTable): Pick<FromFile, 'values' | 'diagnostics'> {
    for (const [name, { key, value }] of table.entries) {
      const setting = READ.find(one => one.name === name)
      if (setting === undefined) this.#reportUnknown(name, key, value)
      else this.#readSetting(setting, value)
    }
    return { values: this.#values, diagnostics: this.#diagnostics }
  }

  #readSetting(setting: Setting, value: TomlValue): void {
    if (value.kind === 'table' && setting.kind.table !== undefined) this.#readTable(setting, value)
    else if (value.kind === 'array' && setting.repeatable) {
      if (value.elements.length === 0) this.#reportEmpty(setting, value.position)
      for (const element of value.elements) this.#readOne(setting, element)
    } else this.#readOne(setting, value)
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
        this.#diagnostics.push(problemWith(setting, this.#origin(value.position), `${name} ${what}`))
      else if (value.kind === 'boolean' || value.kind === 'false')
        this.#add(setting, `${name}=${value.kind === 'boolean'}`, key)
      else this.#add(setting, `${name}=${value.text}`, key)
    }
  }

  #add(setting: Setting, text: string, position: Position): void {
    const before = this.#values.get(setting.name) ?? []
    this.#values.set(setting.name, [...before, { text, origin: this.#origin(position) }])
  }

  #reportKind(setting: Setting, value: TomlValue): void {
    const allowed = setting.kind.table === 'only' ? 'a table' : describeAllowed(setting)
    this.#diagnostics.push(
      problemWith(setting, this.#origin(value.position), `must be ${allowed}, not ${describeKind(value)}`),
    )
  }

  /** `trusted-proxies = []` looks as if nobody were trusted, and would mean the default. */
  #reportEmpty(setting: Setting, position: Position): void {
    const standard = setting.defaultText ?? setting.default?.replaceAll(',', ', ')
    const problem = `must not be an empty list: without the line it is ${standard}`
    this.#diagnostics.push(problemWith(setting, this.#origin(position), problem))
  }

  #origin(position: Position): Origin {
    return { from: 'file', file: this.#file, directory: this.#directory, position }
  }

  #reportUnknown(name: string, key: Position, value: TomlValue): void {
    const subject = formatPlace(this.#file, key)
    const what = value.kind === 'table' ? `table [${name}]` : `setting ${name}`
    this.#diagnostics.push({ subject, message: `${subject}: there is no ${what}${hint(name, value)}` })
  }
}

function hint(name: string, value: TomlValue): string {
  if (name === 'config') return ': a file cannot name another one'
  const meant = meantName(
    name,
    READ.map(one => one.name),
  )
  const setting = READ.find(one => one.name === meant)
  // A table that only groups known settings.
  const isGroup = value.kind === 'table' && [...value.entries.keys()].some(key => READ.some(one => one.name === key))
  if (isGroup || name === 'tool' || name === 'jumak') return '; write settings at the top of the file, without a table'
  if (setting === undefined) {
    const foreign = foreignName(name)
    return foreign === null ? '' : `: ${describe(foreign.advise('…'))}`
  }
  return `; did you mean ${value.kind === 'table' ? `[${setting.name}]` : setting.name}?`
}

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
      return 'a list'
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
