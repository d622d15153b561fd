/**
 * What a setting is. Each is defined exactly once, in a file of this folder; the command line, environment variables,
 * files, `--help`, the checks, the defaults, the reference page and the JSON Schema are made from the definition.
 */

import type { Kind } from '../kinds/kinds.ts'

export type Section =
  | 'Application'
  | 'Listening'
  | 'Workers'
  | 'Static files'
  | 'Logging'
  | 'Development'
  | 'Limits'
  | 'Process'
  | 'Information'

export type Source = 'flag' | 'variable' | 'file'

/** What it takes for a new value of a setting to come into force: nothing, new workers, a new start of the program. */
export type Change = 'live' | 'reload' | 'restart'

/** What settings and actions have in common. */
export interface Definition {
  /** In lower case with hyphens; the flag is `--name`. */
  readonly name: string
  /** One letter. */
  readonly short?: string
  readonly section: Section
  /** One sentence for help and reference. */
  readonly doc: string
}

export interface Setting<Value = unknown> extends Definition {
  /** What stands for the value in help: `N`, `ADDRESS`. */
  readonly placeholder: string
  readonly kind: Kind<Value>
  /** As the user would write it, so that it takes the same way through `kind`; null: nothing, for repeatable ones. */
  readonly default: string | null
  /** What help shows in its place, where the text alone says too little. */
  readonly defaultText?: string
  /** Why this default. */
  readonly why: string
  /** More for the reference: Markdown, whole sentences. */
  readonly more?: string
  /** May be given more than once; the values are collected. `commas`: commas part them as well, as they always do in variables. */
  readonly repeatable?: 'words' | 'commas'
  /** Given without its flag, as the word that is left over. One setting at most. */
  readonly positional?: true
  /** Where it may be given; everywhere when left out. */
  readonly sources?: readonly Source[]
  /** `reload` comes with HUP, which reads the file anew. */
  readonly change: Change
}

/** A setting that `assemble.ts` reads by itself: the configuration has something else than its value, or more than that. */
export interface Input<Value = unknown> extends Setting<Value> {
  readonly isInput: true
}

/** Settings in the order of help, each under the name that its value has in `Config`; a group in it is a part of `Config`. */
export interface Group {
  readonly [name: string]: Setting | Group
}

/** The values of a group, under the same names. Inputs are not among them. */
export type ValuesOf<Members> = {
  readonly [Name in keyof Members as Members[Name] extends Input ? never : Name]: Members[Name] extends Setting<
    infer Value
  >
    ? Value
    : ValuesOf<Members[Name]>
}

/** A flag without a value that makes the program say something instead of serving. */
export interface Action extends Definition {
  readonly name: 'usage' | 'help' | 'version' | 'check' | 'no-app' | 'print-config' | 'print-schema'
}

/** A setting whose value goes into `Config` as it is. */
export function plain<Value>(setting: Setting<Value>): Setting<Value> {
  return setting
}

/** A setting from which `assemble.ts` makes what goes into `Config`. */
export function input<Value>(setting: Setting<Value>): Input<Value> {
  return { ...setting, isInput: true }
}

export function isSetting(member: Setting | Group): member is Setting {
  return typeof member['name'] === 'string'
}

export function isInput(setting: Setting): setting is Input {
  return 'isInput' in setting
}

/** All settings of a group and of the groups in it. */
export function settingsIn(group: Group): Setting[] {
  return Object.values(group).flatMap(member => (isSetting(member) ? [member] : settingsIn(member)))
}

/** How the user writes it on the command line: `--workers`, `APP`. */
export function labelOf(setting: Setting): string {
  return setting.positional ? setting.placeholder : `--${setting.name}`
}

/** `JUMAK_ACCESS_LOG`. */
export function variableOf(setting: Setting): string {
  return `JUMAK_${setting.name.toUpperCase().replaceAll('-', '_')}`
}

export function isFrom(setting: Setting, source: Source): boolean {
  return setting.sources?.includes(source) ?? true
}
