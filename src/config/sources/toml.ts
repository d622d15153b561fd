/**
 * TOML with the place of everything in it. Headers, dotted keys and inline tables become the same tables; `[[app]]` and a list of inline
 * tables become the same list. Runs in the command line, and in the master when it reloads.
 *
 * Invariant: the result is a tree of plain keys. No other file sees the parser's own nodes.
 */
import { type AST, ParseError, parseTOML } from 'toml-eslint-parser'
import type { Literal } from '../kinds/kinds.ts'
import type { Position } from './given.ts'

export interface TomlTable {
  readonly kind: 'table'
  /** The place of its key, or of the first word of its header. */
  readonly position: Position
  readonly entries: Map<string, TomlEntry>
}

export interface TomlEntry {
  /** The place of the key. */
  readonly key: Position
  readonly value: TomlValue
}

export type TomlValue =
  | TomlTable
  | { readonly kind: 'array'; readonly position: Position; readonly elements: TomlValue[] }
  /** `text`: as it was written, without quotes; numbers without underscores. */
  | { readonly kind: 'string' | Literal; readonly position: Position; readonly text: string }
  | { readonly kind: 'other'; readonly position: Position; readonly what: string }

export interface TomlProblem {
  readonly position: Position
  readonly message: string
}

/** `[[app]]`, or a list of inline tables; null: it is something else. */
export function tablesOf(value: TomlValue | undefined): readonly TomlTable[] | null {
  if (value?.kind !== 'array' || value.elements.length === 0) return null
  const tables = value.elements.filter(one => one.kind === 'table')
  return tables.length === value.elements.length ? tables : null
}

/** The whole document, or the first mistake. */
export function parseToml(text: string): TomlTable | TomlProblem {
  try {
    const [top] = parseTOML(text, { tomlVersion: '1.0' }).body
    const root: TomlTable = { kind: 'table', position: { line: 1, column: 1 }, entries: new Map() }
    for (const node of top.body) addNode(root, node, text)
    return root
  } catch (error) {
    // The parser recurses, and spreads a value into arguments: both end at the limit of the stack.
    if (error instanceof RangeError)
      return {
        position: { line: 1, column: 1 },
        message: 'this is not read: it is nested too deeply, or a value is too long',
      }
    if (!(error instanceof ParseError)) throw error
    return explain(error, text)
  }
}

function addNode(root: TomlTable, node: AST.TOMLTable | AST.TOMLKeyValue, text: string): void {
  if (node.type === 'TOMLKeyValue') {
    addKeyValue(root, node, text)
  } else if (node.kind === 'array') {
    const last = node.key.keys.at(-1)!
    const table = { kind: 'table', position: positionOf(last), entries: new Map() } as const
    const entries = enter(root, node.key.keys.slice(0, -1))?.entries
    const list = entries?.get(nameOf(last))?.value
    if (list?.kind === 'array') list.elements.push(table)
    else
      entries?.set(nameOf(last), {
        key: table.position,
        value: { kind: 'array', position: table.position, elements: [table] },
      })
    for (const pair of node.body) addKeyValue(table, pair, text)
  } else {
    const table = enter(root, node.key.keys)
    if (table !== null) for (const pair of node.body) addKeyValue(table, pair, text)
  }
}

function addKeyValue(table: TomlTable, { key, value }: AST.TOMLKeyValue, text: string): void {
  const last = key.keys.at(-1)!
  const inner = enter(table, key.keys.slice(0, -1))
  inner?.entries.set(nameOf(last), { key: positionOf(last), value: convert(value, text) })
}

/** The table at the end of the path; it is made if it is not there. In a list of tables it is the last one (`[app.env]`). */
function enter(root: TomlTable, path: readonly (AST.TOMLBare | AST.TOMLQuoted)[]): TomlTable | null {
  let table = root
  for (const part of path) {
    const position = positionOf(part)
    const entry = table.entries.get(nameOf(part)) ?? {
      key: position,
      value: { kind: 'table', position, entries: new Map() },
    }
    table.entries.set(nameOf(part), entry)
    const inner = entry.value.kind === 'array' ? entry.value.elements.at(-1) : entry.value
    if (inner?.kind !== 'table') return null
    table = inner
  }
  return table
}

