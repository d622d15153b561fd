/**
 * Applications in a file: its tables `[[app]]`, or all of an included file. Each has its own settings, its keys (`name`, `path`, `hosts`)
 * and its pools. Runs in the command line, and in the master when it reloads. What applications have in common, and what they may not
 * have both, is not looked at here (`applications.ts`).
 */
import type { Given } from './given.ts'
import type { FileOrigin, TableReader } from './table-reader.ts'
import { type TomlTable, tablesOf } from './toml.ts'
import type { Level } from './unknown-keys.ts'

export type Givens = ReadonlyMap<string, readonly Given[]>

/** What a file says of one application. */
export interface FileApp {
  /** The place of `[[app]]`, or the beginning of the included file. */
  readonly origin: FileOrigin
  /** Settings and keys, by name. */
  readonly values: Givens
  readonly pools: readonly FileTable[]
  /** A key of it is wrong, and told: what seems to be missing, or to be another's, may be what that key was to be. */
  readonly hasMistake: boolean
}

/** An `[[app.pool]]`, or a `[[tls]]`. */
export interface FileTable {
  readonly origin: FileOrigin
  readonly values: Givens
  /** As for the application. */
  readonly hasMistake: boolean
}

/** The tables `[[app]]` of a file. */
export function readAppTables(root: TomlTable, reader: TableReader): FileApp[] {
  return tablesIn(root, 'app').map(table => readApp(table, reader))
}

/** `table`: an `[[app]]`, or the top level of an included file, which has `tables` besides. */
export function readApp(
  table: TomlTable,
  reader: TableReader,
  level: 'app' | 'included' = 'app',
  tables: readonly string[] = [],
): FileApp {
  const own = readKeys(table, reader, level, ['pool', ...tables])
  const pools = tablesIn(table, 'pool').map(pool => readKeys(pool, reader, 'pool'))
  return { ...own, pools }
}

/** The tables `[[tls]]` of a file. */
export function readTlsTables(root: TomlTable, reader: TableReader): FileTable[] {
  return tablesIn(root, 'tls').map(table => readKeys(table, reader, 'tls'))
}

/** `lists`: keys that are tables of another level. */
export function readKeys(
  table: TomlTable,
  reader: TableReader,
  level: Exclude<Level, 'top'>,
  lists: readonly string[] = [],
): FileTable {
  const before = reader.diagnostics.length
  const values = reader.read(table, level, lists)
  return { origin: reader.origin(table.position), values, hasMistake: reader.diagnostics.length > before }
}

/** The tables of a list of them; none: there is no such list. */
export function tablesIn(table: TomlTable, name: string): readonly TomlTable[] {
  return tablesOf(table.entries.get(name)?.value) ?? []
}
