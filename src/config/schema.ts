/** JSON Schema of `jumak.toml`, for editors, made from the definitions of the settings. */

import type { JsonSchema } from './kinds/kinds.ts'
import { APPLICATION_SETTINGS, SETTINGS } from './settings/index.ts'
import { LIMIT_KEYS } from './settings/limit-keys.ts'
import { LOG_KEYS } from './settings/log-keys.ts'
import { REWRITE_KEYS } from './settings/rewrite-keys.ts'
import { isFrom, type Setting } from './settings/setting.ts'
import { SITE_DEFAULTS } from './settings/site-defaults.ts'
import { LOCATION_KEYS, SITE_KEYS } from './settings/site-keys.ts'
import { APP_KEYS, include, POOL_KEYS } from './settings/tables.ts'
import { TLS_KEYS } from './settings/tls-entry.ts'
import { UPSTREAM_KEYS } from './settings/upstream-group-keys.ts'
import { GEO_KEYS, MAP_KEYS, SPLIT_KEYS } from './settings/variable-keys.ts'

export function jsonSchema(): JsonSchema {
  const settings = SETTINGS.filter(setting => isFrom(setting, 'file'))
  const properties = propertiesOf([...settings, include])
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Settings of Jumak',
    description: 'jumak.toml, and the table [tool.jumak] of pyproject.toml',
    type: 'object',
    additionalProperties: false,
    properties: {
      ...properties,
      app: orTables(properties['app']!, '#/$defs/application', ['name']),
      tls: orTables(properties['tls']!, '#/$defs/tls', []),
      site: listOfTables('A site: names, and what is done below their paths', '#/$defs/site'),
      map: listOfTables('A variable that depends on another text', '#/$defs/map'),
      geo: listOfTables('A variable that depends on the network of an address', '#/$defs/geo'),
      split: listOfTables('A variable that divides clients', '#/$defs/split'),
      limit: listOfTables('How often, or how many at once, requests with one key may come', '#/$defs/limit'),
      log: listOfTables('A log of sites and locations', '#/$defs/log'),
      upstream: listOfTables('Servers that requests are passed on to', '#/$defs/upstream'),
      ...propertiesOf(SITE_DEFAULTS),
    },
    $defs: {
      application: {
        description:
          'An application: a table [[app]]; in a file of include the top of the file, where the name may be left out',
        type: 'object',
        additionalProperties: false,
        required: ['app'],
        properties: {
          ...propertiesOf([...APP_KEYS, ...settings.filter(setting => APPLICATION_SETTINGS.has(setting))]),
          pool: { description: 'Workers of their own for some paths', type: 'array', items: { $ref: '#/$defs/pool' } },
        },
      },
      tls: {
        description: 'A certificate for some names: a table [[tls]]',
        type: 'object',
        additionalProperties: false,
        required: ['cert', 'key'],
        properties: propertiesOf(TLS_KEYS),
      },
      site: {
        type: 'object',
        additionalProperties: false,
        properties: { ...propertiesOf(SITE_KEYS), ...INNER },
      },
      location: {
        type: 'object',
        additionalProperties: false,
        required: ['match'],
        properties: { ...propertiesOf(LOCATION_KEYS), ...INNER },
      },
      rewrite: {
        type: 'object',
        additionalProperties: false,
        properties: { ...propertiesOf(REWRITE_KEYS), rewrites: INNER.rewrites },
      },
      map: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'from', 'values'],
        properties: propertiesOf(MAP_KEYS),
      },
      upstream: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'servers'],
        properties: propertiesOf(UPSTREAM_KEYS),
      },
      geo: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'networks'],
        properties: propertiesOf(GEO_KEYS),
      },
      split: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'from', 'parts'],
        properties: propertiesOf(SPLIT_KEYS),
      },
      limit: {
        type: 'object',
        additionalProperties: false,
        required: ['name'],
        properties: propertiesOf(LIMIT_KEYS),
      },
      log: {
        type: 'object',
        additionalProperties: false,
        required: ['name'],
        properties: propertiesOf(LOG_KEYS),
      },
      pool: {
        type: 'object',
        additionalProperties: false,
        required: ['paths', 'workers'],
        properties: propertiesOf(POOL_KEYS),
      },
    },
  }
}

function listOfTables(description: string, $ref: string): JsonSchema & { readonly description: string } {
  return { description, type: 'array', items: { $ref } }
}

const INNER = {
  locations: listOfTables('Paths with something of their own', '#/$defs/location'),
  rewrites: listOfTables('Steps that are done in their order', '#/$defs/rewrite'),
}

function propertiesOf(settings: readonly Setting[]): Record<string, JsonSchema> {
  return Object.fromEntries(settings.map(setting => [setting.name, propertyOf(setting)]))
}

/** The key `app` is the one application, or the tables of several; `tls` is a word, or tables. */
function orTables({ description, ...one }: JsonSchema, $ref: string, required: readonly string[]): JsonSchema {
  const { default: standard, ...value } = one
  const tables = { type: 'array', items: { $ref, ...(required.length > 0 ? { required } : {}) }, minItems: 1 }
  return { description, ...(standard === undefined ? {} : { default: standard }), anyOf: [value, tables] }
}

function propertyOf(setting: Setting): JsonSchema {
  const { kind, doc, more, defaultText } = setting
  const standard = defaultText === undefined ? '' : ` Default: ${defaultText}.`
  const described = { description: `${doc}${more === undefined ? '' : ` ${more}`}${standard}` }
  const withDefault =
    setting.default === null ? described : { ...described, default: defaultOf(setting, setting.default) }
  if (kind.table === 'only')
    return { ...withDefault, type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } }
  if (!setting.repeatable) return { ...withDefault, ...kind.json }
  const table = kind.table ? [{ type: 'object', additionalProperties: { type: ['string', 'number'] } }] : []
  return {
    ...withDefault,
    anyOf: [...alternatives(kind.json), { type: 'array', items: kind.json, minItems: 1 }, ...table],
  }
}

function alternatives(json: JsonSchema): readonly JsonSchema[] {
  return (json['anyOf'] as readonly JsonSchema[] | undefined) ?? [json]
}

function defaultOf(setting: Setting, text: string): unknown {
  const values = (setting.repeatable === 'commas' ? text.split(',') : [text]).map(one => naturalValue(setting, one))
  return setting.repeatable ? values : values[0]
}

/** The form that fits best for this text in a file: a number, a boolean, or text. */
export function naturalValue({ kind }: Setting, text: string): string | number | boolean {
  const parsed = kind.parse(text)
  if ('value' in parsed && typeof parsed.value === 'boolean') return parsed.value
  return kind.literals.includes('integer') && /^(?:0|[1-9]\d*)$/.test(text) ? Number(text) : text
}
