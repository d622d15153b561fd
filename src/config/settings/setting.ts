/**
 * What a setting is. Each is defined exactly once, in a file of this folder; the command line, `--help` and the checks are made from
 * the definition (and so will be everything else that shows settings).
 */
import type { z } from 'zod'

export type Section = 'Application' | 'Listening' | 'Workers' | 'Logging'

/** What it takes for a new value to come into force. */
export type Change = 'live' | 'reload' | 'restart'

export interface Setting<Value = unknown> {
  /** Name in a configuration; the flag is `--name`. */
  readonly name: string
  /** One letter. */
  readonly short?: string
  readonly section: Section
  /** What stands for the value in help: `N`, `HOST:PORT`. */
  readonly placeholder: string
  /** From the text that the user gave to the value; its messages say what is allowed. */
  readonly schema: z.ZodType<Value, string>
  /** What help shows as the default. */
  readonly defaultText: string
  readonly doc: string
  /** May be given more than once; the values are collected. */
  readonly repeatable?: true
  readonly change: Change
}

export function defineSetting<Value>(setting: Setting<Value>): Setting<Value> {
  return setting
}
