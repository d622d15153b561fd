/** Settings, help, reference and schema have the same names: none is missing, and none is too many. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatHelp } from '../../src/cli/help.ts'
import { describeTerminal } from '../../src/cli/terminal.ts'
import { ACTIONS, APPLICATION_SETTINGS, SETTINGS } from '../../src/config/settings/index.ts'
import { LIMIT_KEYS } from '../../src/config/settings/limit-keys.ts'
import { LOG_KEYS } from '../../src/config/settings/log-keys.ts'
import { REWRITE_KEYS } from '../../src/config/settings/rewrite-keys.ts'
import { isFrom, variableOf } from '../../src/config/settings/setting.ts'
import { SITE_DEFAULTS } from '../../src/config/settings/site-defaults.ts'
import { LOCATION_KEYS, SITE_KEYS } from '../../src/config/settings/site-keys.ts'
import { APP_KEYS, include, POOL_KEYS } from '../../src/config/settings/tables.ts'
import { TLS_KEYS } from '../../src/config/settings/tls-entry.ts'
import { UPSTREAM_KEYS } from '../../src/config/settings/upstream-group-keys.ts'
import { GEO_KEYS, MAP_KEYS, SPLIT_KEYS } from '../../src/config/settings/variable-keys.ts'
import { COMMAND, KEYS_OF_TABLES, referenceFiles } from './reference.ts'
import { ROOT } from './tools.ts'

interface Properties {
  readonly properties: Readonly<Record<string, unknown>>
}

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const reference = read('docs/reference/settings.md')
const schema = JSON.parse(read('docs/reference/jumak.schema.json')) as Properties & {
  $defs: Record<
    | 'application'
    | 'pool'
    | 'tls'
    | 'site'
    | 'location'
    | 'rewrite'
    | 'map'
    | 'geo'
    | 'split'
    | 'limit'
    | 'log'
    | 'upstream',
    Properties
  >
}
const help = formatHelp(describeTerminal({}, {}))

for (const [path, text] of Object.entries(referenceFiles()))
  test(`${path} is made from the present settings`, () => {
    assert.ok(read(path) === text, `${path} is old: run ${COMMAND}`)
  })

test('every flag is in the help and in the reference, and none beside them', () => {
  const flags = SETTINGS.filter(one => !one.positional).map(one => `--${one.name}`)
  const negations = SETTINGS.filter(one => one.kind.isSwitch).map(one => `--no-${one.name}`)
  const defined = [...flags, ...ACTIONS.map(one => `--${one.name}`)].sort()
  const flagsIn = (text: string) => [...new Set(text.match(/--[a-z][a-z\d-]*[a-z\d]/g))].sort()
  assert.deepEqual(flagsIn(help.replace('--some-name', '')), defined)
  assert.deepEqual(flagsIn(reference), [...defined, ...negations].sort())
})

test('a setting without a default says so in words', () => {
  assert.doesNotMatch(help, /\[null\]/)
  assert.doesNotMatch(reference, /\| `null`\./)
})

test('every variable is in the reference, and none beside them', () => {
  const defined = SETTINGS.filter(one => isFrom(one, 'variable')).map(variableOf)
  assert.deepEqual([...new Set(reference.match(/JUMAK_[A-Z\d_]+/g))].sort(), defined.sort())
})

test('every setting of a file is in the schema, and none beside them', () => {
  const defined = SETTINGS.filter(one => isFrom(one, 'file'))
  const { application, pool, tls, site, location, rewrite, map, geo, split, limit, log, upstream } = schema.$defs
  const names = (settings: readonly { readonly name: string }[]) => settings.map(({ name }) => name)
  const tables = ['site', 'map', 'geo', 'split', 'limit', 'log', 'upstream']
  assert.deepEqual(Object.keys(schema.properties), [
    ...names([...defined, include]),
    ...tables,
    ...names(SITE_DEFAULTS),
  ])
  const ofApps = defined.filter(one => APPLICATION_SETTINGS.has(one))
  assert.deepEqual(Object.keys(application.properties), [...names([...APP_KEYS, ...ofApps]), 'pool'])
  assert.deepEqual(Object.keys(pool.properties), names(POOL_KEYS))
  assert.deepEqual(Object.keys(tls.properties), names(TLS_KEYS))
  assert.deepEqual(Object.keys(site.properties), [...names(SITE_KEYS), 'locations', 'rewrites'])
  assert.deepEqual(Object.keys(location.properties), [...names(LOCATION_KEYS), 'locations', 'rewrites'])
  assert.deepEqual(Object.keys(rewrite.properties), [...names(REWRITE_KEYS), 'rewrites'])
  assert.deepEqual(Object.keys(map.properties), names(MAP_KEYS))
  assert.deepEqual(Object.keys(upstream.properties), names(UPSTREAM_KEYS))
  assert.deepEqual(Object.keys(geo.properties), names(GEO_KEYS))
  assert.deepEqual(Object.keys(split.properties), names(SPLIT_KEYS))
  assert.deepEqual(Object.keys(limit.properties), names(LIMIT_KEYS))
  assert.deepEqual(Object.keys(log.properties), names(LOG_KEYS))
})

test('every row of the reference is a setting, with its section, its reason and what a change needs', () => {
  const rows = reference.split('\n').filter(line => /^\| `?[a-z]/.test(line))
  const keys = KEYS_OF_TABLES.flatMap(([, own]) => own)
  const sections = [...new Set(SETTINGS.map(({ section }) => section))]
  const inSections = sections.flatMap(section => SETTINGS.filter(one => one.section === section))
  const all = [...keys, ...inSections]
  assert.equal(rows.length, all.length)
  for (const [i, { name, why, placeholder }] of all.entries()) {
    assert.match(rows[i]!, new RegExp(`^\\| \`?${name}\`? `))
    assert.ok(rows[i]!.includes(why.slice(1)), name)
    assert.ok(i < keys.length || rows[i]!.includes(placeholder), name)
  }
})
