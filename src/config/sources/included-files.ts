/**
 * What the files of `include` hold: tables `[[app]]`, `[[site]]`, `[[tls]]` and those of variables, or the keys of one application at the top
 * of the file, beside which the others may stand. Runs in the command line, and in the master when it reloads.
 *
 * Invariants: each file is read once, in the order of the patterns and of the names. Every problem has its place in the included file, or
 * names the pattern. An included file includes no others.
 * Not here: which files a pattern means (`include.ts`).
 */
import { basename, dirname, resolve } from 'node:path'
import type { Diagnostic } from '../diagnostics.ts'
import { NAMES_OF_TABLES } from '../settings/named-tables.ts'
import { include } from '../settings/tables.ts'
import { type FileApp, type FileTable, readApp, readAppTables, readTlsTables } from './app-tables.ts'
import { formatPlace, type Given, problemWith, wrongValue } from './given.ts'
import { findIncluded } from './include.ts'
import { openFile } from './open-file.ts'
import { type FileSites, readSiteTables } from './site-tables.ts'
import { TableReader } from './table-reader.ts'
import { type TomlTable, tablesOf } from './toml.ts'

export interface Included {
  readonly apps: readonly FileApp[]
  readonly tls: readonly FileTable[]
  /** For each file. */
  readonly sites: readonly FileSites[]
  readonly diagnostics: readonly Diagnostic[]
  /** Absolute. */
  readonly patterns: readonly string[]
  /** Patterns that match nothing now. */
  readonly empty: readonly Given[]
}

/** Names of tables that a file may have besides settings. */
export const TABLES: readonly string[] = ['app', 'tls', 'site', ...NAMES_OF_TABLES]

/** `cwd`: where paths in messages start. */
export function readIncluded(patterns: readonly Given[], cwd: string): Included {
  const found = {
    apps: [] as FileApp[],
    tls: [] as FileTable[],
    sites: [] as FileSites[],
    patterns: [] as string[],
    diagnostics: [] as Diagnostic[],
    empty: [] as Given[],
  }
  const seen = new Set<string>()
  for (const pattern of patterns) {
    const { text, origin } = pattern
    if (origin.from !== 'file') continue
    const absolute = resolve(origin.directory, text)
    found.patterns.push(absolute)
    const matched = findIncluded(absolute)
    if ('problem' in matched) {
      found.diagnostics.push(wrongValue(include, pattern, matched.problem))
      continue
    }
    if (matched.files.length === 0) found.empty.push(pattern)
    for (const path of matched.files) {
      if (seen.has(path)) continue
      seen.add(path)
      const opened = openFile(path, cwd)
      if ('problem' in opened) found.diagnostics.push(problemWith(include, origin, opened.problem))
      else if ('diagnostic' in opened) found.diagnostics.push(opened.diagnostic)
      else {
        const reader = new TableReader(opened.file, dirname(path))
        found.apps.push(...readApps(opened.root, reader, path))
        found.tls.push(...readTlsTables(opened.root, reader))
        found.sites.push(readSiteTables(opened.root, reader))
        found.diagnostics.push(...reader.diagnostics)
      }
    }
  }
  return found
}

/** What it says when nothing is found. */
export function describeEmpty({ text, origin }: Given): string {
  const place = origin.from === 'file' ? `${formatPlace(origin.file, origin.position)}: ` : ''
  return `${place}include matches no file now: '${text}'`
}

/** The name of an application at the top of the file is the file's, unless it says another one. */
function readApps(root: TomlTable, reader: TableReader, path: string): FileApp[] {
  const app = readApp(root, reader, 'included', TABLES)
  if (!isOneApp(root)) return readAppTables(root, reader)
  const own = { text: basename(path).replace(/\.[^.]*$/, ''), origin: app.origin }
  const both = root.entries.get('app')
  if (tablesOf(both?.value) !== null)
    reader.report(both!.key, 'an included file has the keys of one application at its top, or tables [[app]], not both')
  return [{ ...app, values: new Map([['name', [own]], ...app.values]) }]
}

/** An empty file, or one with something else than tables: `[site]` is meant to be one, too. */
function isOneApp({ entries }: TomlTable): boolean {
  const kind = entries.get('app')?.value.kind
  const isApp = kind !== undefined && kind !== 'table' && kind !== 'array'
  return entries.size === 0 || isApp || entries.keys().some(name => !TABLES.includes(name))
}
