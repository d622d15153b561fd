/**
 * What a setting is. Each is defined exactly once, in a file of this folder; the command line, `--help`, the checks and
 * the defaults are made from the definition (and so will be configuration files and reference documentation).
 */
import type { z } from 'zod'

export type Section = 'Application' | 'Listening' | 'Workers' | 'Logging' | 'Information'

/**
 * What it takes for a new value to come into force: nothing (`live`), new workers (`reload`), or a new start of the
 * program (`restart`).
 */
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
  /** From the text that the user wrote to the value; its messages are phrases that say what is allowed (`must be ...`). */
  readonly schema: z.ZodType<Value, string>
  /** As the user would write it, so that it takes the same way through `schema`; its reason stands beside it as a comment. */
  readonly default: string
  /** What help shows in its place, where the text alone says too little. */
  readonly defaultText?: string
  /** May be given more than once; the values are collected. */
  readonly repeatable?: true
  /** Given without its flag, as the word that is left over. One setting at most. */
  readonly positional?: true
  readonly change: Change
}

/** A flag without a value that makes the program say something instead of serving. */
export interface Action extends Definition {
  readonly name: 'help' | 'version'
}

export function defineSetting<Value>(setting: Setting<Value>): Setting<Value> {
  return setting
}

/** How the user writes it: `--workers`, `APP`. */
export function labelOf(setting: Setting): string {
  return setting.positional ? setting.placeholder : `--${setting.name}`
}
