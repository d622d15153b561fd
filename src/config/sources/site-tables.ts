/**
 * Sites in a file: its tables `[[site]]` with their locations and rewrites, and its tables of
 * variables: `[[map]]`, `[[geo]]`, `[[split]]`; and `[[upstream]]`. Runs in the command line, and in the
 * master when it reloads. What the values mean is not looked at here (`assemble-sites.ts`).
 */
import type { Place } from '../../sites/model.ts'
import { type FileTable, readKeys, tablesIn } from './app-tables.ts'
import type { TableReader } from './table-reader.ts'
import type { TomlTable } from './toml.ts'

/** A `[[site]]`, or a location. */
export interface FilePart extends FileTable {
  readonly locations: readonly FilePart[]
  readonly rewrites: readonly FileRewrite[]
}

export interface FileRewrite extends FileTable {
  /** Of one with `if`: what is done then. */
  readonly rewrites: readonly FileRewrite[]
}

export interface FileSites {
  readonly sites: readonly FilePart[]
  readonly maps: readonly FileTable[]
  readonly geos: readonly FileTable[]
  readonly splits: readonly FileTable[]
  readonly upstreams: readonly FileTable[]
}

export const NO_SITES: FileSites = { sites: [], maps: [], geos: [], splits: [], upstreams: [] }

/** Locations within locations, rewrites within rewrites. Nobody reads a deeper file. */
const MAX_DEPTH = 8

export function readSiteTables(root: TomlTable, reader: TableReader): FileSites {
  return {
    sites: tablesIn(root, 'site').map(table => readPart(table, reader, 'site', 0)),
    maps: tablesIn(root, 'map').map(table => readKeys(table, reader, 'map')),
    geos: tablesIn(root, 'geo').map(table => readKeys(table, reader, 'geo')),
    splits: tablesIn(root, 'split').map(table => readKeys(table, reader, 'split')),
    upstreams: tablesIn(root, 'upstream').map(table => readKeys(table, reader, 'upstream')),
  }
}

function readPart(table: TomlTable, reader: TableReader, level: 'site' | 'location', depth: number): FilePart {
  const own = readKeys(table, reader, level, ['locations', 'rewrites'])
  const inner = tablesIn(table, 'locations')
  if (depth > MAX_DEPTH) reader.report(table.position, `locations are nested more than ${MAX_DEPTH} deep`)
  return {
    ...own,
    locations: depth > MAX_DEPTH ? [] : inner.map(one => readPart(one, reader, 'location', depth + 1)),
    rewrites: readRewrites(table, reader, 0),
  }
}

function readRewrites(table: TomlTable, reader: TableReader, depth: number): FileRewrite[] {
  return tablesIn(table, 'rewrites').map(one => {
    const own = readKeys(one, reader, 'rewrite', ['rewrites'])
    if (depth > MAX_DEPTH) reader.report(one.position, `rewrites are nested more than ${MAX_DEPTH} deep`)
    return { ...own, rewrites: depth > MAX_DEPTH ? [] : readRewrites(one, reader, depth + 1) }
  })
}

export function placeOf({ origin }: FileTable): Place {
  return { file: origin.file, line: origin.position.line, column: origin.position.column }
}
