/**
 * Which keys a table of a file may have, and what is said of any other: where it belongs, or what was meant. Runs in the command line, and
 * in the master when it reloads. Pure.
 */

import { closest } from '../../base/closest.ts'
import { meantName } from '../hints/meant-name.ts'
import { foreignName } from '../hints/other-servers.ts'
import { describe } from '../hints/rewrite.ts'
import { APPLICATION_SETTINGS, SETTINGS } from '../settings/index.ts'
import { NAMED_TABLES, NAMES_OF_TABLES, type NamedTable } from '../settings/named-tables.ts'
import { REWRITE_KEYS } from '../settings/rewrite-keys.ts'
import { isFrom, type Setting } from '../settings/setting.ts'
import { SITE_DEFAULTS } from '../settings/site-defaults.ts'
import { LOCATION_KEYS, SITE_KEYS } from '../settings/site-keys.ts'
import { APP_KEYS, include, POOL_KEYS } from '../settings/tables.ts'
import { TLS_KEYS } from '../settings/tls-entry.ts'
import { type TomlValue, tablesOf } from './toml.ts'

/**
 * `top`: of the file. `included`: the top of an included file, which is one application. `app`: `[[app]]`. `pool`: `[[app.pool]]`. `tls`: `[[tls]]`. `site`, `location`,
 * `rewrite`: `[[site]]`, an entry of `locations`, of `rewrites`. `NamedTable`: `[[map]]` …
 */
export type Level = 'top' | 'included' | 'app' | 'pool' | 'tls' | SiteLevel
type SiteLevel = 'site' | 'location' | 'rewrite' | NamedTable

const OF_FILES = SETTINGS.filter(setting => isFrom(setting, 'file'))
const OF_APP: readonly Setting[] = [...APP_KEYS, ...OF_FILES.filter(setting => APPLICATION_SETTINGS.has(setting))]
const KNOWN: Readonly<Record<Level, readonly Setting[]>> = {
  top: [...OF_FILES, include, ...SITE_DEFAULTS],
  included: OF_APP,
  app: OF_APP,
  pool: POOL_KEYS,
  tls: TLS_KEYS,
  site: SITE_KEYS,
  location: LOCATION_KEYS,
  rewrite: REWRITE_KEYS,
  ...(Object.fromEntries(NAMED_TABLES) as Record<NamedTable, readonly Setting[]>),
}

const PLACES: Readonly<Record<Level, string>> = {
  top: 'at the top of the file',
  included: 'at the top of an included file',
  app: 'in the table [[app]] of its application',
  pool: 'in a table [[app.pool]]',
  tls: 'in a table [[tls]]',
  site: 'in a table [[site]]',
  location: 'in an entry of locations',
  rewrite: 'in an entry of rewrites',
  map: 'in a table [[map]]',
  geo: 'in a table [[geo]]',
  split: 'in a table [[split]]',
  limit: 'in a table [[limit]]',
  log: 'in a table [[log]]',
  upstream: 'in a table [[upstream]]',
}

const OWNERS: Readonly<Record<SiteLevel, string>> = {
  site: 'a site',
  location: 'a location',
  rewrite: 'an entry of rewrites',
  map: 'a map',
  geo: 'a geo',
  split: 'a split',
  limit: 'a limit',
  log: 'a log',
  upstream: 'an upstream',
}

export function settingsOf(level: Level): readonly Setting[] {
  return KNOWN[level]
}

/** A whole sentence: `there is no setting log_level; did you mean log-level?`. */
export function explainUnknown(name: string, value: TomlValue, level: Level): string {
  if (level === 'top') return unknownAtTop(name, value)
  if (level === 'tls') return unknownOfTls(name)
  if (level === 'included') return unknownOfIncluded(name, value)
  if (isSiteLevel(level)) return unknownOfSite(name, value, level)
  if (name === 'tls' && tablesOf(value) !== null)
    return `[[tls]] stands ${PLACES.top}: its names say for which hosts it is`
  const of = level === 'app' ? 'an application' : 'a pool'
  if (name === 'app') return `[[app]] stands ${PLACES.top}`
  if (level === 'app' && name === 'pool')
    return 'a pool is a table in two brackets, [[app.pool]], or [[pool]] in a file of its own'
  if (level === 'app' && tablesOf(value) !== null)
    return `an application has no table [[${name}]]: its pools are [[app.pool]], or [[pool]] in a file of its own`
  if (isOfSites(name)) return `${name} ${OF_SITES}`
  if (level === 'app' && name === 'paths')
    return 'an application has one path, as in path = "/shop"; a list of paths is for a pool, [[app.pool]]'
  if (level === 'pool' && name === 'path') return 'a pool has a list of paths, as in paths = ["/export"]'
  const other = (['pool', 'app', 'tls', 'top'] as const).find(one => KNOWN[one].some(setting => setting.name === name))
  if (other !== undefined) {
    const owner = {
      top: 'is for the whole program',
      app: 'belongs to an application',
      pool: 'belongs to a pool',
      tls: 'belongs to a certificate',
    }[other]
    return `${name} ${owner}: write it ${PLACES[other]}`
  }
  // A misspelt name of this table comes before a name of another server: `host`.
  const here = closest(name.toLowerCase(), namesOf(level)) ?? meantName(name, namesOf(level))
  if (here !== null) return `${of} has no setting ${name}; did you mean ${here}?`
  const elsewhere = level === 'app' ? meantName(name, namesOf('top')) : null
  if (elsewhere !== null) return `${of} has no setting ${name}; did you mean ${elsewhere}, ${PLACES.top}?`
  return `${of} has no setting ${name}${foreignHint(name)}`
}

