/**
 * Finds and reads the configuration's files: `--config`, else `jumak.toml` of the working directory, else `[tool.jumak]` of its
 * `pyproject.toml`; and the files that `include` names there. Keys are the names of settings (`table-reader.ts`). Runs in the command line,
 * and in the master when it reloads.
 *
 * Invariants: each file is read once and is of a bounded size. Every problem has its place in a file, or names the setting that named it.
 */
import { basename, dirname, join, resolve } from 'node:path'
import { closest } from '../../base/closest.ts'
import type { Diagnostic } from '../diagnostics.ts'
import { logicalWorkingDirectory } from '../machine/directory.ts'
import type { Environment } from '../machine/environment.ts'
import { isFile, readText } from '../machine/files.ts'
import { application } from '../settings/application.ts'
import { include } from '../settings/tables.ts'
import { type FileApp, type FileTable, type Givens, readAppTables, readTlsTables } from './app-tables.ts'
import { formatPlace, wrongValue } from './given.ts'
import { describeEmpty, readIncluded, TABLES } from './included-files.ts'
import { openFile } from './open-file.ts'
import { type FileSites, joinSites, NO_SITES, readSiteTables, withoutDefaults } from './site-tables.ts'
import { TableReader } from './table-reader.ts'
import { parseToml, type TomlTable, type TomlValue, tablesOf } from './toml.ts'

const FILE = 'jumak.toml'
const PROJECT = 'pyproject.toml'

export interface FromFile {
  /** Its path as messages show it. Null: there is no file. */
  readonly file: string | null
  /** The settings at the top of the file. */
  readonly values: Givens
  /** The tables `[[app]]`, then those of included files. */
  readonly apps: readonly FileApp[]
  /** The tables `[[tls]]`, in the same order. */
  readonly tls: readonly FileTable[]
  /** The tables `[[site]]`, and those that sites use, in the same order. */
  readonly sites: FileSites
  /** Absolute paths of all files that are read, also of those that are wrong; the name of an included one may have a `*`. */
  readonly patterns: readonly string[]
  readonly diagnostics: readonly Diagnostic[]
  readonly warnings: readonly string[]
  /** No application was found in it, and a mistake in it may be the reason. */
  readonly mayHaveApps: boolean
}

/** There is no file. */
export const NOTHING: FromFile = {
  file: null,
  values: new Map(),
  apps: [],
  tls: [],
  sites: NO_SITES,
  patterns: [],
  diagnostics: [],
  warnings: [],
  mayHaveApps: false,
}

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
    ? { ...read, warnings: [`[tool.jumak] of ${PROJECT} is not read, because there is a ${FILE}`, ...read.warnings] }
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
  const opened = openFile(path, cwd)
  const { file } = opened
  const at = { file, patterns: [resolve(path)] }
  if ('problem' in opened) return { ...NOTHING, ...at, diagnostics: [explain(opened.problem)], mayHaveApps: true }
  if ('diagnostic' in opened) return { ...NOTHING, ...at, diagnostics: [opened.diagnostic], mayHaveApps: true }
  const table = basename(path) === PROJECT ? ownTable(opened.root) : opened.root
  if (table === null)
    return { ...NOTHING, ...at, diagnostics: [explain(`must have a table [tool.jumak], and '${path}' has none`)] }
  const reader = new TableReader(file, dirname(resolve(path)))
  const top = reader.read(table, 'top', TABLES)
  const included = readIncluded(top.get(include.name) ?? [], cwd)
  const values = new Map(withoutDefaults(top))
  values.delete(include.name)
  const apps = [...readAppTables(table, reader), ...included.apps]
  const tls = [...readTlsTables(table, reader), ...included.tls]
  const sites = joinSites(readSiteTables(table, reader, top), included.sites)
  const diagnostics = [...reader.diagnostics, ...included.diagnostics]
  // Without the files that were to name it, another application would be found and served.
  const isNothing = apps.length === 0 && sites.sites.length === 0 && !values.has(application.app.name)
  if (isNothing)
    diagnostics.push(...included.empty.map(one => wrongValue(include, one, 'must match a file that exists')))
  const warnings = isNothing ? [] : included.empty.map(describeEmpty)
  const mayHaveApps = apps.length === 0 && diagnostics.length > 0 && meansApps(table)
  const patterns = [...at.patterns, ...included.patterns]
  return { file, values, apps, tls, sites, patterns, diagnostics, warnings, mayHaveApps }
}

const OTHER_TABLES: readonly string[] = TABLES.filter(name => name !== 'app')

/** `include`, `[app]`, or any table in two brackets: `[[apps]]`. */
function meansApps({ entries }: TomlTable): boolean {
  const isApps = ([name, { value }]: readonly [string, { readonly value: TomlValue }]) =>
    name === include.name ||
    (name === 'app' && value.kind === 'table') ||
    (!OTHER_TABLES.includes(name) && tablesOf(value) !== null)
  return entries.entries().some(isApps)
}

function ownTable(root: TomlTable): TomlTable | null {
  const tool = root.entries.get('tool')?.value
  const own = tool?.kind === 'table' ? tool.entries.get('jumak')?.value : undefined
  return own?.kind === 'table' ? own : null
}
