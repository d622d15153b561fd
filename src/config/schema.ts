/** JSON Schema of `jumak.toml`, for editors, made from the definitions of the settings. */

import type { JsonSchema } from './kinds/kinds.ts'
import { SETTINGS } from './settings/index.ts'
import { isFrom, type Setting } from './settings/setting.ts'

export function jsonSchema(): JsonSchema {
  const settings = SETTINGS.filter(setting => isFrom(setting, 'file'))
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Settings of Jumak',
    description: 'jumak.toml, and the table [tool.jumak] of pyproject.toml',
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(settings.map(setting => [setting.name, propertyOf(setting)])),
  }
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