const OF_SITES = 'belongs to a site: write it in a table [[site]]'

function isOfSites(name: string): boolean {
  return SITE_DEFAULTS.some(setting => setting.name === name)
}

/** Tables that a file may have. */
const TABLES_OF_FILES: readonly string[] = ['app', 'site', 'tls', ...NAMES_OF_TABLES]

/** What is right in an `[[app]]` is right here, and more. */
function unknownOfIncluded(name: string, value: TomlValue): string {
  if (isOfSites(name)) return `${name} ${OF_SITES}, or at the top of the file that has include`
  if (name === include.name) return 'an included file includes no others: write it in the file that names this one'
  if (KNOWN.top.some(setting => setting.name === name))
    return `${name} is for the whole program: write it in the file that has include`
  const meant = tablesOf(value) === null ? null : closest(name.toLowerCase(), [...TABLES_OF_FILES, 'pool'])
  return meant === null
    ? explainUnknown(name, value, 'app')
    : `there is no table [[${name}]]; did you mean [[${meant}]]?`
}

function isSiteLevel(level: Level): level is SiteLevel {
  return Object.hasOwn(OWNERS, level)
}

function unknownOfSite(name: string, value: TomlValue, level: SiteLevel): string {
  const said = `${OWNERS[level]} has no setting ${name}`
  if ((name === 'locations' || name === 'rewrites') && value.kind !== 'array')
    return `${name} is a list of tables, as in ${name} = [{ … }]`
  if (namesOf(level).includes(`${name}s`) || name === 'location' || name === 'rewrite')
    return `${said}; did you mean ${name}s?`
  const other = (['location', 'site', 'rewrite', ...NAMES_OF_TABLES] as const).find(one =>
    KNOWN[one].some(setting => setting.name === name),
  )
  if (other !== undefined) return `${name} belongs to ${OWNERS[other]}: write it ${PLACES[other]}`
  const meant = closest(name.toLowerCase(), namesOf(level)) ?? meantName(name, namesOf(level))
  if (meant !== null) return `${said}; did you mean ${meant}?`
  if (namesOf('top').includes(name)) return `${name} is for the whole program: write it ${PLACES.top}`
  return said
}

/** Flat settings have the same names with `tls-` before them. */
function unknownOfTls(name: string): string {
  const typed = name.toLowerCase().replaceAll('_', '-')
  const ours = namesOf('tls')
  const foreign = foreignName(name)?.meant?.replace(/^tls-/, '') ?? ''
  const plain = typed.replace(/^tls-/, '')
  const meant = [plain, foreign].find(one => ours.includes(one)) ?? closest(plain, ours)
  const said = `an entry [[tls]] has no setting ${name}`
  if (namesOf('top').includes(typed) && !ours.includes(plain))
    return `${typed} is for the whole program: write it ${PLACES.top}`
  return meant === null ? said : `${said}; did you mean ${meant}?`
}

function unknownAtTop(name: string, value: TomlValue): string {
  const what = value.kind === 'table' ? `table [${name}]` : `setting ${name}`
  const said = `there is no ${what}`
  if (name === 'config') return `${said}: a file cannot name another one`
  if (name === 'pool') return 'a pool belongs to an application: write it as [[app.pool]], below its [[app]]'
  if (tablesOf(value) !== null)
    return `there is no table [[${name}]]; did you mean ${name === 'pools' ? '[[app.pool]]' : `[[${closest(name.toLowerCase(), TABLES_OF_FILES) ?? 'app'}]]`}?`
  if (value.kind === 'table' && [...value.entries.keys()].some(isAppKey))
    return `there is no table [${name}]; an application is a table [[app]] with a name, as in name = "${name}"`
  const key = APP_KEYS.find(one => one.name === name)
  if (key !== undefined) return `${name} belongs to an application: write it below its [[app]]`
  const meant = meantName(name, namesOf('top'))
  const isKnown = (text: string) => KNOWN.top.some(one => one.name === text)
  // A table that only groups known settings.
  const isGroup = value.kind === 'table' && [...value.entries.keys()].some(isKnown)
  if (isGroup || name === 'tool' || name === 'jumak')
    return `${said}; write settings at the top of the file, without a table`
  if (meant !== null) return `${said}; did you mean ${value.kind === 'table' ? `[${meant}]` : meant}?`
  const ofApp = meantName(name, namesOf('app'))
  if (ofApp !== null) return `${said}; did you mean ${ofApp}, ${PLACES.app}?`
  return `${said}${foreignHint(name)}`
}

function isAppKey(name: string): boolean {
  return APP_KEYS.some(one => one.name === name)
}

function namesOf(level: Level): string[] {
  return KNOWN[level].map(one => one.name)
}

function foreignHint(name: string): string {
  const foreign = foreignName(name)
  return foreign === null ? '' : `: ${describe(foreign.advise('…'))}`
}
