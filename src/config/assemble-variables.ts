/**
 * Variables that sites compute, from the tables `[[map]]`, `[[geo]]` and `[[split]]` of the file. Runs in the command line, and in the master
 * when it reloads.
 *
 * Invariant: each mistake has one diagnostic. What only compiling finds (templates, regular expressions, names twice) is found by the code
 * that serves (`routing/sites/computed.ts`).
 * Not here: what the values may be (`settings/variable-keys.ts`).
 */
import { bytesOf } from '../base/bytes.ts'
import type { AddressMap, SitesModel, SplitMap, VariableMap } from '../sites/model.ts'
import { isAddressOrRange } from './kinds/ip.ts'
import type { Environment } from './machine/environment.ts'
import type { Setting } from './settings/setting.ts'
import { geoKeys, mapKeys, splitKeys } from './settings/variable-keys.ts'
import type { FileTable } from './sources/app-tables.ts'
import { type FileSites, placeOf } from './sources/site-tables.ts'
import { Values } from './values.ts'

export interface VariableCircumstances {
  readonly environment: Environment
  /** The program's: it gets all diagnostics. */
  readonly values: Values
}

export function assembleVariables(
  { maps, geos, splits }: FileSites,
  circumstances: VariableCircumstances,
): Omit<SitesModel, 'sites' | 'passwordFiles' | 'upstreams'> {
  const reader = new VariableReader(circumstances)
  return {
    maps: maps.map(table => reader.map(table)),
    geos: geos.map(table => reader.geo(table)),
    splits: splits.map(table => reader.split(table)),
  }
}

/** Of one table that are told: it may have 100,000 entries of another form. */
const MOST_MISTAKES = 20

class VariableReader {
  readonly #of: VariableCircumstances

  constructor(circumstances: VariableCircumstances) {
    this.#of = circumstances
  }

  map(table: FileTable): VariableMap {
    const values = this.#values(table, 'map', [mapKeys.name, mapKeys.from])
    const entries = values.all(mapKeys.values)
    const isPattern = ({ name }: { readonly name: string }) => name.startsWith('~')
    const hosts = values.one(mapKeys.hostnames)
    const lower = entries
      .filter(entry => !isPattern(entry) && entry.name !== 'default')
      .map(({ name, value }) => [bytesOf(name).toLowerCase(), value] as const)
    const isSuffix = (name: string) => hosts && (name.startsWith('*.') || name.startsWith('.'))
    const isPrefix = (name: string) => hosts && name.endsWith('.*')
    const map: VariableMap = {
      name: nameOf(values.one(mapKeys.name)),
      from: values.one(mapKeys.from) ?? '',
      default: entries.find(({ name }) => name === 'default')?.value ?? '',
      exact: Object.fromEntries(
        lower.flatMap(([name, value]) => {
          if (isPrefix(name) || name.startsWith('*.')) return isSuffix(name) || isPrefix(name) ? [] : [[name, value]]
          return [[isSuffix(name) ? name.slice(1) : name, value]]
        }),
      ),
      suffixes: Object.fromEntries(
        lower.flatMap(([name, value]) => (isSuffix(name) ? [[name.replace(/^\*/, ''), value]] : [])),
      ),
      prefixes: Object.fromEntries(
        lower.flatMap(([name, value]) => (isPrefix(name) ? [[name.slice(0, -1), value]] : [])),
      ),
      patterns: entries.filter(isPattern).map(({ name, value }) => ({
        pattern: { source: name.replace(/^~\*?/, ''), ignoresCase: name.startsWith('~*') },
        value,
      })),
      place: placeOf(table),
    }
    this.#done(values)
    return map
  }

  geo(table: FileTable): AddressMap {
    const values = this.#values(table, 'geo', [geoKeys.name, geoKeys.networks])
    const entries = values.taken(geoKeys.networks)
    const wrong = entries.filter(({ value: { name } }) => name !== 'default' && !isAddressOrRange(name))
    for (const { value, given } of wrong.slice(0, MOST_MISTAKES))
      values.report(
        geoKeys.networks,
        `must have addresses, networks as in 10.0.0.0/8, or default, not '${value.name}'`,
        given,
      )
    const all = entries.map(({ value: { name, value } }) => [name, value] as const)
    const geo: AddressMap = {
      name: nameOf(values.one(geoKeys.name)),
      from: values.one(geoKeys.from),
      default: all.find(([name]) => name === 'default')?.[1] ?? '',
      networks: Object.fromEntries(all.filter(([name]) => name !== 'default')),
      place: placeOf(table),
    }
    this.#done(values)
    return geo
  }

  split(table: FileTable): SplitMap {
    const values = this.#values(table, 'split', [splitKeys.name, splitKeys.from, splitKeys.parts])
    const parts = values.taken(splitKeys.parts)
    let sum = 0
    for (const [i, { value, given }] of parts.entries()) {
      sum += value.share ?? 0
      if (value.share === null && i < parts.length - 1) values.report(splitKeys.parts, 'must have * at its end', given)
      else if (sum > 10_000) {
        values.report(splitKeys.parts, `come to ${sum / 100}%, which is more than 100%`, given)
        break
      }
    }
    const split: SplitMap = {
      name: nameOf(values.one(splitKeys.name)),
      from: values.one(splitKeys.from) ?? '',
      parts: parts.map(({ value }) => value),
      place: placeOf(table),
    }
    this.#done(values)
    return split
  }

  #values(table: FileTable, what: string, needed: readonly Setting[]): Values {
    const values = new Values(table.values, this.#of.environment)
    for (const key of needed)
      if (!values.isGiven(key) && !table.hasMistake) values.tell(table.origin, `a ${what} needs ${key.name}`)
    return values
  }

  /** Its diagnostics go to the program's. */
  #done(values: Values): void {
    this.#of.values.diagnostics.push(...values.diagnostics)
    this.#of.values.warnings.push(...values.warnings)
  }
}

/** Null: it is missing, which is told. */
function nameOf(written: string | null): string {
  return (written ?? 'x').replace(/^\$/, '')
}
