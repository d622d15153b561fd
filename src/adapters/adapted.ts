/**
 * What the words of another program become for `loadConfig`: its command line as if it were ours. Runs in the command line, and in the
 * master when it reloads. Pure.
 */
import type { Diagnostic } from '../config/diagnostics.ts'
import type { Environment } from '../config/machine/environment.ts'
import type { Action } from '../config/settings/setting.ts'
import type { Arguments } from '../config/sources/arguments.ts'
import type { PythonConfiguration } from '../config/types.ts'
import type { GivenOptions } from './option.ts'
import type { Translation } from './translation.ts'

/** A program whose command line is understood. */
export interface Adapter {
  /** As a user types it: `gunicorn`. */
  readonly name: string
  /** `words`: behind the name. `file`: what its configuration file has, once that is evaluated. */
  adapt(words: readonly string[], environment: Environment, file: EvaluatedFile | null): Adapted
}

export interface Adapted {
  readonly args: Arguments
  /** To be printed; nothing is started. Null: it was no question. */
  readonly answer: string | null
  /** A configuration file that must be evaluated first: then `adapt` is called again. Null: there is none, or it was given. */
  readonly file: WantedFile | null
  readonly exits: ExitCodes
}

/** Where programs differ. */
export interface ExitCodes {
  /** A setting is wrong. */
  readonly settings: number
  /** The application could not be loaded. */
  readonly application: number
}

export const OUR_EXITS: ExitCodes = { settings: 2, application: 3 }

/** A configuration file in Python, and how to evaluate it. */
export interface WantedFile {
  /** Absolute path; null: a module. */
  readonly path: string | null
  readonly module: string | null
  /** As the user gave it, for messages. */
  readonly display: string
  /** Directory in which it is evaluated. */
  readonly directory: string
}

/** What the evaluation has found: names of the file, and their values as JSON (`shapes.ts`). */
export interface EvaluatedFile {
  readonly display: string
  readonly values: Readonly<Record<string, unknown>>
}

/** `isLenient`: what is not supported is told, and stops nothing. `configuration`: null: our processes need to know nothing of it. */
export function argumentsOf(
  program: string,
  translation: Translation,
  actions: ReadonlySet<Action['name']>,
  isLenient: boolean,
  configuration: PythonConfiguration | null,
): Arguments {
  const { values, defaults, notes, problems, refusals, remarks, keyPassword } = translation
  return {
    actions,
    values,
    diagnostics: isLenient ? problems : [...problems, ...refusals.map(withWayOut)],
    isPositionalUncertain: problems.length > 0,
    adapted: {
      program,
      defaults,
      remarks,
      notes: isLenient ? [...notes, ...refusals.map(({ message }) => message)] : notes,
      configuration,
      keyPassword,
    },
  }
}

function withWayOut({ subject, message }: Diagnostic): Diagnostic {
  return { subject, message: `${message}, or start with --lenient to go on without it` }
}

/** The first wins. */
export function mergeGiven(...sources: readonly GivenOptions[]): GivenOptions {
  return new Map(sources.toReversed().flatMap(source => [...source]))
}
