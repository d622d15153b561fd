/**
 * An option of another program, as a line of its table (`gunicorn/`, `uvicorn/`). The command line, the variables and the configuration
 * file of that program, `--help`, and the reference page are read from the tables. Runs in the command line, and in the master when it
 * reloads. Pure.
 */
import type { Shape } from './shapes.ts'
import type { GivenValue, Translation } from './translation.ts'

/**
 * What becomes of an option that is given: there is no fourth answer, so nothing is dropped silently.
 *
 *   works     it does here what it does there
 *   idle      it cannot matter here: told once, in the log
 *   refused   it is not supported: the start stops, unless `--lenient` says otherwise
 *
 * `apply` of an option that works may refuse a value of it, or tell something about it (`translation.ts`).
 */
export type Answer<Value> =
  | {
      readonly is: 'works'
      /** For the reference: our setting in Markdown, or a sentence. */
      readonly as: string
      readonly apply: (value: Value, to: Translation) => void
    }
  /** A phrase that follows the option's name: `is not needed: …`. */
  | { readonly is: 'idle'; readonly why: string }
  /** Phrases: `would serve …`, and `write …`. */
  | { readonly is: 'refused'; readonly would: string; readonly instead: string }

export interface Option<Value = unknown> {
  /** As that program names it in its file and documents: `graceful_timeout`. */
  readonly name: string
  /** With their hyphens, the long one last; empty: in the file only. */
  readonly flags: readonly string[]
  readonly shape: Shape<Value>
  readonly answer: Answer<Value>
  /** Its default there, as people write it; null: none. Given with this value, an option that is idle or refused changes nothing. */
  readonly standard: string | null
  /** What it does there, in a sentence: for `--help` and the reference. */
  readonly doc: string
}

/** Options that belong together, in the order of `--help` and of the reference. */
export interface Section {
  readonly title: string
  readonly options: readonly AnyOption[]
}

/** An option of any type, for the tables. */
// biome-ignore lint/suspicious/noExplicitAny: each option's value goes to its own `apply` only.
export type AnyOption = Option<any>

/** Keeps the type of the value between `shape` and `apply`. */
export function option<Value>(
  name: string,
  flags: readonly string[],
  shape: Shape<Value>,
  answer: Answer<Value>,
  standard: string | null = null,
  doc = '',
): AnyOption {
  return { name, flags, shape, answer, standard, doc }
}

/** What a table says of an option besides its name. */
interface Line<Value> {
  readonly flags?: readonly string[]
  readonly shape: Shape<Value>
  readonly standard?: string
  readonly doc: string
}

export function works<Value>(
  name: string,
  { flags = [], shape, standard, doc }: Line<Value>,
  as: string,
  apply: (value: Value, to: Translation) => void,
): AnyOption {
  return option(name, flags, shape, { is: 'works', as, apply }, standard, doc)
}

export function idle<Value>(name: string, { flags = [], shape, standard, doc }: Line<Value>, why: string): AnyOption {
  return option(name, flags, shape, { is: 'idle', why }, standard, doc)
}

export function refused<Value>(
  name: string,
  { flags = [], shape, standard, doc }: Line<Value>,
  would: string,
  instead: string,
): AnyOption {
  return option(name, flags, shape, { is: 'refused', would, instead }, standard, doc)
}

export interface GivenOption extends GivenValue {
  readonly option: AnyOption
}

/** By the name of the option. */
export type GivenOptions = ReadonlyMap<string, GivenOption>

/** All that was given, in its order. */
export function translate(given: GivenOptions, to: Translation): void {
  for (const one of given.values()) {
    to.begin(one)
    const { answer } = one.option
    if (answer.is === 'works') answer.apply(one.value, to)
    else if (isStandard(one)) continue
    else if (answer.is === 'idle') to.tell(answer.why)
    else to.refuse(answer.would, answer.instead)
  }
}

/** A configuration file often says what would be so without it. */
function isStandard({ option: { shape, standard }, value }: GivenOption): boolean {
  if (standard === null) return false
  const parsed = shape.takes === 'nothing' ? shape.fromFile(standard) : shape.fromText(standard)
  const written = 'value' in parsed ? JSON.stringify(parsed.value) : standard
  return JSON.stringify(value) === written || JSON.stringify(value) === standard
}