function convert(node: AST.TOMLContentNode, text: string): TomlValue {
  const position = positionOf(node)
  if (node.type === 'TOMLArray')
    return { kind: 'array', position, elements: node.elements.map(element => convert(element, text)) }
  if (node.type === 'TOMLInlineTable') {
    const table: TomlTable = { kind: 'table', position, entries: new Map() }
    for (const pair of node.body) addKeyValue(table, pair, text)
    return table
  }
  switch (node.kind) {
    case 'string':
      return { kind: 'string', position, text: node.value }
    case 'boolean':
      return { kind: node.value ? 'boolean' : 'false', position, text: node.value ? 'on' : 'off' }
    case 'integer':
    case 'float':
      return { kind: node.kind, position, text: text.slice(...node.range).replaceAll('_', '') }
    default:
      return { kind: 'other', position, what: 'a date' }
  }
}

function nameOf(part: AST.TOMLBare | AST.TOMLQuoted): string {
  return part.type === 'TOMLBare' ? part.name : part.value
}

/** The parser counts columns from 0. */
function positionOf({ loc }: { readonly loc: AST.SourceLocation }): Position {
  return { line: loc.start.line, column: loc.start.column + 1 }
}

/** A file may have `app = …` or tables `[[app]]`. */
const IS_APP = /^[ \t]*(?:\[\[?[ \t]*)?app[ \t]*(?:\]|=)/

/** Both forms are one list, and TOML lets nobody mix them. */
const IS_LOCATIONS = /^[ \t]*(?:\[\[[ \t]*site[ \t]*\.[ \t]*)?locations[ \t]*(?:\]|=)/

function explain(error: ParseError, text: string): TomlProblem {
  const lines = text.split('\n')
  const position = { line: error.lineNumber, column: error.column + 1 }
  const number = lines.slice(0, error.lineNumber - 1).findLastIndex(line => line.trim() !== '')
  const before = lines[number] ?? ''
  const isFirstWord = (lines[error.lineNumber - 1] ?? '').slice(0, error.column).trim() === ''
  // If a value is missing, the parser looks for it on the next line.
  if (isFirstWord && /^[^#"'[{]*=\s*(?:#.*)?$/.test(before)) {
    const column = before.indexOf('=') + 2
    return { position: { line: number + 1, column }, message: 'this is not TOML: there is no value' }
  }
  if (/multiple times/.test(error.message) && IS_APP.test(lines[error.lineNumber - 1] ?? ''))
    return {
      position,
      message: 'this is not TOML: app is given twice in different forms; write each application as a table [[app]]',
    }
  if (/multiple times/.test(error.message) && IS_LOCATIONS.test(lines[error.lineNumber - 1] ?? ''))
    return {
      position,
      message:
        'this is not TOML: this site has a list locations = [ … ] already; write all of its locations there, or each as a table [[site.locations]]',
    }
  const isMore = /^Must be a newline/.test(error.message)
  const own = error.message.charAt(0).toLowerCase() + error.message.slice(1)
  const said = isMore ? 'there is more on the line than a value' : own
  return { position, message: `this is not TOML: ${said}${quotesHint(lines[error.lineNumber - 1] ?? '')}` }
}

/** Nearly everybody makes this mistake first: text without quotes. */
function quotesHint(line: string): string {
  const [, key, value] = /^\s*([\w.-]+)\s*=\s*([^\s"'[{#][^"'#]*?)\s*(?:#.*)?$/.exec(line) ?? []
  return key === undefined || /^[\d._+-]+$/.test(value!) ? '' : `; text needs quotes: ${key} = "${value}"`
}
