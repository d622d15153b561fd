/** Tables at the top of a file that define what sites name, such as `[[map]]` and `[[limit]]`: their names and keys, in the order of the reference. */
import { LIMIT_KEYS } from './limit-keys.ts'
import { LOG_KEYS } from './log-keys.ts'
import { UPSTREAM_KEYS } from './upstream-group-keys.ts'
import { GEO_KEYS, MAP_KEYS, SPLIT_KEYS } from './variable-keys.ts'

export const NAMED_TABLES = [
  ['map', MAP_KEYS],
  ['geo', GEO_KEYS],
  ['split', SPLIT_KEYS],
  ['limit', LIMIT_KEYS],
  ['log', LOG_KEYS],
  ['upstream', UPSTREAM_KEYS],
] as const

export type NamedTable = (typeof NAMED_TABLES)[number][0]

export const NAMES_OF_TABLES: readonly NamedTable[] = NAMED_TABLES.map(([name]) => name)
