/**
 * The values of another program's configuration file, which is Python and was evaluated: a name that is an option's is given there. Runs in
 * the command line, and in the master when it reloads. Pure.
 */
import { closest } from '../base/closest.ts'
import type { Diagnostic } from '../config/diagnostics.ts'
import type { EvaluatedFile } from './adapted.ts'
import type { AnyOption, GivenOption } from './option.ts'

export interface ReadValues {
  /** By the name of the option. */
  readonly given: Map<string, GivenOption>
  readonly problems: Diagnostic[]
  /** Names that are nearly an option's, a sentence each: the file's own variables have any names. */
  readonly notes: string[]
}

/** Null is as if it were not given. */
export function readValues({ display, values }: EvaluatedFile, options: readonly AnyOption[]): ReadValues {
  const byName = new Map(options.map(option => [option.name, option]))
  const read: ReadValues = { given: new Map(), problems: [], notes: [] }
  for (const [name, value] of Object.entries(values)) {
    const option = byName.get(name)
    const place = `${display}: ${name}`
    if (option === undefined) {
      const meant = closest(name, [...byName.keys()])
      if (meant !== null && !Object.hasOwn(values, meant))
        read.notes.push(`${place} is no setting and does nothing; did you mean ${meant}?`)
      continue
    }
    if (value === null) continue
    const parsed = option.shape.fromFile(value)
    if ('problem' in parsed) read.problems.push({ subject: place, message: `${place} ${parsed.problem}` })
    else read.given.set(name, { option, value: parsed.value, place })
  }
  return read
}
