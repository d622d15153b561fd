/**
 * What a setting is. Each is defined exactly once, in a group in a file of this folder. Flags, variables, keys of files, `--help`,
 * checks, defaults, the reference page, the JSON Schema and the types of plain values are made from the definition. Runs in the command
 * line and in the master, never in the gateway. Pure.
 */

import type { Kind } from '../kinds/kinds.ts'

export type Section =
  | 'Application'
  | 'Applications'
  | 'Sites'
  | 'Listening'
  | 'TLS'
  | 'Workers'
  | 'Static files'
  | 'Logging'
  | 'Development'
  | 'Limits'
  | 'Process'
  | 'Information'

export type Source = 'flag' | 'variable' | 'file'

/** What a new value needs to count: HUP alone (`live`), new workers, which HUP brings (`reload`), or a restart of the program. */
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
  /** The word for the value in help: `N`, `ADDRESS`. Empty for a switch. */
  readonly placeholder: string
  readonly kind: Kind<Value>
  /** As the user would write it: `kind` parses it as well. Null: no value; for repeatable settings. */
  readonly default: string | null
  /** What help shows in place of `default`, if that says too little. */
  readonly defaultText?: string
  /** Why this default. */
  readonly why: string
  /** More for the reference: Markdown, whole sentences. */
  readonly more?: string
  /** It may be given more than once, and the values are collected. `commas`: commas separate values too, as always in variables. */
  readonly repeatable?: 'words' | 'commas'
  /** It is given without a flag, as the word that is left. One setting at most. */
  readonly positional?: true
  /** Where it may be given; everywhere if left out. */
  readonly sources?: readonly Source[]
  readonly change: Change
}

/** A setting that `assemble.ts` reads: `Config` does not have the value as it was given, but something that is made of it. */
export interface Input<Value = unknown> extends Setting<Value> {
  readonly isInput: true
}

/** Settings in the order of help. Each has the name that its value has in `Config`; a group inside is a part of `Config`. */
export interface Group {
  readonly [name: string]: Setting | Group
}

/** The type of a group's values, under the same names, without the inputs. */
export type ValuesOf<Members> = {
  readonly [Name in keyof Members as Members[Name] extends Input ? never : Name]: Members[Name] extends Setting<
    infer Value
  >
    ? Value
    : ValuesOf<Members[Name]>
}

/** A flag without a value. It makes the program print something and exit. */
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

/** Its name on the command line: `--workers`, `APP`. */
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
