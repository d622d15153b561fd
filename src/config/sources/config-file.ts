/**
 * Finds and opens the configuration's files: `--config`, else `jumak.toml` of the working directory, else `[tool.jumak]` of its
 * `pyproject.toml`; and the files that `include` names there. Keys are the names of settings (`table-reader.ts`). Runs in the command line,
 * and in the master when it reloads.
 *
 * Invariants: each file is read once and is of a bounded size. Every problem has its place in a file, or names the setting that named it.
 */
import { readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { closest } from '../../base/closest.ts'
import type { Diagnostic } from '../diagnostics.ts'
import { logicalWorkingDirectory } from '../machine/directory.ts'
import type { Environment } from '../machine/environment.ts'
import { isFile, readText, statOrNull } from '../machine/files.ts'
import { include } from '../settings/tables.ts'
import { type FileApp, type FileTable, type Givens, readApp, readAppTables, readTlsTables } from './app-tables.ts'
import { formatPlace, type Given, problemWith, wrongValue } from './given.ts'
import { findIncluded } from './include.ts'
import { type FileSites, readSiteTables } from './site-tables.ts'
import { TableReader } from './table-reader.ts'
import { parseToml, type TomlTable, type TomlValue, tablesOf } from './toml.ts'

const FILE = 'jumak.toml'
const PROJECT = 'pyproject.toml'
/** No project has a larger file. A path to something else by mistake must not fill the memory. */
const MAX_BYTES = 4 * 1024 * 1024

export interface FromFile {
  /** Its path as messages show it. Null: there is no file. */
  readonly file: string | null
  /** The settings at the top of the file. */
  readonly values: Givens
  /** The tables `[[app]]`, then the included files. */
  readonly apps: readonly FileApp[]
  /** The tables `[[tls]]`. */
  readonly tls: readonly FileTable[]
  /** The tables `[[site]]`, `[[map]]` and `[[upstream]]`. */
  readonly sites: FileSites
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
  sites: { sites: [], maps: [], upstreams: [] },
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
  const opened = openFile(path, cwd)
  const { file } = opened
  if ('problem' in opened) return { ...NOTHING, file, diagnostics: [explain(opened.problem)], mayHaveApps: true }
  if ('diagnostic' in opened) return { ...NOTHING, file, diagnostics: [opened.diagnostic], mayHaveApps: true }
  const table = basename(path) === PROJECT ? ownTable(opened.root) : opened.root
  if (table === null)
    return { ...NOTHING, file, diagnostics: [explain(`must have a table [tool.jumak], and '${path}' has none`)] }
  const reader = new TableReader(file, dirname(resolve(path)))
  const values = new Map(reader.read(table, 'top', ['app', 'tls', 'site', 'map', 'upstream']))
  const included = readIncluded(values.get(include.name) ?? [], cwd)
  values.delete(include.name)
  const apps = [...readAppTables(table, reader), ...included.apps]
  const tls = readTlsTables(table, reader)
  const sites = readSiteTables(table, reader)
  const diagnostics = [...reader.diagnostics, ...included.diagnostics]
  const mayHaveApps = apps.length === 0 && diagnostics.length > 0 && meansApps(table)
  return { file, values, apps, tls, sites, diagnostics, warnings: [], mayHaveApps }
}

const OTHER_TABLES: readonly string[] = ['tls', 'site', 'map', 'upstream']

/** `include`, `[app]`, or any table in two brackets: `[[apps]]`. */
function meansApps({ entries }: TomlTable): boolean {
  const isApps = ([name, { value }]: readonly [string, { readonly value: TomlValue }]) =>
    name === include.name ||
    (name === 'app' && value.kind === 'table') ||
    (!OTHER_TABLES.includes(name) && tablesOf(value) !== null)
  return entries.entries().some(isApps)
}

/** Each file is one application. Its name is the file's, unless it says another one. */
function readIncluded(patterns: readonly Given[], cwd: string): Pick<FromFile, 'apps' | 'diagnostics'> {
  const apps: FileApp[] = []
  const diagnostics: Diagnostic[] = []
  const seen = new Set<string>()
  for (const pattern of patterns) {
    const { text, origin } = pattern
    const explain = (problem: string) => wrongValue(include, pattern, problem)
    if (origin.from !== 'file') continue
    const found = findIncluded(resolve(origin.directory, text))
    if ('problem' in found) diagnostics.push(explain(found.problem))
    for (const path of 'files' in found ? found.files : []) {
      if (seen.has(path)) continue
      seen.add(path)
      const opened = openFile(path, cwd)
      if ('problem' in opened) diagnostics.push(problemWith(include, origin, opened.problem))
      else if ('diagnostic' in opened) diagnostics.push(opened.diagnostic)
      else {
        const reader = new TableReader(opened.file, dirname(path))
        const app = readApp(opened.root, reader)
        const own = { text: basename(path).replace(/\.[^.]*$/, ''), origin: app.origin }
        apps.push({ ...app, values: new Map([['name', [own]], ...app.values]) })
        diagnostics.push(...reader.diagnostics)
      }
    }
  }
  return { apps, diagnostics }
}

/** `file`: its path as messages show it. `problem`: a phrase that follows the name of the setting that names the file. */
type Opened = { readonly file: string } & (
  | { readonly root: TomlTable }
  | { readonly problem: string }
  | { readonly diagnostic: Diagnostic }
)

function openFile(path: string, cwd: string): Opened {
  const shown = relative(cwd, path)
  const file = shown.startsWith('..') ? path : shown
  // Files of gunicorn and uWSGI.
  if (/\.(?:py|ini|yaml|yml)$|^python:/.test(basename(path)))
    return { file, problem: `must name a TOML file: write what stands in '${basename(path)}' as keys of a jumak.toml` }
  const stats = statOrNull(path)
  if (!stats?.isFile()) return { file, problem: `must name a file that exists, not '${path}'` }
  if (stats.size > MAX_BYTES)
    return { file, problem: `must name a file of less than ${MAX_BYTES} bytes, not '${path}'` }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
  } catch (error) {
    const isEncoding = error instanceof TypeError
    const problem = isEncoding ? 'must be UTF-8, as all TOML' : `must be readable (${(error as Error).message})`
    return { file, problem: `${problem}, not '${path}'` }
  }
  const parsed = parseToml(text)
  if (!('message' in parsed)) return { file, root: parsed }
  const subject = formatPlace(file, parsed.position)
  return { file, diagnostic: { subject, message: `${subject}: ${parsed.message}` } }
}

function ownTable(root: TomlTable): TomlTable | null {
  const tool = root.entries.get('tool')?.value
  const own = tool?.kind === 'table' ? tool.entries.get('jumak')?.value : undefined
  return own?.kind === 'table' ? own : null
}
