/**
 * Sites in a file: its tables `[[site]]` with their locations and rewrites, its tables of variables (`[[map]]`, `[[geo]]`, `[[split]]`),
 * `[[limit]]`, `[[log]]` and `[[upstream]]`, and what its top says for all sites. Runs in the command line, and in the master when it reloads. What the values
 * mean is not looked at here (`assemble-sites.ts`).
 */
import type { Place } from '../../sites/model.ts'
import { isRuleOfSites, SITE_DEFAULTS } from '../settings/site-defaults.ts'
import { locationSettings } from '../settings/site-keys.ts'
import { type FileTable, type Givens, readKeys, tablesIn } from './app-tables.ts'
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
  /** Settings of locations at the top of the file, which all sites inherit. */
  readonly defaults: FileTable
  readonly sites: readonly FilePart[]
  readonly maps: readonly FileTable[]
  readonly geos: readonly FileTable[]
  readonly splits: readonly FileTable[]
  readonly limits: readonly FileTable[]
  readonly logs: readonly FileTable[]
  readonly upstreams: readonly FileTable[]
}

export const NO_SITES: FileSites = {
  defaults: {
    origin: { from: 'file', file: '', directory: '', position: { line: 1, column: 1 } },
    values: new Map(),
    hasMistake: false,
  },
  sites: [],
  maps: [],
  geos: [],
  splits: [],
  limits: [],
  logs: [],
  upstreams: [],
}

/** Locations within locations, rewrites within rewrites. Nobody reads a deeper file. */
const MAX_DEPTH = 8

/** `top`: what the file says at its top, of all settings; an included file has nothing there for sites. */
export function readSiteTables(root: TomlTable, reader: TableReader, top: Givens = new Map()): FileSites {
  return {
    defaults: { origin: reader.origin(root.position), values: defaultsIn(top), hasMistake: false },
    sites: tablesIn(root, 'site').map(table => readPart(table, reader, 'site', 0)),
    maps: tablesIn(root, 'map').map(table => readKeys(table, reader, 'map')),
    geos: tablesIn(root, 'geo').map(table => readKeys(table, reader, 'geo')),
    splits: tablesIn(root, 'split').map(table => readKeys(table, reader, 'split')),
    limits: tablesIn(root, 'limit').map(table => readKeys(table, reader, 'limit')),
    logs: tablesIn(root, 'log').map(table => readKeys(table, reader, 'log')),
    upstreams: tablesIn(root, 'upstream').map(table => readKeys(table, reader, 'upstream')),
  }
}

function defaultsIn(top: Givens): Givens {
  const { name } = locationSettings.errorPage
  const rules = (top.get(name) ?? []).filter(({ text }) => isRuleOfSites(text))
  const given = SITE_DEFAULTS.flatMap(one => (top.has(one.name) ? [[one.name, top.get(one.name)!] as const] : []))
  return new Map(rules.length === 0 ? given : [...given, [name, rules]])
}

/** What is left for the program. */
export function withoutDefaults(top: Givens): Givens {
  const { name } = locationSettings.errorPage
  const own = new Map(top)
  for (const one of SITE_DEFAULTS) own.delete(one.name)
  const pages = (top.get(name) ?? []).filter(({ text }) => !isRuleOfSites(text))
  if (pages.length === 0) own.delete(name)
  else own.set(name, pages)
  return own
}

/** One after the other. The first has the settings that all inherit. */
export function joinSites(first: FileSites, others: readonly FileSites[]): FileSites {
  const all = [first, ...others]
  return {
    defaults: first.defaults,
    sites: all.flatMap(({ sites }) => sites),
    maps: all.flatMap(({ maps }) => maps),
    geos: all.flatMap(({ geos }) => geos),
    splits: all.flatMap(({ splits }) => splits),
    limits: all.flatMap(({ limits }) => limits),
    logs: all.flatMap(({ logs }) => logs),
    upstreams: all.flatMap(({ upstreams }) => upstreams),
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
